"""Clips in webdataset shards: how every data engine writes them and every trainer reads them.

A sample is one clip of one person: `KEY.00.webp`, `KEY.01.webp`, ... and `KEY.json`, a list of one factor dictionary
a frame. Frames are standard crops with margin (half side times 1.25), so that trainers can shift the crop a little.
`manifest.json` beside the tars counts clips and frames and names source and licence. Engines that know the truth add
`KEY.00.npz`, one a frame.
"""

import io
import json
import multiprocessing
import os
import signal
import sys
import tarfile
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
import webdataset
from torch import Tensor

from train.data.on_disk import DiskFrames, decode, frame_names, free_memory, index_shard, read_at

MARGIN = 1.25
"""Side of a stored frame over the side of the standard crop."""
VALIDATION_EVERY = 20
"""Every 20th person (in order of name) validates and is never trained on."""


class ShardsError(ValueError):
    """A shards folder is missing, empty or not ours; the message says which and what to do."""


def write_shards(
    clips: Iterable[tuple[str, list[bytes], list[dict]]], out: Path, about: dict, clips_a_shard: int = 500
) -> dict:
    """Writes clips as tars and a manifest; returns the manifest.

    clips: (key, encoded WebP frames, one factor dictionary a frame; "person" is needed). out: a folder. about: what
    the manifest says of the data ("source", "licence", ...). Raises ShardsError where out holds shards.
    """
    if any(out.glob("*.tar")):
        raise ShardsError(f"{out} holds shards already; choose another --out")
    out.mkdir(parents=True, exist_ok=True)
    count = frames = 0
    persons = set()
    with webdataset.ShardWriter(str(out / "%05d.tar"), maxcount=clips_a_shard, verbose=0, mtime=0) as writer:
        for key, images, factors in clips:
            writer.write(_sample(key, images, factors))
            count, frames = count + 1, frames + len(images)
            persons.add(str(factors[0]["person"]))
    manifest = {**about, "clips": count, "frames": frames, "persons": len(persons), "margin": MARGIN}
    (out / "manifest.json").write_text(json.dumps(manifest, indent=1))
    return manifest


def _sample(key: str, images: list[bytes], factors: list[dict], truth: list[bytes] | None = None) -> dict:
    """One clip as webdataset writes it."""
    sample = {f"{i:02d}.webp": image for i, image in enumerate(images)}
    sample |= {f"{i:02d}.npz": arrays for i, arrays in enumerate(truth or [])}
    key = key.replace(".", "_")  # webdataset takes what follows the first dot for the extension
    return {"__key__": key, **sample, "json": json.dumps(factors).encode()}


