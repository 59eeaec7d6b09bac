"""Latent codes of faces, and the scenes that they decode to (LatentFace, section 3.1)."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from latentface.camera import rolled
from latentface.rendering import render
from latentface.shading import shade


@dataclass
class Codes:
    """Codes of B photos; every field is a float tensor with the batch first."""

    shape: Tensor
    """B x C code of the canonical depth and, in `explorer`, of the warp that puts features in their places."""
    texture: Tensor
    """B x C code of the albedo."""
    view: Tensor
    """B x 6: yaw (+ looks to the image's right), pitch (+ up), roll (+ clockwise), in degrees; x, y, z in scene
    units."""
    light: Tensor
    """B x 4: ambient and diffuse in [0, 1], together 1 in `explorer`; x and y of the direction in which the light
    travels, in [-1, 1]."""

    @classmethod
    def cat(cls, parts: Sequence["Codes"]) -> "Codes":
        """Join batches of codes in their order."""
        return cls(**{f.name: torch.cat([getattr(part, f.name) for part in parts]) for f in fields(cls)})

    @property
    def face(self) -> Tensor:
        """Shape and texture side by side, B x 2C: the input of stage 2."""
        return torch.cat([self.shape, self.texture], 1)

    def rolled(self, degrees: Tensor | float) -> "Codes":
        """Turn the photos clockwise by degrees, one number or B: another view of the same faces (see camera.rolled)."""
        return replace(self, view=rolled(self.view, degrees))

    def __getitem__(self, index: Any) -> "Codes":  # noqa: ANN401 (whatever indexes a tensor)
        return Codes(**{f.name: getattr(self, f.name)[index] for f in fields(self)})

    def to(self, *args: Any) -> "Codes":  # noqa: ANN401 (as Tensor.to)
        """Convert every field; arguments as of `Tensor.to`."""
        return Codes(**{f.name: getattr(self, f.name).to(*args) for f in fields(self)})


@dataclass
class Scene:
    """Decoded faces: depth, albedo, view and light, ready to render."""

    depth: Tensor
    """B x S x S canonical depth in [0.9, 1.1]."""
    albedo: Tensor
    """B x 3 x T x T, about [-1, 1]; T is S, or 2S where it was drawn for the eye (see Autoencoder.decode_fine)."""
    view: Tensor
    """B x 6, see Codes."""
    light: Tensor
    """B x 4, see Codes."""
    raw_depth: Tensor | None = None
    """B x S x S output of the depth decoder, before tanh; a loss keeps it small."""

    shading_gradient: float = 1.0
    """Share of the shading's gradient that reaches depth."""
    softness: int = 1
    """Side in pixels of the squares that depth is averaged over before light falls on it (see rendering.shade)."""

    @property
    def canonical(self) -> Tensor:
        """The shaded face from the front, B x 3 x T x T (Λ of Unsup3D, eq. 1)."""
        return shade(self.albedo, self.lit_depth, self.light, self.softness)

    @property
    def lit_depth(self) -> Tensor:
        """Depth for shading: the same values, with `shading_gradient` of the gradient."""
        if self.shading_gradient < 1:
            return torch.lerp(self.depth.detach(), self.depth, self.shading_gradient)
        return self.depth

    def render(self, size: int | None = None) -> tuple[Tensor, Tensor]:
        """Render the scene at its view (Π of Unsup3D, eq. 1).

        Args:
            size: side of the picture in pixels; the albedo's by default. Where it is a whole part of that, as a photo's
                crop is of an albedo drawn for the eye, the picture is drawn at the albedo's size and averaged.

        Returns:
            Picture B x 3 x size x size, about [-1, 1], and mask B x 1 x size x size of the places seen.
        """
        side = self.albedo.shape[-1]
        if size is None or size >= side or side % size:
            return render(self.canonical, self.depth, self.view, size or side)
        whole = render(self.canonical, self.depth, self.view, side)
        drawn, mask = (F.avg_pool2d(image, side // size) for image in whole)
        return drawn / mask.clamp(min=1e-6), (mask > 0.5).to(drawn)

    def turned(self, angles: Sequence[float], light: Sequence[float]) -> "Scene":
        """Put the same faces, where they are, at another view and light.

        Args:
            angles: yaw, pitch, roll in degrees.
            light: ambient, diffuse, x, y, see Codes.
        """
        view = self.view.clone()
        view[:, :3] = view.new_tensor(list(angles))
        return replace(self, view=view, light=self.light.new_tensor([list(light)]).expand_as(self.light))

    def half(self) -> "Scene":
        """Return the same faces with maps of half the size."""
        depth, albedo = F.avg_pool2d(self.depth, 2), F.avg_pool2d(self.albedo, 2)
        return replace(self, depth=depth, albedo=albedo, softness=max(1, self.softness // 2))

    def flip(self) -> "Scene":
        """Mirror depth and albedo under the same view and light (Unsup3D, eq. 2)."""
        return replace(self, depth=self.depth.flip(-1), albedo=self.albedo.flip(-1))
