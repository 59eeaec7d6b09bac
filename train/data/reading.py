"""Reading shards: a clip at a time, or whole data sets mixed by weight, in memory where they fit."""

import json
import os
import sys
import tarfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from webdataset.tariterators import group_by_keys, tar_file_expander

from train.common.places import is_url, place, reached
from train.common.tar_slices import read_slice
from train.data.clips import Clips, oversampling
from train.data.on_disk import DiskFrames, decode, free_memory, index_shard
from train.data.samples import clip_factors, clip_truth, frame_names, tars_of
from train.data.shards import MARGIN, ShardsError, read_manifest

Place = tuple[int, int, int]
"""Number of the tar, first byte and count of bytes of a frame's file."""
VALIDATION_EVERY = 20
"""Every 20th person (in order of name) validates and is never trained on."""


def stream_clips(folder: str | Path, size: int, truth: bool = False) -> Iterator[tuple[Tensor, list[dict], list[dict]]]:
    """Read one clip after another of a shards folder, for what does not need all of them in memory.

    Args:
        folder: the shards.
        size: side of the model's pictures in pixels.
        truth: read the arrays of every frame's .npz as well.

    Yields:
        Frames N x 3 x P x P uint8 (see Clips.images), their factors, and the arrays of each ({} where there are none).

    Raises:
        ShardsError: the folder holds no shards of ours.
    """
    read_manifest(place(folder))
    yield from clips_of(tars_of(folder), size, truth)


def clips_of(tars: list[Path], size: int, truth: bool = False) -> Iterator[tuple[Tensor, list[dict], list[dict]]]:
    """Read one clip after another of some shards; see stream_clips."""
    side = round(size * MARGIN) * oversampling(size)
    with ThreadPoolExecutor() as pool:
        for sample, where in _samples(tars):
            frames = frame_names(sample)
            if not frames or "json" not in sample:
                raise ShardsError(f"{where} lacks its frames or its .json: make the shards again")
            rows = clip_factors(sample["json"], len(frames), where)
            images = np.stack(list(pool.map(lambda data: decode(data, side), [sample[f"{k}.webp"] for k in frames])))
            arrays = [sample.get(f"{k}.npz") if truth else None for k in frames]
            # not in threads: numpy parses headers with ast, which may fail there
            known = [clip_truth(data, where) if data else {} for data in arrays]
            yield torch.from_numpy(images).permute(0, 3, 1, 2), rows, known


def _samples(tars: list[Path]) -> Iterator[tuple[dict, str]]:
    """Give the clips of shards, each with its shard and key for people."""
    for tar in tars:
        try:
            # every process reads all: they draw the same batch and take each its part
            for sample in samples([str(tar)]):
                yield sample, f"{tar}: clip {sample['__key__']}"
        except tarfile.TarError as error:
            raise ShardsError(f"{tar} is no tar, or is cut off: make it again, or take it out") from error


def opened(shards: Iterable[str]) -> Iterator[dict]:
    """Open shards one after the other, as webdataset's readers take them; its own opener knows no object stores."""
    for shard in shards:
        path = place(shard)
        with reached(path), path.open("rb") as stream:
            yield {"url": shard, "stream": stream}


def samples(shards: Iterable[str]) -> Iterator[dict]:
    """Give the clips of shards: extension -> bytes, "__key__" and "__url__"."""
    return group_by_keys(tar_file_expander(opened(shards)))


def split_weight(entry: str | Path) -> tuple[Path, float | None]:
    """Split "folder:2.5" into the folder and 2.5.

    A path that is there is taken for a path: "a:2" is the folder a:2 where there is one.

    Args:
        entry: SHARDS or SHARDS:WEIGHT.

    Returns:
        The folder, and its weight or None.

    Raises:
        ShardsError: the weight is negative or not finite.
    """
    path, colon, weight = str(entry).rpartition(":")
    if not colon or not path or (not is_url(entry) and Path(entry).exists()):
        return place(entry), None
    try:
        share = float(weight)
    except ValueError:
        return place(entry), None
    if not 0 <= share < float("inf"):
        raise ShardsError(f"the weight of {path} must be a number, 0 or more, not {weight}")
    return place(path), share


