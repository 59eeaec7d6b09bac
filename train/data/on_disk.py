"""Frames that stay in their shards and are decoded when they are drawn: for data sets larger than the memory.

Any frame is one read away (a shard is a plain tar), so batches, seeds, resuming and the split over processes are as
they are in memory; no shuffle buffer stands between. It wants a disk or a network file system, not a bucket.
"""

import io
import os
import tarfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from train.common.tar_slices import Place, members, read_slice
from train.data.samples import frame_names
from train.data.shards import ShardsError

FORMATS = ("WEBP", "JPEG", "PNG")
"""Formats of the pictures in shards, told by their bytes; any other would start a decoder that nobody expects."""
MAX_SIDE = 2048
"""Pixels of a frame's side."""


def decode(data: bytes, side: int) -> np.ndarray:
    """Return an encoded frame as uint8 side x side x 3; raises ShardsError where it is no picture that shards hold."""
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as opened:
            if max(opened.size) > MAX_SIDE:
                raise ShardsError(
                    f"a frame has {opened.width} x {opened.height} pixels; shards hold {MAX_SIDE} at most"
                )
            image = opened.convert("RGB")
    except ShardsError:
        raise
    except Exception as error:  # decoders of damaged bytes raise nearly anything
        raise ShardsError(f"a frame is damaged, or none of {', '.join(FORMATS)}: make the shards again") from error
    return np.asarray(image if image.size == (side, side) else image.resize((side, side), Image.Resampling.LANCZOS))


class DiskFrames:
    """The part of a tensor N x 3 x P x P uint8 that trainers use, read from the shards.

    Args:
        tars: paths of the shards.
        places: N x 3 int64: number of the tar, first byte and count of bytes of a frame's file.
        side: P.
        device: of the tensors that are read.
    """

    dtype = torch.uint8

    def __init__(self, tars: list[str], places: Tensor, side: int, device: str | torch.device = "cpu"):
        self.tars, self.places, self.side, self.device = tars, places, side, torch.device(device)
        self.pool = ThreadPoolExecutor(min(8, os.cpu_count() or 1))

    @property
    def shape(self) -> torch.Size:
        """N, 3, P, P."""
        return torch.Size((len(self.places), 3, self.side, self.side))

    def __len__(self) -> int:
        return len(self.places)

    def to(self, device: str | torch.device) -> "DiskFrames":
        """Return the same frames, read to `device`."""
        return DiskFrames(self.tars, self.places, self.side, device)

    def only(self, rows: Tensor) -> "DiskFrames":
        """Return these frames, not read yet."""
        return DiskFrames(self.tars, self.places[rows.to(self.places.device)], self.side, self.device)

    def __getitem__(self, rows: Tensor) -> Tensor:
        """B x 3 x P x P uint8 of the frames `rows` (B int64)."""
        frames = list(self.pool.map(self._read, self.places[rows.to(self.places.device)].tolist()))
        stack = np.stack(frames) if frames else np.zeros((0, self.side, self.side, 3), np.uint8)
        return torch.from_numpy(stack).permute(0, 3, 1, 2).contiguous().to(self.device)

    def _read(self, place: list[int]) -> np.ndarray:
        tar, first, count = place
        return decode(read_slice(self.tars[tar], (first, count)), self.side)


def index_shard(path: Path) -> Iterator[dict[str, Place]]:
    """Yield the places of every clip's files: extension ("00.webp", "json") -> place.

    Raises:
        ShardsError: it is no whole tar, or a clip lacks its frames or their factors.
    """
    key: str | None = None
    files: dict[str, Place] = {}
    try:
        for name, place in members(path):
            base, _, extension = name.partition(".")
            if base != key and files:
                yield _whole(files, path, key)
                files = {}
            key = base
            files[extension] = place
    except tarfile.TarError as error:
        raise ShardsError(f"{path} is no tar, or is cut off: make it again, or take it out") from error
    if files:
        yield _whole(files, path, key)


def _whole(files: dict[str, Place], path: Path, key: str | None) -> dict[str, Place]:
    """Give a clip's files, which hold frames and factors; raises ShardsError where they do not."""
    if "json" not in files or not frame_names(files):
        raise ShardsError(f"{path}: clip {key} lacks its frames or its .json: make the shards again")
    return files


def free_memory() -> int:
    """Return the bytes this process may still take: of the machine, and of its control group where that has a limit."""
    free = 2**63
    try:
        with open("/proc/meminfo") as file:
            free = next(int(line.split()[1]) * 1024 for line in file if line.startswith("MemAvailable"))
        limit = Path("/sys/fs/cgroup/memory.max").read_text().strip()
        used = Path("/sys/fs/cgroup/memory.stat").read_text().split()
        if limit != "max":
            free = min(free, int(limit) - int(used[used.index("anon") + 1]))
    except (OSError, StopIteration, ValueError):
        return max(0, free)  # another system: no more is known
    return max(0, free)
