"""The head's soft outline, and the picture of a face without what lies around it."""

import torch
import torch.nn.functional as F
from torch import Tensor

from latentface.camera import pixel_grid
from latentface.codes import Scene
from latentface.rendering import MARGIN, view_grid

KEPT, GONE = 0.998, 1.022
"""Canonical depths: what is nearer than the first belongs to the head, what is farther than the second does not."""
INNER, OUTER = 0.8, 1.0
"""A rounded square, in half widths of the map: within the first all is kept, beyond the second nothing."""
ROUNDNESS = 2.8
"""Exponent of the rounded square: 2 is a circle, more comes nearer to a square."""


def smoothstep(low: float, high: float, value: Tensor) -> Tensor:
    """Rise smoothly from 0 at `low` to 1 at `high`."""
    share = ((value - low) / (high - low)).clamp(0, 1)
    return share * share * (3 - 2 * share)


def outline(depth: Tensor) -> Tensor:
    """Find how far each place of a canonical face belongs to the head.

    Hair far beside the face lies as deep as the background and goes with it.

    Args:
        depth: B x S x S canonical.

    Returns:
        B x S x S in [0, 1].
    """
    grid = pixel_grid(depth.shape[-1], device=depth.device, dtype=depth.dtype)
    radius = grid.abs().pow(ROUNDNESS).sum(-1).pow(1 / ROUNDNESS)
    return (1 - smoothstep(KEPT, GONE, depth)) * (1 - smoothstep(INNER, OUTER, radius))


def cut_out(scene: Scene, size: int, share: float = 1.0) -> tuple[Tensor, Tensor]:
    """Render a scene at its view without its background.

    Args:
        scene: of B faces.
        size: side of the picture in pixels.
        share: 1 leaves the head alone; 0 keeps the canonical map whole and fades what is carried on beyond it.

    Returns:
        Picture B x 3 x size x size, about [-1, 1], and its opacity B x 1 x size x size in [0, 1].
    """
    grid, seen = view_grid(scene.depth, scene.view, size)
    canonical = scene.canonical
    head = F.interpolate(outline(scene.depth)[:, None], size=canonical.shape[-2:], mode="bilinear", align_corners=True)
    layers = F.grid_sample(torch.cat([canonical, head], 1), grid, align_corners=True, padding_mode="border")
    whole = 1 - smoothstep(1, 1 + MARGIN, grid.abs().amax(-1))[:, None]
    return layers[:, :3], torch.lerp(whole, layers[:, 3:], share) * (seen > 0)[:, None]
