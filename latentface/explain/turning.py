"""Which part of the code knows the pose: one face drawn at several yaws, and what moves when it is read again."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from latentface.codes import Codes
from latentface.disentanglement import PARTS, code_blocks
from latentface.explain.looked_again import looked_again
from latentface.pipeline import LatentFacePipeline

YAWS = (-24.0, -16.0, -8.0, 0.0, 8.0, 16.0, 24.0)
"""Degrees at which the face is drawn."""


@dataclass(frozen=True)
class Turning:
    """One face drawn at YAWS and read again."""

    pictures: Tensor
    """K x 3 x S x S in [-1, 1]."""
    read: list[float]
    """Yaw that the model reads off each, in degrees."""
    moved: dict[str, float]
    """Part of the code -> how far it moves over the turn, as a share of how far it differs between people."""

    @property
    def block(self) -> str:
        """Name the part that moves most."""
        return max(self.moved, key=lambda name: self.moved[name])


@torch.no_grad()
def turned(pipeline: LatentFacePipeline, codes: Codes, people: Codes) -> Turning:
    """Turn a head and nothing else, and measure what each part of the code makes of it.

    Args:
        pipeline: The model.
        codes: Batch of one.
        people: Of N other faces, whose spread is the measure; N at least 2.
    """
    view = codes.view.new_zeros(len(YAWS), 6)
    view[:, 0] = view.new_tensor(YAWS)
    views = replace(codes[[0] * len(YAWS)], view=view)
    again = looked_again(pipeline, views)
    mine, theirs = code_blocks(pipeline, again), code_blocks(pipeline, people)
    moved = {name: _spread(mine[name]) / max(_spread(theirs[name]), 1e-9) for name in PARTS}
    pictures = pipeline.decode(views).render()[0].clamp(-1, 1)
    return Turning(pictures, again.view[:, 0].tolist(), moved)


def _spread(rows: Tensor) -> float:
    """Give the root mean square distance of rows from their mean."""
    return float((rows - rows.mean(0)).square().sum(1).mean().sqrt())
