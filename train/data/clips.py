"""Clips: a data set of frames in memory or on disk, drawn by weight and cropped for training."""

from dataclasses import dataclass
from functools import cached_property

import torch
import torch.nn.functional as F
from torch import Tensor

from train.data.on_disk import DiskFrames
from train.data.shards import MARGIN


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
        """Running sum of the learners' weights; only where there are weights."""
        if self.weight is None:
            raise ValueError("these clips have no weights")
        return self.weight[self.learners].cumsum(0)

    @cached_property
    def people(self) -> "People":
        """Index of the rows of each person."""
        return People(self.person)

    def subset(self, keep: Tensor) -> "Clips":
        """Return the frames where keep (N bool) is true."""
        rows = keep.nonzero().flatten()
        images = self.images.only(rows) if isinstance(self.images, DiskFrames) else self.images[rows]
        weight = None if self.weight is None else self.weight[rows]
        return Clips(images, self.person[rows], [self.factors[i] for i in rows.tolist()], self.validation[rows], weight)

    def draw(self, count: int, generator: torch.Generator, rows: Tensor | None = None) -> Tensor:
        """Draw frames by weight, with replacement.

        Processes that share a batch all draw it whole, from the same seed, and take each its part (see jittered).

        Args:
            count: how many, B.
            generator: of the draws.
            rows: the rows to draw from; without them, all of people who do not validate.

        Returns:
            Rows, B int64.
        """
        every = rows is None
        rows = self.learners if rows is None else rows
        if self.weight is None:
            return rows[torch.randint(len(rows), (count,), generator=generator)]
        below = self.learners_below if every else self.weight[rows].cumsum(0)
        drawn = torch.rand(count, generator=generator, dtype=torch.float64) * below[-1]
        return rows[torch.searchsorted(below, drawn, right=True).clamp(max=len(rows) - 1)]

    def centre(self, rows: Tensor, size: int) -> Tensor:
        """Return standard crops of the frames `rows`: B x 3 x size x size in [-1, 1]."""
        finer = oversampling(size)
        edge = (self.images.shape[-1] - finer * size) // 2
        inner = self.images[rows.to(self.images.device)][..., edge : edge + finer * size, edge : edge + finer * size]
        return F.avg_pool2d(inner.float(), finer) / 127.5 - 1

    def jittered(
        self, rows: Tensor, size: int, generator: torch.Generator, part: tuple[int, int] = (0, 1), together: int = 1
    ) -> Tensor:
        """Cut crops shifted by up to 4 % of their side, scaled by 0.95 to 1.1, and mirrored at random.

        Face detectors differ by about as much. Drawn at twice the size and averaged, or from 128 px by cubic
        interpolation, so that they stay about as sharp as those of `centre`.

        Args:
            rows: B int64, the frames.
            size: side of a crop in pixels.
            generator: of shift, scale and mirroring.
            part: (i, n) gives the i-th of n equal parts of the crops, exactly as they stand in the whole, to the i-th
                of n processes.
            together: how many neighbours are mirrored alike, as frames of one person have to be for their places to
                match.

        Returns:
            B / n x 3 x size x size in [-1, 1].
        """
        finer = oversampling(size)
        device, mine = self.images.device, slice(len(rows) * part[0] // part[1], len(rows) * (part[0] + 1) // part[1])
        draw = torch.rand(len(rows), 4, generator=generator)
        draw[:, 1] = draw[::together, 1].repeat_interleave(together)
        draw = draw[mine].to(device)
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


def oversampling(size: int) -> int:
    """Return how much finer than the model's pixels frames are kept in memory: 2 below 128 px, else 1."""
    return 2 if size < 128 else 1


class People:
    """Index of the rows of each person, of persons N int64 in any order."""

    def __init__(self, person: Tensor):
        self.person, self.count = person, torch.bincount(person)
        self.order = person.argsort(stable=True)
        """N: the rows, one person's after another's."""
        self.first = self.count.cumsum(0) - self.count
        """First place of each person in `order`; `count` says how many follow."""
        self.place = torch.empty_like(self.order).scatter_(0, self.order, torch.arange(len(person)))
        """N: place of each row in `order`."""


def another_frame(people: People, rows: Tensor, generator: torch.Generator) -> Tensor:
    """Draw for every row (B) another row of the same person, or the row itself where there is none."""
    first, count = people.first[people.person[rows]], people.count[people.person[rows]]
    step = 1 + (torch.rand(len(rows), generator=generator) * (count - 1)).long()
    return people.order[first + (people.place[rows] - first + step) % count]