Drawn = tuple[str, list[bytes], list[dict], list[bytes] | None] | tuple[str, list[bytes], list[dict], None, list[dict]]
"""What an engine makes: key, encoded WebP frames, one factor dictionary a frame, .npz bytes a frame or None; and from an
engine that drops things, what it dropped. A clip without frames is not written."""


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
    """Draws clips in parallel into shards; killed at any moment, the same call goes on and ends with the same bytes.

    A shard is written to NAME.partial and renamed when it is whole; whole ones are not drawn again. What it dropped is in
    NAME.dropped.jsonl. Every clip is made by one thread, so that the number of workers changes no bit of it.

    Args:
        make_clip: index -> Drawn; depends on the index and on what it was made with alone. With workers > 1 it is
            pickled (a function of a module, or an instance of a dataclass with __call__) and called in new processes.
        clips: how many.
        out: the folder. Its `arguments.json` says what is being drawn there.
        about: what the manifest says of the data ("source", "licence", ...).
        arguments: JSON values that, with clips and clips_a_shard, decide every byte; compared with `arguments.json`.
        workers: processes; 1 draws in this one.
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
    with _in_order(make_clip, [i for indices in missing.values() for i in indices], workers) as drawn:
        for path, indices in missing.items():
            partial, dropped = path.with_suffix(".partial"), []
            with partial.open("wb") as stream:
                with webdataset.TarWriter(stream, mtime=0) as writer:
                    for _ in indices:
                        clip = next(drawn)
                        dropped += clip[4] if len(clip) > 4 else []
                        if clip[1]:
                            writer.write(_sample(*clip[:4]))
                        done += 1
                        if progress:
                            progress(done, total)
                stream.flush()
                os.fsync(stream.fileno())
            if dropped:
                path.with_suffix(".dropped.jsonl").write_text("".join(json.dumps(row) + "\n" for row in dropped))
            os.replace(partial, path)
    factors = [clip for path in paths for clip in _factors(path)]
    persons = {str(clip[0]["person"]) for clip in factors}
    manifest = {
        **about,
        "clips": len(factors),
        "frames": sum(map(len, factors)),
        "persons": len(persons),
        "margin": MARGIN,
    }
    (out / "manifest.json").write_text(json.dumps(manifest, indent=1))
    return manifest


def _claim(out: Path, arguments: dict) -> None:
    """Writes what `out` is for, or checks that it is for the same. Raises ShardsError."""
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
    """The factors of a shard's clips."""
    with tarfile.open(path) as tar:
        for member in tar:
            if member.name.endswith(".json"):
                yield json.load(tar.extractfile(member))


class _in_order:
    """Gives make_clip's results in the order of `indices`, from as many processes as workers; cancels on an error."""

    def __init__(self, make_clip: Callable[[int], Drawn], indices: list[int], workers: int):
        self.make_clip, self.indices, self.pool = make_clip, indices, None
        self.threads = torch.get_num_threads()
        if workers > 1 and len(indices) > 1:
            context = multiprocessing.get_context("spawn")
            self.pool = ProcessPoolExecutor(min(workers, len(indices)), context, _start_worker)

    def __enter__(self) -> Iterator[Drawn]:
        torch.set_num_threads(1)
        if not self.pool:
            return map(self.make_clip, self.indices)
        with single_threaded():  # until the pool has started its workers
            return self.pool.map(self.make_clip, self.indices)

    def __exit__(self, *_) -> None:
        torch.set_num_threads(self.threads)
        if self.pool:
            self.pool.shutdown(cancel_futures=True)


