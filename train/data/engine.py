"""Drawing clips into shards, in parallel: killed at any moment, the same call goes on and ends with the same bytes."""

import errno
import json
import os
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from webdataset.writer import TarWriter

from train.common.run import Progress
from train.data.shards import ShardsError, sample_of, write_manifest
from train.data.workers import in_order

Drawn = tuple[str, list[bytes], list[dict], list[bytes] | None] | tuple[str, list[bytes], list[dict], None, list[dict]]
"""A clip of an engine: key, encoded WebP frames, one factor dictionary a frame, .npz bytes a frame or None; and from an
engine that drops things, the dropped ones. A clip without frames is not written."""


def progress_line(total: int, unit: str, every: int) -> Callable[[int, int], None]:
    """Return a `progress` of draw_shards that prints a line, on files every so many clips."""
    line = Progress(total, unit=unit)

    def show(done: int, total: int) -> None:
        line.total = total  # a continued run draws fewer
        line(done, line=done % every == 0 or done == total)

    return show


def draw_shards(
    make_clip: Callable[[int], Drawn],
    clips: int,
    out: Path,
    about: dict,
    arguments: dict,
    workers: int = 1,
    clips_a_shard: int = 100,
    progress: Callable[[int, int], None] | None = None,
) -> dict:
    """Draw clips in parallel into shards.

    A shard is written to NAME.partial and renamed when it is whole; whole ones are not drawn again. Dropped things
    stand in NAME.dropped.jsonl. Every clip is made by one thread, so that the number of workers changes no bit of it.

    Args:
        make_clip: index -> Drawn; depends on the index and its own fields alone. With workers > 1 it is pickled (a
            function of a module, or an instance of a dataclass with __call__) and called in new processes.
        clips: how many.
        out: the folder. Its `arguments.json` says what is being drawn there.
        about: what the manifest says of the data ("source", "licence", ...).
        arguments: JSON values that, with clips and clips_a_shard, decide every byte; compared with `arguments.json`.
        workers: processes; 1 draws in this one.
        clips_a_shard: clips a tar.
        progress: called with (clips drawn by this call, clips it has to draw) after each.

    Returns:
        The manifest, as write_shards makes it.

    Raises:
        ShardsError: out holds other shards, or shards of other arguments.
        ValueError: clips, workers or clips_a_shard is below 1.
        BrokenProcessPool: a worker died, for want of memory say; the same call goes on.
    """
    if min(clips, workers, clips_a_shard) < 1:
        raise ValueError(f"clips, workers and clips a shard must be 1 or more, not {clips}, {workers}, {clips_a_shard}")
    arguments = json.loads(json.dumps({**arguments, "clips": clips, "clips_a_shard": clips_a_shard}))
    _claim(out, arguments)
    starts = range(0, clips, clips_a_shard)
    paths = {out / f"{i:05d}.tar": range(start, min(start + clips_a_shard, clips)) for i, start in enumerate(starts)}
    missing = {path: indices for path, indices in paths.items() if not path.exists()}
    total, done = sum(map(len, missing.values())), 0
    with in_order(make_clip, [i for indices in missing.values() for i in indices], workers) as drawn:
        for path, indices in missing.items():
            with _whole_shard(path) as (writer, dropped):
                for _ in indices:
                    clip = next(drawn)
                    dropped += clip[4] if len(clip) > 4 else []
                    if clip[1]:
                        writer.write(sample_of(*clip[:4]))
                    done += 1
                    if progress:
                        progress(done, total)
    factors = [clip for path in paths for clip in _factors(path)]
    return write_manifest(out, about, [str(clip[0]["person"]) for clip in factors], sum(map(len, factors)))


@contextmanager
def _whole_shard(path: Path) -> Iterator[tuple[TarWriter, list[dict]]]:
    """Give a writer of a shard and the list of what it dropped; both files appear when the block ends without error."""
    partial, dropped = path.with_suffix(".partial"), []
    try:
        with partial.open("wb") as stream:
            with TarWriter(stream, mtime=0) as writer:
                yield writer, dropped
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EFBIG, errno.EDQUOT):  # they name no file
            partial.unlink(missing_ok=True)
            raise OSError(
                f"{path} cannot be written ({error.strerror}): make room, and the same call goes on"
            ) from error
        raise
    if dropped:
        path.with_suffix(".dropped.jsonl").write_text("".join(json.dumps(row) + "\n" for row in dropped))
    os.replace(partial, path)


def _claim(out: Path, arguments: dict) -> None:
    """Write the arguments of `out`, or compare them with those it was begun with; raises ShardsError."""
    file = out / "arguments.json"
    if not file.exists():
        if any(out.glob("*.tar")):
            raise ShardsError(f"{out} holds shards already; choose another --out")
        out.mkdir(parents=True, exist_ok=True)
        partial = file.with_suffix(".partial")
        partial.write_text(json.dumps(arguments, indent=1))
        os.replace(partial, file)
        return
    before = json.loads(file.read_text())
    changed = [
        f"{k} {before.get(k)}, not {arguments.get(k)}"
        for k in {**before, **arguments}
        if before.get(k) != arguments.get(k)
    ]
    if changed:
        raise ShardsError(f"{out} was begun with other arguments ({'; '.join(changed)}); choose another --out")


def _factors(path: Path) -> Iterator[list[dict]]:
    """Yield the factors of a shard's clips."""
    with tarfile.open(path) as tar:
        for member in tar:
            if member.name.endswith(".json") and (file := tar.extractfile(member)):
                yield json.load(file)
