"""The warp between a face and the average face, which the second half of the shape code gives.

Texture is kept in the canonical layout, the average face's: everybody's mouth corner stands in one place. The
displacement of a place of the average face is how far from there it lies on one particular face (the texture-free shape
of Cootes et al.'s active appearance models, ECCV 1998; learned without landmarks, as in Shu et al.'s deforming
autoencoders, ECCV 2018). It is linear in the code, so that codes may be added: A's mouth moved as B's smile moves it.

All maps are frontal; a displacement is B x S x S x 2, rightwards and downwards, in half widths of the map.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from latentface.camera import pixel_grid


class DisplacementField(nn.Module):
    """Codes B x C to displacements, linearly through a coarse grid; zero at first.

    Args:
        code: length C of the code.
        grid: side of the coarse grid.
    """

    def __init__(self, code: int, grid: int):
        super().__init__()
        self.grid = grid
        self.displacement = nn.Linear(code, 2 * grid * grid, bias=False)
        nn.init.zeros_(self.displacement.weight)

    def forward(self, code: Tensor, size: int) -> Tensor:
        """Return displacements B x size x size x 2 of codes B x C."""
        with torch.autocast(code.device.type, enabled=False):
            coarse = self.displacement(code.float()).view(-1, 2, self.grid, self.grid)
        return F.interpolate(coarse, size=(size, size), mode="bicubic", align_corners=True).permute(0, 2, 3, 1)


def to_canonical(image: Tensor, displacement: Tensor) -> Tensor:
    """Warp maps of faces to the canonical layout: every place of the average face looks up where it lies on this face.

    Args:
        image: B x C x S x S.
        displacement: B x T x T x 2.

    Returns:
        B x C x T x T, border values carried on outwards.
    """
    where = pixel_grid(displacement.shape[1], device=displacement.device) + displacement
    return F.grid_sample(image, where.to(image.dtype), align_corners=True, padding_mode="border")


def from_canonical(texture: Tensor, displacement: Tensor) -> Tensor:
    """Warp maps in the canonical layout to faces; the inverse of `to_canonical`.

    Args:
        texture: B x C x T x T.
        displacement: B x S x S x 2.

    Returns:
        B x C x T x T, border values carried on outwards.
    """
    where = _resized(inverse(displacement), texture.shape[-1])
    return F.grid_sample(texture, where.to(texture.dtype), align_corners=True, padding_mode="border")


def inverse(displacement: Tensor, steps: int = 8) -> Tensor:
    """Find the place on the average face of every place of a face, by fixed-point iteration.

    Args:
        displacement: B x S x S x 2; may nowhere stretch the map to twice its size, or the iteration diverges.
        steps: iterations before the last, which alone carries gradients.

    Returns:
        Positions B x S x S x 2 in [-1, 1]: the inverse of grid + displacement.
    """
    grid, maps = pixel_grid(displacement.shape[1], device=displacement.device), displacement.permute(0, 3, 1, 2)

    def step(where: Tensor) -> Tensor:
        there = F.grid_sample(maps, where, align_corners=True, padding_mode="border")
        return grid - there.permute(0, 2, 3, 1)

    with torch.no_grad():
        where = grid.expand_as(displacement)
        for _ in range(steps):
            where = step(where)
    return step(where)


def _resized(where: Tensor, size: int) -> Tensor:
    """Positions B x S x S x 2 at another size."""
    if where.shape[1] == size:
        return where
    maps = F.interpolate(where.permute(0, 3, 1, 2), size=(size, size), mode="bilinear", align_corners=True)
    return maps.permute(0, 2, 3, 1)


def warp_picture(image: Tensor, displacement: Tensor, lines: int = 15) -> Tensor:
    """Draw a net over frontal pictures: even lines of the average face, bent as the faces bend them.

    Args:
        image: B x 3 x T x T in [-1, 1].
        displacement: B x S x S x 2.
        lines: of the net, each way.

    Returns:
        B x 3 x T x T in [-1, 1].
    """
    where = _resized(inverse(displacement), image.shape[-1])
    net = (where + 1) / 2 * (lines - 1)  # whole numbers on the lines
    apart = (net - net.round()).abs() * image.shape[-1] / (lines - 1)  # in pixels, about
    ink = 0.75 * (1.2 - apart.amin(-1)).clamp(0, 1)[:, None]
    return torch.lerp(image, torch.ones_like(image), ink)