@contextmanager
def single_threaded():
    """Processes that are started meanwhile keep their libraries to one thread each: many processes of as many threads wait for
    one another, and a face detector's 3 ms become 500.
    """
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(dict.fromkeys(names, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def ignore_stop() -> None:
    """Ctrl-C is the parent's to handle."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _start_worker() -> None:
    """One thread; a worker whose parent was killed ends too."""
    torch.set_num_threads(1)
    ignore_stop()

    def follow():
        multiprocessing.parent_process().join()
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()


@dataclass
class Clips:
    """A data set in memory, or its frames on disk where they do not fit."""

    images: Tensor | DiskFrames
    """N x 3 x P x P uint8, P = 1.25 * size, twice that below 128 px: standard crops with margin."""
    person: Tensor
    """N int64, index of the person; frames of one person stand together."""
    factors: list[dict]
    """One dictionary a frame, as the engine wrote it."""
    validation: Tensor
    """N bool: frames of the people who validate."""
    weight: Tensor | None = None
    """N float64: how often a frame is drawn, beside the others; None: all alike."""

    @cached_property
    def learners(self) -> Tensor:
        """Rows of all frames of people who do not validate."""
        return (~self.validation).nonzero().flatten()

    @cached_property
    def learners_below(self) -> Tensor:
        """Their weights, added up."""
        return self.weight[self.learners].cumsum(0)

    @cached_property
    def people(self) -> "People":
        """Whose each row is."""
        return People(self.person)

    def subset(self, keep: Tensor) -> "Clips":
        """The frames where keep (N bool) is true."""
        rows = keep.nonzero().flatten()
        images = self.images.only(rows) if isinstance(self.images, DiskFrames) else self.images[rows]
        weight = None if self.weight is None else self.weight[rows]
        return Clips(images, self.person[rows], [self.factors[i] for i in rows.tolist()], self.validation[rows], weight)

    def draw(self, count: int, generator: torch.Generator, rows: Tensor | None = None) -> Tensor:
        """Rows of `count` frames, with replacement, by weight, out of `rows`; without them, of all who do not validate.

        Processes that share a batch all draw it whole, from the same seed, and take each its part (see jittered). B int64.
        """
        every = rows is None
        rows = self.learners if every else rows
        if self.weight is None:
            return rows[torch.randint(len(rows), (count,), generator=generator)]
        below = self.learners_below if every else self.weight[rows].cumsum(0)
        drawn = torch.rand(count, generator=generator, dtype=torch.float64) * below[-1]
        return rows[torch.searchsorted(below, drawn, right=True).clamp(max=len(rows) - 1)]

    def centre(self, rows: Tensor, size: int) -> Tensor:
        """Standard crops of the frames `rows`: B x 3 x size x size in [-1, 1]."""
        finer = _finer(size)
        edge = (self.images.shape[-1] - finer * size) // 2
        inner = self.images[rows.to(self.images.device)][..., edge : edge + finer * size, edge : edge + finer * size]
        return F.avg_pool2d(inner.float(), finer) / 127.5 - 1

    def jittered(self, rows: Tensor, size: int, generator: torch.Generator, part: tuple[int, int] = (0, 1)) -> Tensor:
        """Crops shifted by up to 4 % of their side, scaled by 0.95 to 1.1, and mirrored at random.

        About the differences between face detectors. Drawn at twice the size and averaged, or from 128 px by cubic
        interpolation, so that they stay about as sharp as `centre`'s. part: (i, n) gives the i-th of n equal parts of
        the crops, exactly as they stand in the whole, to the i-th of n processes. B / n x 3 x size x size in [-1, 1].
        """
        finer = _finer(size)
        device, mine = self.images.device, slice(len(rows) * part[0] // part[1], len(rows) * (part[0] + 1) // part[1])
        draw = torch.rand(len(rows), 4, generator=generator)[mine].to(device)
        rows, count = rows[mine], len(draw)
        scale = (0.95 + 0.15 * draw[:, 0]) / MARGIN
        matrix = torch.zeros(count, 2, 3, device=device)
        matrix[:, 0, 0] = torch.where(draw[:, 1] < 0.5, -scale, scale)
        matrix[:, 1, 1] = scale
        matrix[:, :, 2] = (2 * draw[:, 2:] - 1) * 0.08 / MARGIN
        grid = F.affine_grid(matrix, [count, 3, finer * size, finer * size], align_corners=False)
        stored = self.images[rows.to(device)].to(memory_format=torch.channels_last).float()
        drawn = F.grid_sample(stored, grid, "bilinear" if finer > 1 else "bicubic", align_corners=False)
        return F.avg_pool2d(drawn, finer).clamp(0, 255) / 127.5 - 1


def _finer(size: int) -> int:
    """How much finer than the model's pixels frames are kept in memory: 2 for small models, 1 from 128 px."""
    return 2 if size < 128 else 1


class People:
    """Which rows are whose, of persons N int64 in any order."""

    def __init__(self, person: Tensor):
        self.person, self.count = person, torch.bincount(person)
        self.order = person.argsort(stable=True)
        """N: the rows, one person's after another's."""
        self.first = self.count.cumsum(0) - self.count
        """Where each person's begin there; `count` says how many they are."""
        self.place = torch.empty_like(self.order).scatter_(0, self.order, torch.arange(len(person)))
        """N: where in the order each row stands."""


def another_frame(people: People, rows: Tensor, generator: torch.Generator) -> Tensor:
    """For every row (B) a random other row of the same person, or itself where there is none."""
    first, count = people.first[people.person[rows]], people.count[people.person[rows]]
    step = 1 + (torch.rand(len(rows), generator=generator) * (count - 1)).long()
    return people.order[first + (people.place[rows] - first + step) % count]


def stream_clips(folder: str | Path, size: int, truth: bool = False) -> Iterator[tuple[Tensor, list[dict], list[dict]]]:
    """One clip after another of a shards folder, for what does not need all of them in memory.

    Yields frames N x 3 x P x P uint8 (see Clips.images), their factors, and with `truth` the arrays of every frame's .npz
    ({} where there is none). Raises ShardsError where the folder holds no shards of ours.
    """
    _manifest(Path(folder))
    side, tars = round(size * MARGIN) * _finer(size), sorted(Path(folder).glob("*.tar"))

    def arrays(data: bytes | None) -> dict:
        with np.load(io.BytesIO(data), allow_pickle=False) if data and truth else nullcontext({}) as content:
            return dict(content)

    with ThreadPoolExecutor() as pool:
        # every process reads all: they draw the same batch and take each its part
        for sample in webdataset.WebDataset(
            [str(t) for t in tars], shardshuffle=False, empty_check=False, nodesplitter=None
        ):
            frames = frame_names(sample)
            images = np.stack(list(pool.map(lambda k: decode(sample[f"{k}.webp"], side), frames)))
            known = [
                arrays(sample.get(f"{k}.npz")) for k in frames
            ]  # not in threads: numpy parses headers with ast, which may fail there
            yield torch.from_numpy(images).permute(0, 3, 1, 2), json.loads(sample["json"]), known


def split_weight(entry: str | Path) -> tuple[Path, float | None]:
    """ "folder:2.5" -> (folder, 2.5); a path, even one with a colon, has weight None. Raises ShardsError.

    A folder that is there is taken for a path: "a:2" is the folder a:2 where there is one.
    """
    path, colon, weight = str(entry).rpartition(":")
    if not colon or not path or Path(entry).exists():
        return Path(entry), None
    try:
        share = float(weight)
    except ValueError:
        return Path(entry), None
    if not 0 <= share < float("inf"):
        raise ShardsError(f"the weight of {path} must be a number, 0 or more, not {weight}")
    return Path(path), share


def read_shards(folders: str | Path | list, size: int, progress=None) -> Clips:
    """Reads all clips of one or more shard folders, frames resized to P x P (see Clips.images).

    Where the frames would fill more than two thirds of the free memory they stay on disk, and one line says so. Every
    20th person validates, and those whose engine set them aside ("set" is "validation" or "test").

    folders: each SHARDS or SHARDS:WEIGHT. The weights are the shares of the frames that Clips.draw draws from each;
    without any, every frame is drawn alike, and with 0 none is (stage 2 compares people by them still). progress: called with
    (clips read, clips in all) of each folder. Raises ShardsError where a folder holds no shards of ours, some have a weight
    and others none, or none a weight above 0.
    """
    entries = [split_weight(entry) for entry in (folders if isinstance(folders, list) else [folders])]
    if len({weight is None for _, weight in entries}) > 1:
        raise ShardsError("give every --data a weight, or none")
    if entries[0][1] is not None and not any(weight for _, weight in entries):
        raise ShardsError("give some --data a weight above 0")
    manifests = [_manifest(folder) for folder, _ in entries]
    total, side = sum(manifest["frames"] for manifest in manifests), round(size * MARGIN) * _finer(size)
    need, free = total * 3 * side**2, free_memory() // int(os.environ.get("LOCAL_WORLD_SIZE", 1))
    in_memory = need <= free * 2 / 3
    if not in_memory and any((folder / "frames.npy").exists() for folder, _ in entries):
        raise ShardsError(
            f"frames.npy of {need / 2**30:,.1f} GB does not fit into {free / 2**30:,.1f} GB of free memory"
        )
    if not in_memory:
        have = f"{need / 2**30:,.1f} GB of memory and a process has {free / 2**30:,.1f} free"
        print(
            f"{total:,} frames would take {have}: they stay on disk and are read as they are drawn",
            file=sys.stderr,
            flush=True,
        )
    images = torch.empty(total if in_memory else 0, 3, side, side, dtype=torch.uint8)
    tars, places, persons, factors, source = [], [], [], [], []
    for number, ((folder, _), manifest) in enumerate(zip(entries, manifests)):
        if (folder / "frames.npy").exists():
            clips = _unencoded(folder, side)
        else:
            clips = stream_clips(folder, size) if in_memory else _indexed(folder, tars)
        for done, (frames, clip, *_) in enumerate(clips, 1):
            if in_memory:
                images[len(factors) :][: len(clip)] = frames[: max(0, total - len(factors))]
            else:
                places += frames
            factors += [{k: clip[0][k] if clip[0].get(k) == v else v for k, v in f.items()} for f in clip]  # kept once
            persons += [f"{folder}/{f['person']}" for f in clip]
            source += [number] * len(clip)
            if progress:
                progress(done, manifest["clips"])
        if source.count(number) != manifest["frames"]:
            have = f"{source.count(number):,} frames, and its manifest counts {manifest['frames']:,}"
            raise ShardsError(f"{folder} holds {have}: make it again")
    index = {name: i for i, name in enumerate(sorted(set(persons)))}
    person = torch.tensor([index[p] for p in persons])
    aside = torch.tensor([f.get("set") in ("validation", "test") for f in factors])
    frames = images if in_memory else DiskFrames(tars, torch.tensor(places), side)
    clips = Clips(frames, person, factors, (person % VALIDATION_EVERY == 0) | aside)
    if entries[0][1] is not None:
        weights, sources = torch.tensor([weight for _, weight in entries], dtype=torch.float64), torch.tensor(source)
        learning = torch.bincount(sources[~clips.validation], minlength=len(entries))
        if not learning.all():
            raise ShardsError(f"{entries[int(learning.argmin())][0]} has a weight, and only people who validate")
        clips.weight = (weights / learning)[sources]
    return clips


def _manifest(folder: Path) -> dict:
    if not (any(folder.glob("*.tar")) or (folder / "frames.npy").exists()) or not (folder / "manifest.json").exists():
        raise ShardsError(f"{folder} holds no shards; make some with `python -m train import SOURCE --out {folder}`")
    return json.loads((folder / "manifest.json").read_text())


def _unencoded(folder: Path, side: int) -> Iterator[tuple[Tensor, list[dict]]]:
    """Runs of frames N x 3 x P x P uint8 of a folder that train/data/imagined/unjudged.py wrote, with their factors."""
    frames, factors = (
        np.load(folder / "frames.npy", mmap_mode="r", allow_pickle=False),
        json.loads((folder / "factors.json").read_text()),
    )
    if frames.shape[-1] != side:
        raise ShardsError(
            f"{folder} holds frames of {frames.shape[-1]} px, and {side} are needed: draw them with --size {round(side / MARGIN)}"
        )
    for first in range(0, len(factors), 4096):
        clip = factors[first : first + 4096]
        yield torch.from_numpy(np.array(frames[first : first + len(clip)])), clip


def _indexed(folder: Path, tars: list[str]) -> Iterator[tuple[list[tuple[int, int, int]], list[dict]]]:
    """Places of the frames (see DiskFrames) and factors, clip by clip; the shards are added to `tars`."""
    for path in sorted(folder.glob("*.tar")):
        tars.append(str(path))
        for files in index_shard(path):
            frames = [(len(tars) - 1, *files[f"{name}.webp"]) for name in frame_names(files)]
            yield frames, json.loads(read_at(path, files["json"]))
