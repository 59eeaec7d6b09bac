"""The diffusion told nothing, and the diffusion in one step: who comes out of noise then."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from latentface.codes import Codes
from latentface.pipeline import LatentFacePipeline
from latentface.swap_numbers import signature

DRAWN = 3
"""Faces that are drawn, each from its own noise."""
MANY = 50
"""Steps of the long way."""
SAME = 0.9
"""Cosine of signatures above which drawn faces count as one."""
EVEN = 0.02
"""Difference of mean cosines below which two ways count as equal."""


@dataclass(frozen=True)
class Untold:
    """Faces out of noise, told a face and told nothing."""

    told: Codes
    """DRAWN faces from the front, told the face."""
    faces: Codes
    """As many from the same noise, told nothing."""
    told_to_face: list[float]
    """Cosine of each told one with the face."""
    to_face: list[float]
    """Cosine of each untold one with the face."""
    between: float
    """Mean cosine among the untold ones."""

    @property
    def verdict(self) -> str:
        """Say who comes out untold: "this" person, the "same" face each time, or "others"."""
        if sum(self.to_face) / DRAWN > min(self.told_to_face) - EVEN:
            return "this"
        return "same" if self.between > SAME else "others"


@torch.no_grad()
def untold(pipeline: LatentFacePipeline, codes: Codes) -> Untold:
    """Let faces come out of noise while the diffusion is told nothing, and again told a face.

    Where a checkpoint has no prior, its denoiser is told the average code in place of nothing.

    Args:
        pipeline: The model.
        codes: Batch of one: the face.
    """
    told = pipeline.frontal(_drawn(pipeline, codes, MANY))
    nothing = None if pipeline.prior is not None else pipeline.frontal(pipeline.denoiser.mean[None])
    faces = pipeline.frontal(_drawn(pipeline, nothing, MANY))
    marks = F.normalize(signature(pipeline, faces), dim=1)
    among = marks @ marks.T
    between = float((among.sum() - among.diagonal().sum()) / (DRAWN * (DRAWN - 1)))
    return Untold(told, faces, _to_face(pipeline, told, codes), _to_face(pipeline, faces, codes), between)


@dataclass(frozen=True)
class Hasty:
    """People out of the same noise, told a face: in one step, and in MANY."""

    one: Codes
    """DRAWN faces from the front, after one step."""
    many: Codes
    """As many from the same noise, after MANY."""
    to_face: tuple[float, float]
    """Mean cosine with the face, after one step and after MANY."""

    @property
    def verdict(self) -> str:
        """Say which way ends more like the face: "one" step, "many", or both the "same"."""
        more = self.to_face[0] - self.to_face[1]
        return "same" if abs(more) < EVEN else "one" if more > 0 else "many"


@torch.no_grad()
def hasty(pipeline: LatentFacePipeline, codes: Codes) -> Hasty:
    """Let people come out of the same noise in one step and in MANY, told a face.

    Args:
        pipeline: The model.
        codes: Batch of one: the face.
    """
    one, many = (pipeline.frontal(_drawn(pipeline, codes, steps)) for steps in (1, MANY))
    means = [sum(_to_face(pipeline, faces, codes)) / DRAWN for faces in (one, many)]
    return Hasty(one, many, (means[0], means[1]))


def _drawn(pipeline: LatentFacePipeline, codes: Codes | None, steps: int) -> Tensor:
    """Draw identities, DRAWN x 2C, each from its own noise; the same ones whatever the steps."""
    if pipeline.prior is not None:
        return pipeline.draw_people(DRAWN, codes, steps=steps).result
    assert codes is not None
    return torch.cat([pipeline.split(codes, steps, samples=1, seed=seed).identity for seed in range(DRAWN)])


def _to_face(pipeline: LatentFacePipeline, faces: Codes, codes: Codes) -> list[float]:
    """Give the cosines of faces' signatures with one face's."""
    return F.cosine_similarity(signature(pipeline, faces), signature(pipeline, codes)).tolist()
