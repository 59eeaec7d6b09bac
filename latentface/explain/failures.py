"""Where a model rebuilds faces worse, by skin tone, age, pose and expression, on people who do not exist."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import torch
from torch import Tensor

from latentface.gallery import Gallery
from latentface.pipeline import LatentFacePipeline

BATCH = 20
"""Faces that are read at once."""
SURE = 0.05
"""Most chance that two groups are said to differ where all that is seen is chance (Bonferroni over the pairs)."""


@dataclass(frozen=True)
class Kind:
    """One way to sort people into groups."""

    name: str
    how: str
    """How the groups were told."""
    groups: tuple[tuple[str, Callable[[dict], bool]], ...]
    """Name of a group and whether a face of the gallery belongs to it; the first that does counts."""


KINDS = (
    Kind("skin tone", "angle of the colour, ITA: lower is darker; a network read it when the faces were drawn", (
        ("dark and brown", lambda face: face["skin tone"] < 10),
        ("tan and intermediate", lambda face: face["skin tone"] < 41),
        ("light skin", lambda face: True),
    )),
    Kind("age", "score that a network gave when the faces were drawn; no years", (
        ("young", lambda face: face["age"] < -0.5),
        ("middle", lambda face: face["age"] < 0.6),
        ("old", lambda face: True),
    )),
    Kind("pose", "turn of the head to the side, as the model that the gallery was made with reads it", (
        ("straight, under 8°", lambda face: abs(face["seen yaw"]) < 8),
        ("8° to 16°", lambda face: abs(face["seen yaw"]) < 16),
        ("over 16°", lambda face: True),
    )),
    Kind("expression", "measured on the drawn face", (
        ("mouth open", lambda face: face["jaw"] > 1),
        ("smiling", lambda face: face["smile"] > 0.7),
        ("neither", lambda face: True),
    )),
)  # fmt: skip


@dataclass(frozen=True)
class Group:
    """One group of people."""

    name: str
    count: int
    missed: float
    """Mean of its faces' errors, see `errors`; nan where there is nobody."""
    error: float
    """Standard error of that mean."""
    worst: int | None
    """Row of the gallery of the face that is rebuilt worst."""


@dataclass(frozen=True)
class Sorted:
    """All groups of one kind."""

    kind: Kind
    groups: list[Group]

    @property
    def enough(self) -> list[Group]:
        """Give the groups that a mean can be told of."""
        return [group for group in self.groups if group.count > 1]

    @property
    def seen(self) -> float:
        """Give the least difference of the best and the worst group that is more than chance."""
        groups = self.enough
        pairs = max(1, len(groups) * (len(groups) - 1) // 2)
        best, worst = (pick(groups, key=lambda group: group.missed) for pick in (min, max))
        return NormalDist().inv_cdf(1 - SURE / 2 / pairs) * math.hypot(best.error, worst.error)

    @property
    def sentence(self) -> str:
        """Say which group is rebuilt worst, or that no difference was seen."""
        groups = self.enough
        if len(groups) < 2:
            return "Too few people to compare."
        best, worst = (pick(groups, key=lambda group: group.missed) for pick in (min, max))
        if worst.missed - best.missed > self.seen:
            return f"Worst: {worst.name}, {worst.missed:.0%}; best: {best.name}, {best.missed:.0%}."
        return f"No difference beyond chance; one below {100 * self.seen:.1f} points would not be seen."


def one_each(gallery: Gallery) -> list[int]:
    """Choose one picture of everybody in a gallery, by turns their first, second, third, ... one."""
    people: dict[int, list[int]] = {}
    for row, face in enumerate(gallery.faces):
        people.setdefault(face["person"], []).append(row)
    return [own[turn % len(own)] for turn, own in enumerate(people.values())]


@torch.no_grad()
def rebuilt(pipeline: LatentFacePipeline, gallery: Gallery, rows: list[int]) -> tuple[Tensor, Tensor, Tensor]:
    """Read pictures of a gallery and draw them again.

    Args:
        pipeline: The model.
        gallery: Of the pictures.
        rows: B of them.

    Returns:
        Pictures and drawings, B x 3 x S x S in [-1, 1], and the mask B x 1 x S x S of what is drawn.
    """
    crops = torch.cat([pipeline.tensor(gallery.crop(row, pipeline.size)) for row in rows])
    drawn, mask = pipeline.decode(pipeline.encode(crops)).render()
    return crops, drawn.clamp(-1, 1), (mask > 0).float()


def errors(crops: Tensor, drawn: Tensor, mask: Tensor) -> Tensor:
    """Measure how much of what varies in a picture its drawing misses.

    A dark face varies less than a light one in numbers of a picture, so that a plain difference would flatter it.

    Args:
        crops: B x 3 x S x S.
        drawn: Of the same shape.
        mask: B x 1 x S x S, 1 where the face is drawn.

    Returns:
        B: mean absolute difference as a share of the picture's mean absolute difference from its own mean colour;
        0 is the same picture, 1 no better than one plain colour.
    """
    area = mask.sum((2, 3)).clamp(min=1)
    mean = ((crops * mask).sum((2, 3)) / area)[:, :, None, None]
    off, varies = (((image.abs() * mask).sum((1, 2, 3))) for image in (drawn - crops, crops - mean))
    return off / varies.clamp(min=1e-6)


def measured(pipeline: LatentFacePipeline, gallery: Gallery, rows: list[int]) -> Iterator[list[float]]:
    """Measure rows of a gallery batch by batch: the errors found so far, after each batch."""
    found: list[float] = []
    for at in range(0, len(rows), BATCH):
        found += errors(*rebuilt(pipeline, gallery, rows[at : at + BATCH])).tolist()
        yield list(found)


def by_groups(gallery: Gallery, rows: list[int], found: list[float]) -> list[Sorted]:
    """Sort errors by KINDS.

    Args:
        gallery: Of the faces.
        rows: Faces in the order of their errors; those beyond the last error are left out.
        found: Their errors.
    """
    pairs = list(zip(rows, found, strict=False))
    return [Sorted(kind, [_group(gallery, pairs, kind, name) for name, _ in kind.groups]) for kind in KINDS]


def group_of(face: dict, kind: Kind) -> str:
    """Name the group that a face of the gallery belongs to."""
    return next(name for name, belongs in kind.groups if belongs(face))


def _group(gallery: Gallery, pairs: list[tuple[int, float]], kind: Kind, name: str) -> Group:
    """Sum one group up."""
    own = [(row, error) for row, error in pairs if group_of(gallery.faces[row], kind) == name]
    if not own:
        return Group(name, 0, math.nan, math.nan, None)
    values = np.array([error for _, error in own])
    spread = float(values.std(ddof=1) / len(values) ** 0.5) if len(values) > 1 else math.nan
    return Group(name, len(own), float(values.mean()), spread, max(own, key=lambda pair: pair[1])[0])
