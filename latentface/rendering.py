"""Rendering of a canonical face at a view by inverse warping, and its inverse (Unsup3D, section 3.1, equation 2)."""

import torch
import torch.nn.functional as F
from torch import Tensor

from latentface.camera import apply_view, normals_from_depth, pixel_grid, project, rotation, unproject
from latentface.rasterizer import interpolate, rasterize

MARGIN = 0.25
"""The border of the canonical map is carried on outwards by this share of the half width, so that a turned face does
not end inside the picture."""
GRAZING, FACING = 0.15, 0.45
"""Cosines between a surface and the line of sight at which a place counts as not seen, and as fully seen."""


def ring_width(side: int, margin: float = MARGIN) -> int:
    """Count the whole pixels by which a map's border is carried on outwards.

    Args:
        side: S of the map.
        margin: share of the half width.
    """
    return round(margin * (side - 1) / 2)


def view_grid(depth: Tensor, view: Tensor, size: int | None = None, margin: float = MARGIN) -> tuple[Tensor, Tensor]:
    """Find the place of the canonical image that every pixel of a view shows.

    Gradients reach depth and view through the barycentric coordinates.

    Args:
        depth: B x S x S canonical.
        view: B x 6, see camera.apply_view.
        size: side of the image in pixels, S by default.
        margin: share of the half width by which the map's border is carried on outwards.

    Returns:
        The grid B x size x size x 2 for grid_sample (align_corners=True), and the depth seen, B x size x size, 0 where
        nothing is.
    """
    side = depth.shape[-1]
    size = size or side
    ring = ring_width(side, margin)
    extended = F.pad(depth[:, None], (ring,) * 4, mode="replicate")[:, 0] if ring else depth
    full = side + 2 * ring
    grid = pixel_grid(full, device=depth.device, dtype=depth.dtype) * ((full - 1) / (side - 1))
    points = apply_view(unproject(extended, grid), view).flatten(1, 2)
    points = torch.cat([project(points), points[..., 2:]], -1)
    faces = rasterize(points, full, full, size)
    seen, canonical = interpolate(faces, points, grid.flatten(0, 1), full, full)
    return canonical, seen


def render(image: Tensor, depth: Tensor, view: Tensor, size: int | None = None) -> tuple[Tensor, Tensor]:
    """Render a canonical image at a view.

    Args:
        image: B x C x T x T canonical, at any resolution.
        depth: B x S x S canonical.
        view: B x 6, see camera.apply_view.
        size: side of the picture in pixels, S by default.

    Returns:
        The picture B x C x size x size (border colours carried on outwards, 0 where nothing is seen), and the mask
        B x 1 x size x size of the places seen.
    """
    grid, seen = view_grid(depth, view, size)
    mask = (seen > 0).to(image.dtype)[:, None]
    return F.grid_sample(image, grid.to(image.dtype), align_corners=True, padding_mode="border") * mask, mask


def unrender(image: Tensor, depth: Tensor, view: Tensor) -> tuple[Tensor, Tensor]:
    """Undo `render`: every place of the canonical face looks up the picture.

    Nothing is hidden by what lies in front of it: only the surface's own direction is asked.

    Args:
        image: B x C x T x T at the view.
        depth: B x S x S canonical.
        view: B x 6, see camera.apply_view.

    Returns:
        The canonical picture B x C x S x S (border colours carried on outwards), and the visibility of each place,
        B x 1 x S x S in [0, 1]: 0 where the surface turns away or lies outside the picture.
    """
    where = project(apply_view(unproject(depth), view))
    facing = -(normals_from_depth(depth) * rotation(view)[:, None, None, 2]).sum(-1)
    seen = ((facing - GRAZING) / (FACING - GRAZING)).clamp(0, 1) * (where.abs().amax(-1) <= 1)
    canonical = F.grid_sample(image, where.to(image.dtype), align_corners=True, padding_mode="border")
    return canonical, seen[:, None].to(image.dtype)
