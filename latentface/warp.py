"""Where a face's features lie: the layout half of the shape code.

Texture is kept as the average face lays it out, so that everybody's mouth corner stands in one place; a face's layout says how
far each place of the average face lies from there on this one (the texture-free shape of Cootes et al.'s active appearance
models, ECCV 1998; learned without landmarks, as in Shu et al.'s deforming autoencoders, ECCV 2018). Displacements are linear
in the code, so that codes may be added: A's mouth moved as B's smile moves it.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from latentface.camera import pixel_grid


class Layout(nn.Module):
    """Codes B x C to displacements of the average face's places, through a coarse grid of grid x grid of them."""

    def __init__(self, code: int, grid: int):
        super().__init__()
        self.grid = grid
        self.displacement = nn.Linear(code, 2 * grid * grid, bias=False)
        nn.init.zeros_(self.displacement.weight)

    def forward(self, code: Tensor, size: int) -> Tensor:
        """How far every place of the average face lies from there: B x size x size x 2, right and down, in half widths of the map."""
        with torch.autocast(code.device.type, enabled=False):
            coarse = self.displacement(code.float()).view(-1, 2, self.grid, self.grid)
        return F.interpolate(coarse, size=(size, size), mode="bicubic", align_corners=True).permute(0, 2, 3, 1)


def gather(image: Tensor, moves: Tensor) -> Tensor:
    """A face as the average face would lay it out: every place of the average looks up where it lies on this face.

    image: B x C x S x S canonical. moves: B x T x T x 2 (see Layout). Returns B x C x T x T, border colours carried on outwards.
    """
    where = pixel_grid(moves.shape[1], device=moves.device) + moves
    return F.grid_sample(image, where.to(image.dtype), align_corners=True, padding_mode="border")


def places(moves: Tensor, steps: int = 8) -> Tensor:
    """Which place of the average face every place of this one is: B x S x S x 2 in [-1, 1], the inverse of grid + moves.

    moves: B x S x S x 2; undone by fixed-point iteration, which converges where they stretch nothing to twice its size. Gradients
    reach moves through the last step.
    """
    grid = pixel_grid(moves.shape[1], device=moves.device)

    def undone(where: Tensor) -> Tensor:
        return grid - F.grid_sample(
            moves.permute(0, 3, 1, 2), where, align_corners=True, padding_mode="border"
        ).permute(0, 2, 3, 1)

    with torch.no_grad():
        where = grid.expand_as(moves)
        for _ in range(steps):
            where = undone(where)
    return undone(where)


def _sized(where: Tensor, size: int) -> Tensor:
    """Places B x S x S x 2 at another size."""
    if where.shape[1] == size:
        return where
    return F.interpolate(where.permute(0, 3, 1, 2), size=(size, size), mode="bilinear", align_corners=True).permute(
        0, 2, 3, 1
    )


def spread(texture: Tensor, moves: Tensor) -> Tensor:
    """The inverse of `gather`: a texture in the average layout, B x C x T x T, laid out as this face is, B x C x T x T.

    moves: B x S x S x 2 (see places).
    """
    where = _sized(places(moves), texture.shape[-1])
    return F.grid_sample(texture, where.to(texture.dtype), align_corners=True, padding_mode="border")


def layout_picture(image: Tensor, moves: Tensor, lines: int = 15) -> Tensor:
    """A canonical picture B x 3 x T x T in [-1, 1] under a net: `lines` even lines of the average face each way, as this face bends them."""
    where = _sized(places(moves), image.shape[-1])
    net = (where + 1) / 2 * (lines - 1)  # whole numbers on the lines
    apart = (net - net.round()).abs() * image.shape[-1] / (lines - 1)  # in pixels, about
    ink = 0.75 * (1.2 - apart.amin(-1)).clamp(0, 1)[:, None]
    return torch.lerp(image, torch.ones_like(image), ink)
