"""Streamed shards: a buffer of frames in memory, filled from shards that no disk here has to hold.

Each process, and each reader within it, reads shards of its own (webdataset's splitting by node and by worker), in
another order every time they are through. Batches are drawn from the buffer as from a data set in memory; frames that
were drawn REUSE times on average make room for new ones. So draws depend on the number of processes, and a run that is
resumed goes on, but not bit for bit.
"""

import tarfile
from collections import Counter
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any
from zlib import crc32

import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset
from webdataset.shardlists import split_by_node, split_by_worker
from webdataset.utils import pytorch_worker_info

from train.common.places import is_url
from train.common.run import Progress
from train.data.clips import Clips, People, oversampling
from train.data.on_disk import decode
from train.data.reading import VALIDATION_EVERY, entries_of, samples
from train.data.samples import clip_factors, frame_names, tars_of
from train.data.shards import MARGIN, ShardsError, read_manifest
from train.data.workers import ignore_stop

REUSE = 4
"""How often a frame is drawn, on average, before another takes its place."""
HELD = 512
"""Frames of people who validate that are kept: as many as the measures of a run look at."""
READERS = 2
"""Processes that read and decode, for each process that trains; 0 reads in that one."""
Read = tuple[Tensor | None, list[dict], str]
"""A clip: frames N x 3 x P x P uint8, their factors, and its folder; or None, [] and why shards cannot be read."""


def validates(person: str, factors: dict) -> bool:
    """Tell whether a person validates: by their name, which any process can tell alone, or because the engine said so.

    Args:
        person: folder and name.
        factors: of a frame.
    """
    return crc32(person.encode()) % VALIDATION_EVERY == 0 or factors.get("set") in ("validation", "test")


class ShardStream(IterableDataset):
    """Clips of several folders without end, as many frames of each as it weighs.

    Args:
        shards: of each folder.
        weights: of each folder.
        side: of the frames in pixels.
        seed: of the order of the shards, the same in all processes.
    """

    def __init__(self, shards: dict[str, list[str]], weights: list[float], side: int, seed: int):
        self.shards, self.weights, self.side, self.seed = shards, weights, side, seed

    def mine(self, folder: str, turn: int) -> list[str]:
        """List the shards of a folder that this process and reader reads in its turn-th time through, in order."""
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + turn)
        order = torch.randperm(len(self.shards[folder]), generator=generator).tolist()
        return list(split_by_worker(split_by_node(self.shards[folder][i] for i in order)))

    def __iter__(self) -> Iterator[Read]:
        """Give clips: of the folder that lags most behind its weight the next."""
        streams = [(weight, self._clips(folder)) for folder, weight in zip(self.shards, self.weights, strict=True)]
        streams = [(weight, stream) for weight, stream in streams if weight]
        given = [0.0] * len(streams)
        try:
            while True:
                number = min(range(len(streams)), key=given.__getitem__)
                frames, factors, folder = next(streams[number][1])
                given[number] += len(factors) / streams[number][0]
                yield frames, factors, folder
        except tarfile.TarError as error:
            yield None, [], f"{error.args[-1]} is no tar, or is cut off: make it again, or take it out"
        except (ShardsError, OSError) as error:  # raised in a reader, it would come with its traceback
            yield None, [], str(error)

    def _clips(self, folder: str) -> Iterator[tuple[Tensor, list[dict], str]]:
        """Give the clips of one folder."""
        for turn in count():
            for sample in samples(self.mine(folder, turn)):
                where, names = f"{sample['__url__']}: clip {sample['__key__']}", frame_names(sample)
                if not names or "json" not in sample:
                    raise ShardsError(f"{where} lacks its frames or its .json: make the shards again")
                factors = clip_factors(sample["json"], len(names), where)
                frames = [torch.from_numpy(decode(sample[f"{name}.webp"], self.side).copy()) for name in names]
                yield torch.stack(frames).permute(0, 3, 1, 2).contiguous(), factors, folder


def _as_it_is(clip: Any) -> Any:  # noqa: ANN401 (torch takes it for a list)
    return clip


def _start_reader(number: int) -> None:
    """Keep a reader to one thread, and leave Ctrl-C to its parent."""
    torch.set_num_threads(1)
    ignore_stop()