def read_shards(
    folders: str | Path | list[str | Path] | list[str] | list[Path],
    size: int,
    progress: Callable[[int, int], None] | None = None,
) -> Clips:
    """Read all clips of one or more shard folders, frames resized to P x P (see Clips.images).

    Where the frames would fill more than two thirds of the free memory they stay on disk, and one line says so. Every
    20th person validates, and those whose engine set them aside ("set" is "validation" or "test").

    Args:
        folders: each SHARDS or SHARDS:WEIGHT. The weights are the shares of the frames that Clips.draw draws from each;
            without any, every frame is drawn alike, and with 0 none is (stage 2 compares people by them still).
        size: side of the model's pictures in pixels.
        progress: called with (clips read, clips in all) of each folder.

    Raises:
        ShardsError: a folder holds no shards of ours, some have a weight and others none, or none a weight above 0.
    """
    entries = entries_of(folders)
    manifests = [read_manifest(folder) for folder, _ in entries]
    total, side = sum(manifest["frames"] for manifest in manifests), round(size * MARGIN) * oversampling(size)
    in_memory = _fits(total, side, [folder for folder, _ in entries])
    images = torch.empty(total if in_memory else 0, 3, side, side, dtype=torch.uint8)
    tars: list[str] = []
    places: list[Place] = []
    persons: list[str] = []
    factors: list[dict] = []
    source: list[int] = []
    for number, ((folder, _), manifest) in enumerate(zip(entries, manifests, strict=True)):
        clips = _decoded(folder, size, side) if in_memory else _indexed(folder, tars)
        for done, (frames, clip) in enumerate(clips, 1):
            if isinstance(frames, Tensor):
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
    clips.weight = _weight_of_frames(entries, torch.tensor(source), clips.validation)
    return clips


def entries_of(folders: str | Path | list) -> list[tuple[Path, float | None]]:
    """Split folders, or URLs, and weights; raises ShardsError where the weights make no mixture."""
    entries = [split_weight(entry) for entry in (folders if isinstance(folders, list) else [folders])]
    if len({weight is None for _, weight in entries}) > 1:
        raise ShardsError("give every --data a weight, or none")
    if entries[0][1] is not None and not any(weight for _, weight in entries):
        raise ShardsError("give some --data a weight above 0")
    return entries


def _fits(total: int, side: int, folders: list[Path]) -> bool:
    """Whether `total` frames fit into memory; says so where they do not, and raises ShardsError where they must."""
    need, free = total * 3 * side**2, free_memory() // int(os.environ.get("LOCAL_WORLD_SIZE", 1))
    if need <= free * 2 / 3:
        return True
    if any(is_url(folder) or (folder / "frames.npy").exists() for folder in folders):
        have = f"{need / 2**30:,.1f} GB do not fit into {free / 2**30:,.1f} GB of free memory"
        cure = "copy the shards to a disk, or train with --stream" if any(map(is_url, folders)) else "take fewer frames"
        raise ShardsError(f"frames of {have}: {cure}")
    have = f"{need / 2**30:,.1f} GB of memory and a process has {free / 2**30:,.1f} free"
    line = f"{total:,} frames would take {have}: they stay on disk and are read as they are drawn"
    print(line, file=sys.stderr, flush=True)
    return False


def _weight_of_frames(entries: list[tuple[Path, float | None]], source: Tensor, validation: Tensor) -> Tensor | None:
    """Weight of each frame (N float64), so that a folder's learners share its weight; None without weights."""
    weights = [weight for _, weight in entries if weight is not None]
    if not weights:
        return None
    learning = torch.bincount(source[~validation], minlength=len(entries))
    if not learning.all():
        raise ShardsError(f"{entries[int(learning.argmin())][0]} has a weight, and only people who validate")
    return (torch.tensor(weights, dtype=torch.float64) / learning)[source]


def _decoded(folder: Path, size: int, side: int) -> Iterator[tuple[Tensor | list[Place], list[dict]]]:
    """Frames N x 3 x P x P uint8 and factors, clip by clip, or run by run of a folder without tars."""
    if not is_url(folder) and (folder / "frames.npy").exists():
        yield from _unencoded(folder, side)
    else:
        yield from ((frames, clip) for frames, clip, _ in stream_clips(folder, size))


def _unencoded(folder: Path, side: int) -> Iterator[tuple[Tensor, list[dict]]]:
    """Runs of frames N x 3 x P x P uint8 of a folder that train/data/imagined/unjudged.py wrote, with their factors."""
    frames = np.load(folder / "frames.npy", mmap_mode="r", allow_pickle=False)
    factors = json.loads((folder / "factors.json").read_text())
    if frames.shape[-1] != side:
        have = f"frames of {frames.shape[-1]} px, and {side} are needed"
        raise ShardsError(f"{folder} holds {have}: draw them with --size {round(side / MARGIN)}")
    for first in range(0, len(factors), 4096):
        clip = factors[first : first + 4096]
        yield torch.from_numpy(np.array(frames[first : first + len(clip)])), clip


def _indexed(folder: Path, tars: list[str]) -> Iterator[tuple[Tensor | list[Place], list[dict]]]:
    """Places of the frames (see DiskFrames) and factors, clip by clip; the shards are added to `tars`."""
    for path in tars_of(folder):
        tars.append(str(path))
        for files in index_shard(path):
            frames = [(len(tars) - 1, *files[f"{name}.webp"]) for name in frame_names(files)]
            yield frames, clip_factors(read_slice(path, files["json"]), len(frames), str(path))
