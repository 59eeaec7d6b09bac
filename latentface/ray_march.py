"""Ray marching of a canonical height field: `rendering.view_grid` for training, without a mesh or a GPU's wait.

A ray stops where it first dips below the face, found to a step and then by the secant rule; whatever is thinner than a
step may be missed. One Newton step afterwards carries the exact gradients to depth and view.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from latentface.camera import FAR, HALF_WIDTH, NEAR, pixel_grid, project, rotation
from latentface.rendering import MARGIN, ring_width

STEPS = 24
"""Places along a ray, between NEAR - REACH and FAR + REACH moved by the view's z, at which the face is looked for."""
REACH = 0.06
"""How far beyond the range of canonical depth a turned face's ray may run."""
SECANT_STEPS = 4

Heights = Callable[[Tensor], Tensor]
"""Distances s along the rays, B x SS, to how far behind the face the points lie (negative: before it), B x SS."""


def marched_grid(depth: Tensor, view: Tensor, margin: float = MARGIN) -> tuple[Tensor, Tensor]:
    """Find the place of the canonical image that every pixel of a view shows, by marching along its ray.

    Args:
        depth: B x S x S canonical.
        view: B x 6, see camera.apply_view.
        margin: share of the half width by which the map's border is carried on outwards.

    Returns:
        The grid B x S x S x 2 for grid_sample (align_corners=True), and the mask B x S x S of the places seen, 0 or 1.
    """
    side, height = depth.shape[-1], depth[:, None]
    rays = pixel_grid(side, device=depth.device, dtype=depth.dtype) * HALF_WIDTH
    rays = torch.cat([rays, torch.ones_like(rays[..., :1])], -1).flatten(0, 1)
    turn, centre = rotation(view), depth.new_tensor([0.0, 0.0, 1.0])
    # the point at distance s on a pixel's ray, in the canonical frame: start + s * along
    with torch.autocast(depth.device.type, enabled=False):  # in bfloat16 rays miss their place by a third of a pixel
        along = rays @ turn  # B x SS x 3
        start = centre - ((centre + view[:, 3:])[:, None] @ turn)

    def behind(s: Tensor) -> Tensor:
        point = start + s[..., None] * along
        there = F.grid_sample(height, project(point)[:, None], align_corners=True, padding_mode="border")[:, 0, 0]
        return point[..., 2] - there

    with torch.no_grad():
        first = (NEAR - REACH + view[:, 5:]).expand_as(along[..., 0])
        s, found = _first_crossing(behind, first)
        slope = (behind(s + 1e-3) - behind(s - 1e-3)) / 2e-3
        slope = slope.clamp(min=0.1)
    miss = behind(s)
    where = project(start + (s - (miss - miss.detach()) / slope)[..., None] * along)
    rim = 1 + 2 * ring_width(side, margin) / (side - 1)  # where the mesh ends
    seen = found & (where.detach().abs().amax(-1) <= rim)
    return where.view(-1, side, side, 2), seen.view(-1, side, side).to(depth.dtype)


def _first_crossing(behind: Heights, first: Tensor) -> tuple[Tensor, Tensor]:
    """Find the distance, from `first` on, at which each ray dips below the face, and whether it does: B x SS each."""
    reach = FAR - NEAR + 2 * REACH
    low, high, found = first, first + reach, torch.zeros_like(first, dtype=torch.bool)
    below, under = behind(low), behind(high)
    previous, value = low, below
    for step in range(1, STEPS + 1):
        s = first + reach * step / STEPS
        here = behind(s)
        crossing = (here >= 0) & ~found
        low, below = torch.where(crossing, previous, low), torch.where(crossing, value, below)
        high, under = torch.where(crossing, s, high), torch.where(crossing, here, under)
        found |= crossing
        previous, value = s, here
    for _ in range(SECANT_STEPS):
        s = low + (high - low) * _secant(below, under).clamp(0.05, 0.95)
        here = behind(s)
        low, below = torch.where(here < 0, s, low), torch.where(here < 0, here, below)
        high, under = torch.where(here < 0, high, s), torch.where(here < 0, under, here)
    return low + (high - low) * _secant(below, under).clamp(0, 1), found


def _secant(below: Tensor, under: Tensor) -> Tensor:
    """Find the share of the way from a negative to a positive value at which a line meets zero."""
    return below / (below - under).clamp(max=-1e-9)
