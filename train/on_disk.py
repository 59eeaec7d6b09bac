"""Frames that stay in their shards and are decoded when they are drawn: for data sets larger than the memory.

Any frame is one read away (a shard is a plain tar), so batches, seeds, resuming and the split over processes are what
they are in memory; no shuffle buffer stands between. It wants a disk or a network file system, not a bucket.
"""

import io
import json
import os
import tarfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor


def decode(data: bytes, side: int) -> np.ndarray:
    """An encoded frame as uint8 side x side x 3."""
    image = Image.open(io.BytesIO(data)).convert("RGB")
    return np.asarray(image if image.size == (side, side) else image.resize((side, side), Image.Resampling.LANCZOS))


class DiskFrames:
    """What of a tensor N x 3 x P x P uint8 the trainers use, read from the shards.

    tars: the shards' paths. places: N x 3 int64: number of the tar, first byte and count of bytes of a frame's file.
    """

    dtype = torch.uint8

    def __init__(self, tars: list[str], places: Tensor, side: int, device: str | torch.device = "cpu"):
        self.tars, self.places, self.side, self.device = tars, places, side, torch.device(device)
        self.pool = ThreadPoolExecutor(min(8, os.cpu_count() or 1))

    @property
    def shape(self) -> torch.Size:
        return torch.Size((len(self.places), 3, self.side, self.side))

    def __len__(self) -> int:
        return len(self.places)

    def to(self, device: str | torch.device) -> "DiskFrames":
        """The same frames; what is read goes to `device`."""
        return DiskFrames(self.tars, self.places, self.side, device)

    def only(self, rows: Tensor) -> "DiskFrames":
        """These frames, not read yet."""
        return DiskFrames(self.tars, self.places[rows.to(self.places.device)], self.side, self.device)

    def __getitem__(self, rows: Tensor) -> Tensor:
        """B x 3 x P x P uint8 of the frames `rows` (B int64)."""
        frames = list(self.pool.map(self._read, self.places[rows.to(self.places.device)].tolist()))
        stack = np.stack(frames) if frames else np.zeros((0, self.side, self.side, 3), np.uint8)
        return torch.from_numpy(stack).permute(0, 3, 1, 2).contiguous().to(self.device)

    def _read(self, place: list[int]) -> np.ndarray:
        tar, offset, size = place
        with open(self.tars[tar], "rb") as file:
            file.seek(offset)
            return decode(file.read(size), self.side)


def index_shard(path: Path) -> Iterator[tuple[list[tuple[int, int]], list[dict]]]:
    """Of every clip of a shard: (first byte, count of bytes) of its frames in order, and their factors."""
    with tarfile.open(path, "r:") as tar:
        frames: dict[int, tuple[int, int]] = {}
        for member in tar:  # a clip's .json follows its frames
            extension = member.name.rpartition("/")[2].partition(".")[2]
            if extension.endswith(".webp"):
                frames[int(extension[:-5])] = (member.offset_data, member.size)
            elif extension == "json":
                yield [frames[i] for i in sorted(frames)], json.load(tar.extractfile(member))
                frames = {}


def free_memory() -> int:
    """Bytes that this process may still take: of the machine, and of its control group where that has a limit."""
    free = 2**63
    try:
        with open("/proc/meminfo") as file:
            free = next(int(line.split()[1]) * 1024 for line in file if line.startswith("MemAvailable"))
        limit = Path("/sys/fs/cgroup/memory.max").read_text().strip()
        used = Path("/sys/fs/cgroup/memory.stat").read_text().split()
        if limit != "max":
            free = min(free, int(limit) - int(used[used.index("anon") + 1]))
    except (OSError, StopIteration, ValueError):  # another system: what there is has to do
        pass
    return max(0, free)
