"""What a darker photo changes: the light that the model reads, or the colour that it gives the face."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from latentface.pipeline import LatentFacePipeline

DIMMED = 0.5
"""Share of the photo's brightness that is left."""
SOME = 0.2
"""Least share of the dimming that must be found again, for the model to have noticed it."""
CLEAR = 0.65
"""Share of what was found above which one of the two is said to have changed."""


@dataclass(frozen=True)
class Dimming:
    """A photo, the same photo darker, and what the model makes of both."""

    dark: Tensor
    """1 x 3 x S x S in [-1, 1], the darker photo."""
    albedos: Tensor
    """2 x 3 x S x S in [-1, 1]: colour of the face in the photo, and in the darker one."""
    colour: float
    """Brightness of the colour in the darker photo as a share of that in the photo."""
    light: float
    """The same of the light that falls on the face."""

    @property
    def changed(self) -> str:
        """Name what the model takes to have changed: "colour", "light", "both" or "neither"."""
        logs = torch.tensor([self.colour, self.light]).clamp(min=1e-3).log()
        found = float(logs.sum() / torch.tensor(DIMMED).log())
        if found < SOME:
            return "neither"
        share = float(logs[0] / logs.sum())
        return "colour" if share > CLEAR else "light" if share < 1 - CLEAR else "both"


@torch.no_grad()
def dimmed(pipeline: LatentFacePipeline, crop: Tensor) -> Dimming:
    """Darken a photo and compare what is read off both.

    Args:
        pipeline: The model.
        crop: 1 x 3 x S x S in [-1, 1], the eyes level.
    """
    dark = (crop + 1) * DIMMED - 1
    scene = pipeline.decode(pipeline.encode(torch.cat([crop, dark])))
    colour, lit = (_brightness(image) for image in (scene.albedo, scene.canonical))
    light = lit / colour
    return Dimming(dark, scene.albedo, float(colour[1] / colour[0]), float(light[1] / light[0]))


def _brightness(image: Tensor) -> Tensor:
    """Give the mean of B images over the middle of the face, in [0, 1]: B."""
    side = image.shape[-1]
    part = slice(side // 4, side - side // 4)
    return ((image[..., part, part].clamp(-1, 1) + 1) / 2).mean((1, 2, 3)).clamp(min=1e-3)
