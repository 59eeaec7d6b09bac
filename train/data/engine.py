"""Drawing clips into shards, in parallel: killed at any moment, the same call goes on and ends with the same bytes."""

import json
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from webdataset.writer import TarWriter

from train.common.places import check_place, is_url, reached, whole_file
from train.common.run import Progress
from train.data.executor import Executor, executor
from train.data.shards import ShardsError, sample_of, write_manifest

Drawn = (
    tuple[str, list[bytes], list[dict], list[bytes] | None]
    | tuple[str, list[bytes], list[dict], list[bytes] | None, list[dict]]
)
"""A clip of an engine: key, encoded WebP frames, one factor dictionary a frame, .npz bytes a frame or None; and from an
engine that drops things, the dropped ones. A clip without frames is not written."""


def progress_line(total: int, unit: str, every: int) -> Callable[[int, int], None]:
    """Return a `progress` of draw_shards that prints a line, on files every so many clips."""
    line = Progress(total, unit=unit)

    def show(done: int, total: int) -> None:
        """Show how many clips are made."""
        line.total = total  # a continued run draws fewer
        line(done, line=done % every == 0 or done == total)

    return show


def draw_shards(
    make_clip: Callable[[int], Drawn],
    clips: int,
    out: Path,
    about: dict,
    arguments: dict,
    workers: int | Executor = 1,
    clips_a_shard: int = 100,
    progress: Callable[[int, int], None] | None = None,
) -> dict:
    """Draw clips in parallel into shards, and write their manifest once all are there.

    Args:
        make_clip: see draw_missing.
        clips: how many.
        out: the folder.
        about: what the manifest says of the data ("source", "licence", ...).
        arguments: see draw_missing.
        workers: processes, or who makes clips.
        clips_a_shard: clips a tar.
        progress: see draw_missing.

    Returns:
        The manifest, as write_shards makes it; {} while other parts have shards to draw still.

    Raises:
        ShardsError: out holds other shards, or shards of other arguments.
        ValueError: clips, workers or clips_a_shard is below 1.
        BrokenProcessPool: a worker died, for want of memory say; the same call goes on.
    """
    by = executor(workers)
    paths = draw_missing(make_clip, clips, out, arguments, by, clips_a_shard, progress)
    return write_manifest(out, about, *counted(paths), not by.is_part) if paths else {}


def draw_missing(
    make_clip: Callable[[int], Drawn],
    clips: int,
    out: Path,
    arguments: dict,
    by: Executor,
    clips_a_shard: int = 100,
    progress: Callable[[int, int], None] | None = None,
) -> list[Path]:
    """Draw the shards of a set, or of its part, that are not there.

    A shard is written to NAME.partial and renamed when it is whole; whole ones are not drawn again. Dropped things
    stand in NAME.dropped.jsonl. Every clip is made by one thread, so that the number of workers changes no bit of it.

    Args:
        make_clip: index -> Drawn; depends on the index and its own fields alone. With workers > 1 it is pickled (a
            function of a module, or an instance of a dataclass with __call__) and called in new processes.
        clips: how many.
        out: the folder. Its `arguments.json` says what is being drawn there.
        arguments: JSON values that, with clips and clips_a_shard, decide every byte; compared with `arguments.json`.
        by: who makes clips. One worker draws in this process.
        clips_a_shard: clips a tar.
        progress: called with (clips drawn by this call, clips it has to draw) after each.

    Returns:
        All shards of the set in order; [] while other parts have some to draw still.

    Raises:
        ShardsError: out holds other shards, or shards of other arguments.
        ValueError: clips or clips_a_shard is below 1.
        BrokenProcessPool: a worker died, for want of memory say; the same call goes on.
    """
    if min(clips, clips_a_shard) < 1:
        raise ValueError(f"clips and clips a shard must be 1 or more, not {clips} and {clips_a_shard}")
    arguments = json.loads(json.dumps({**arguments, "clips": clips, "clips_a_shard": clips_a_shard}))
    _claim(out, arguments, not by.is_part)
    starts = range(0, clips, clips_a_shard)
    paths = {out / f"{i:05d}.tar": range(start, min(start + clips_a_shard, clips)) for i, start in enumerate(starts)}
    missing = {path: paths[path] for path in _missing(out, by.mine(list(paths)))}
    total, done = sum(map(len, missing.values())), 0
    with by.in_order(make_clip, [i for indices in missing.values() for i in indices]) as drawn:
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
    left = _missing(out, list(paths)) if by.is_part else []
    if left:
        print(f"{len(paths) - len(left):,} of {len(paths):,} shards are there; other parts draw the others", flush=True)
    return [] if left else list(paths)


def counted(paths: list[Path]) -> tuple[list[str], int]:
    """Count what shards hold: the person of each clip, and the frames of all."""
    persons, frames = [], 0
    for path in paths:
        for clip in _factors(path):
            persons.append(str(clip[0]["person"]))
            frames += len(clip)
    return persons, frames


def _missing(out: Path, paths: list[Path]) -> list[Path]:
    """Choose the shards that are not there, by one look into their folder."""
    with reached(out):
        there = {path.name for path in out.glob("*.tar")}
    return [path for path in paths if path.name not in there]


@contextmanager
def _whole_shard(path: Path) -> Iterator[tuple[TarWriter, list[dict]]]:
    """Give a writer of a shard and the list of what it dropped; both files appear when the block ends without error."""
    dropped: list[dict] = []
    with whole_file(path) as stream:
        with TarWriter(stream, mtime=0) as writer:
            yield writer, dropped
        if dropped:  # before the shard: where that is, so are they
            rows = "".join(json.dumps(row) + "\n" for row in dropped)
            with reached(path):
                path.with_suffix(".dropped.jsonl").write_text(rows)


def _claim(out: Path, arguments: dict, alone: bool) -> None:
    """Write the arguments of `out`, or compare them with those it was begun with; raises ShardsError."""
    file = check_place(out) / "arguments.json"
    if not file.exists():
        if any(out.glob("*.tar")):
            raise ShardsError(f"{out} holds shards already; choose another --out")
        if not is_url(out):
            out.mkdir(parents=True, exist_ok=True)
        with whole_file(file, alone) as stream:
            stream.write(json.dumps(arguments, indent=1).encode())
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
    with reached(path), path.open("rb") as file, tarfile.open(fileobj=file, mode="r:") as tar:
        for member in tar:
            if member.name.endswith(".json") and (stored := tar.extractfile(member)):
                yield json.load(stored)
