"""Shading and rendering of a canonical face (Unsup3D, section 3.1 "Photo-geometric autoencoding")."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from latentface.camera import (
    FAR,
    HALF_WIDTH,
    NEAR,
    apply_view,
    normals_from_depth,
    pixel_grid,
    project,
    rotation,
    unproject,
)
from latentface.rasterizer import interpolate, rasterize

MARGIN = 0.25
"""The border of the canonical map is carried on outwards by this share of the half width, so that a turned face does
not end inside the picture."""


def shade(albedo: Tensor, depth: Tensor, light: Tensor, softness: int = 1) -> Tensor:
    """Lambertian shading: the canonical image.

    albedo: B x 3 x S x S in [-1, 1]. depth: B x S x S. light: B x 4: ambient and diffuse in [0, 1], then the x and y
    of the direction in which the light travels (its z is 1 before normalising). softness: the light falls on depth
    averaged over softness x softness pixels, a divisor of S. Returns B x 3 x S x S, [-1, 1] for ambient + diffuse <= 1,
    brighter otherwise.
    """
    return (albedo + 1) * shading(depth, light, softness) - 1


def shading(depth: Tensor, light: Tensor, softness: int = 1) -> Tensor:
    """How much light each place of the canonical face reflects, B x 1 x S x S, 0 or more; arguments as `shade`'s."""
    direction = F.normalize(torch.cat([light[:, 2:], torch.ones_like(light[:, :1])], -1), dim=-1)
    grid = pixel_grid(depth.shape[-1], device=depth.device, dtype=depth.dtype)
    if softness > 1:
        grid = F.avg_pool2d(grid.permute(2, 0, 1), softness).permute(1, 2, 0)
        depth = F.avg_pool2d(depth, softness)
    lambert = -(normals_from_depth(depth, grid) * direction[:, None, None]).sum(-1).clamp(max=0)
    reflected = (light[:, 0, None, None] + light[:, 1, None, None] * lambert)[:, None]
    return F.interpolate(reflected, scale_factor=softness, mode="bilinear") if softness > 1 else reflected


def view_grid(depth: Tensor, view: Tensor, size: int | None = None, margin: float = MARGIN) -> tuple[Tensor, Tensor]:
    """Where every pixel of a view looks up the canonical image.

    depth: B x S x S canonical. view: B x 6 (see geometry.apply_view). size: side of the image, S by default. margin:
    share of the half width by which the map's border is carried on outwards.
    Returns the grid B x size x size x 2 for grid_sample (align_corners=True) and the depth seen, B x size x size, 0
    where nothing is. Gradients reach depth and view through the barycentric coordinates.
    """
    side = depth.shape[-1]
    size = size or side
    ring = round(margin * (side - 1) / 2)
    extended = F.pad(depth[:, None], (ring,) * 4, mode="replicate")[:, 0] if ring else depth
    full = side + 2 * ring
    grid = pixel_grid(full, device=depth.device, dtype=depth.dtype) * ((full - 1) / (side - 1))
    points = apply_view(unproject(extended, grid), view).flatten(1, 2)
    points = torch.cat([project(points), points[..., 2:]], -1)
    faces = rasterize(points, full, full, size)
    seen, canonical = interpolate(faces, points, grid.flatten(0, 1), full, full)
    return canonical, seen


MARCH_STEPS = 24
"""Places along a ray between NEAR - REACH and FAR + REACH, moved by the view's z, at which marched_grid looks for the face."""
REACH = 0.06
"""How far beyond the range of canonical depth a turned face's ray may run."""