class StreamedClips(Clips):
    """A buffer of frames as a data set, the first HELD rows for people who validate; other rows change.

    Args:
        data: shards, FOLDER[:WEIGHT] each; without weights every frame is drawn alike.
        size: side of the model's pictures in pixels.
        frames: rows to draw from.
        seed: of the order of the shards.

    Raises:
        ShardsError: a folder holds no shards of ours, or fewer than there are processes.
        ValueError: nobody validates, or everybody.
    """

    def __init__(self, data: list[str], size: int, frames: int, seed: int):
        entries = entries_of(data)
        manifests = [read_manifest(folder) for folder, _ in entries]
        total, side = sum(manifest["frames"] for manifest in manifests), round(size * MARGIN) * oversampling(size)
        weights = [
            float(manifest["frames"]) if weight is None else weight
            for (_, weight), manifest in zip(entries, manifests, strict=True)
        ]
        shards = {str(folder): _shards_of(folder) for folder, _ in entries}
        processes = pytorch_worker_info()[1]
        for folder, tars in shards.items():
            if len(tars) < processes:
                raise ShardsError(f"{folder} has {len(tars)} shards, and {processes} processes need one each at least")
        readers = min(READERS, min(map(len, shards.values())) // processes)
        self.room = min(frames, max(1, total // processes))
        """Rows to draw from."""
        rows = HELD + self.room
        images = torch.empty(rows, 3, side, side, dtype=torch.uint8)
        nothing = torch.zeros(rows, dtype=torch.int64), [{}] * rows, torch.zeros(rows, dtype=torch.bool)
        super().__init__(images, *nothing)
        more = {"multiprocessing_context": "spawn", "prefetch_factor": 8} if readers else {}
        self._stream = iter(
            DataLoader(
                ShardStream(shards, weights, side, seed), batch_size=None, num_workers=readers, collate_fn=_as_it_is,
                worker_init_fn=_start_reader if readers else None, generator=torch.Generator(), **more,
            )
        )  # fmt: skip
        self._whose: list[str] = [""] * rows
        self._frames_of: Counter[str] = Counter()
        self._numbers: dict[str, int] = {}
        self._free: list[int] = list(range(rows, 0, -1))  # 0 is nobody
        self._held, self._at, self._owed = 0, 0, 0.0
        self._fill(sum(manifest["clips"] for manifest in manifests))

    def _fill(self, clips: int) -> None:
        """Read until all rows hold frames and somebody validates, or as many clips as there are were read."""
        progress = Progress(self.room, unit="frames read ahead")
        read, taken = 0, 0
        while taken < self.room or (not self._held and read < clips):
            taken, read = taken + self._take(), read + 1
            progress(min(taken, self.room), line=False)
            if read >= clips and not taken:
                break
        if not self._held or not taken:
            said = "nobody to train on" if not taken else "nobody who validates"
            raise ValueError(f"of the {read:,} clips read ahead there is {said}: training needs more people")
        self._index()

    def refresh(self, drawn: int) -> None:
        """Take in new frames for `drawn` frames that are about to be drawn."""
        self._owed += drawn / REUSE
        while self._owed > 0:
            self._owed -= self._take()
        self._index()

    def _take(self) -> int:
        """Take the next clip into the buffer; return how many of its frames can be drawn: 0 of who validates."""
        frames, factors, folder = next(self._stream)
        if frames is None:
            raise ShardsError(folder)
        name, device = f"{folder}/{factors[0]['person']}", self.images.device
        if validates(name, factors[0]):
            frames, factors = frames[: HELD - self._held], factors[: HELD - self._held]
            rows = range(self._held, self._held + len(factors))
            self._held += len(factors)
        else:
            frames, factors = frames[: self.room], factors[: self.room]
            first = HELD + (self._at if self._at + len(factors) <= self.room else 0)
            rows = range(first, first + len(factors))
            self._at = rows.stop - HELD
        for row in rows:
            self._leave(row)
        for row, about in zip(rows, factors, strict=True):
            self._enter(row, name, about)
        if len(rows):
            assert isinstance(self.images, Tensor)
            self.images[rows.start : rows.stop] = frames.to(device)
            self.validation[rows.start : rows.stop] = rows.start < HELD
        return len(rows) if len(rows) and rows.start >= HELD else 0

    def _leave(self, row: int) -> None:
        """Forget who was in a row."""
        name = self._whose[row]
        if name:
            self._frames_of[name] -= 1
            if not self._frames_of[name]:
                del self._frames_of[name]
                self._free.append(self._numbers.pop(name))

    def _enter(self, row: int, name: str, about: dict) -> None:
        """Note who is in a row."""
        if name not in self._numbers:
            self._numbers[name] = self._free.pop()
        self._frames_of[name] += 1
        self._whose[row], self.factors[row], self.person[row] = name, about, self._numbers[name]

    def _index(self) -> None:
        """Find the rows to draw from, and each person's."""
        self.learners = ((self.person > 0) & ~self.validation).nonzero().flatten()
        self.people = People(self.person)


def _shards_of(folder: Path) -> list[str]:
    """List the shards of a folder; raises ShardsError where its frames are in one file."""
    if not is_url(folder) and (folder / "frames.npy").exists():
        raise ShardsError(f"{folder} holds frames in one file, which are not streamed: leave --stream out")
    return [str(path) for path in tars_of(folder)]