def marched_grid(depth: Tensor, view: Tensor, margin: float = MARGIN) -> tuple[Tensor, Tensor]:
    """view_grid at the depth's own size by marching along the pixels' rays: no mesh and nothing that a GPU has to wait for.

    depth: B x S x S canonical. view: B x 6. margin: as in view_grid. Returns the grid B x S x S x 2 and the mask B x S x S of what
    is seen, 0 or 1. A ray stops where it first dips below the face, found to a step and then by the secant rule; what is
    thinner than a step may be missed. One Newton step afterwards carries the exact gradients to depth and view.
    """
    side, height = depth.shape[-1], depth[:, None]
    rays = pixel_grid(side, device=depth.device, dtype=depth.dtype) * HALF_WIDTH
    rays = torch.cat([rays, torch.ones_like(rays[..., :1])], -1).flatten(0, 1)
    turn, centre = rotation(view), depth.new_tensor([0.0, 0.0, 1.0])
    # the point at distance s on a pixel's ray, in the canonical frame: start + s * along
    with torch.autocast(depth.device.type, enabled=False):  # in bfloat16 rays miss their place by a third of a pixel
        along = rays @ turn  # B x SS x 3
        start = centre - ((centre + view[:, 3:])[:, None] @ turn)

    def above(s: Tensor) -> tuple[Tensor, Tensor]:
        """How far behind the face the points at distance s lie (negative: before it), B x SS, and where on its map, B x SS x 2."""
        point = start + s[..., None] * along
        where = project(point)
        there = F.grid_sample(height, where[:, None], align_corners=True, padding_mode="border")[:, 0, 0]
        return point[..., 2] - there, where

    with torch.no_grad():
        first = NEAR - REACH + view[:, 5:]
        reach = FAR - NEAR + 2 * REACH
        low = first.expand_as(along[..., 0])
        high, found = low + reach, torch.zeros_like(low, dtype=torch.bool)
        below = above(low)[0]
        under = above(high)[0]
        previous, value = low, below
        for step in range(1, MARCH_STEPS + 1):
            s = (first + reach * step / MARCH_STEPS).expand_as(low)
            here = above(s)[0]
            crossing = (here >= 0) & ~found
            low, below = torch.where(crossing, previous, low), torch.where(crossing, value, below)
            high, under = torch.where(crossing, s, high), torch.where(crossing, here, under)
            found |= crossing
            previous, value = s, here
        for _ in range(4):
            s = low + (high - low) * (below / (below - under).clamp(max=-1e-9)).clamp(0.05, 0.95)
            here = above(s)[0]
            low, below = torch.where(here < 0, s, low), torch.where(here < 0, here, below)
            high, under = torch.where(here < 0, high, s), torch.where(here < 0, under, here)
        s = low + (high - low) * (below / (below - under).clamp(max=-1e-9)).clamp(0, 1)
        slope = (above(s + 1e-3)[0] - above(s - 1e-3)[0]) / 2e-3
        slope = slope.clamp(min=0.1)
    miss, _ = above(s)
    where = project(start + (s - (miss - miss.detach()) / slope)[..., None] * along)
    seen = found & (where.detach().abs().amax(-1) <= 1 + margin)
    return where.view(-1, side, side, 2), seen.view(-1, side, side).to(depth.dtype)


def render(image: Tensor, depth: Tensor, view: Tensor, size: int | None = None) -> tuple[Tensor, Tensor]:
    """Renders a canonical image at a view by inverse warping.

    image: B x C x T x T, any resolution. depth: B x S x S canonical. view: B x 6. Returns the picture
    B x C x size x size (border colours carried on outwards, 0 where nothing is seen) and the mask B x 1 x size x size of
    what is seen.
    """
    grid, seen = view_grid(depth, view, size)
    mask = (seen > 0).to(image.dtype)[:, None]
    return F.grid_sample(image, grid.to(image.dtype), align_corners=True, padding_mode="border") * mask, mask


GRAZING, FACING = 0.15, 0.45
"""Cosines between a surface and the line of sight at which a place counts as not seen, and as fully seen."""


def unrender(image: Tensor, depth: Tensor, view: Tensor) -> tuple[Tensor, Tensor]:
    """The inverse of render: every place of the canonical face looks up the picture.

    image: B x C x T x T at the view. depth: B x S x S canonical. view: B x 6. Returns the canonical picture B x C x S x S
    (border colours carried on outwards) and how well each place was seen, B x 1 x S x S in [0, 1]: 0 where the surface turns
    away or lies outside the picture. What lies in front of a place is not looked for.
    """
    where = project(apply_view(unproject(depth), view))
    facing = -(normals_from_depth(depth) * rotation(view)[:, None, None, 2]).sum(-1)
    seen = ((facing - GRAZING) / (FACING - GRAZING)).clamp(0, 1) * (where.abs().amax(-1) <= 1)
    canonical = F.grid_sample(image, where.to(image.dtype), align_corners=True, padding_mode="border")
    return canonical, seen[:, None].to(image.dtype)


def picture(image: Tensor, size: int | None = None) -> np.ndarray:
    """A picture 3 x S x S in [-1, 1] as uint8 size x size x 3 (S x S by default), bicubic when enlarged."""
    if size and size != image.shape[-1]:
        image = F.interpolate(image[None].float(), size=(size, size), mode="bicubic", antialias=size < image.shape[-1])[
            0
        ]
    return ((image.detach().float().cpu().clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).permute(1, 2, 0).numpy()


def depth_picture(depth: Tensor) -> Tensor:
    """Depth B x S x S in [0.9, 1.1] as grey B x 3 x S x S, near is bright: -1 to 1 for 1.075 to 0.935, which faces fill;
    beyond that it is for the picture to be cut off.
    """
    return ((1.005 - depth) / 0.07)[:, None].expand(-1, 3, -1, -1)


def normal_picture(depth: Tensor) -> Tensor:
    """Normals of depth B x S x S as colours B x 3 x S x S in [-1, 1]: red right, green up, blue towards the viewer."""
    return normals_from_depth(depth).permute(0, 3, 1, 2) * depth.new_tensor([1, -1, -1])[:, None, None]
