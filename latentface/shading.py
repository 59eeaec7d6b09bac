"""Lambertian shading of the canonical face (Unsup3D, section 3.1 "Photo-geometric autoencoding")."""

import torch
import torch.nn.functional as F
from torch import Tensor

from latentface.camera import normals_from_depth, pixel_grid


def shade(albedo: Tensor, depth: Tensor, light: Tensor, softness: int = 1) -> Tensor:
    """Light an albedo: the canonical image J = a (k_s + k_d max(0, n . l)).

    Args:
        albedo: B x 3 x T x T in [-1, 1].
        depth: B x S x S canonical; where T is larger, its light is interpolated.
        light: B x 4, see `shading`.
        softness: see `shading`.

    Returns:
        B x 3 x T x T, in [-1, 1] for ambient + diffuse <= 1, brighter otherwise.
    """
    reflected = shading(depth, light, softness)
    if albedo.shape[-1] != reflected.shape[-1]:
        reflected = F.interpolate(reflected, size=albedo.shape[-2:], mode="bilinear", align_corners=True)
    return (albedo + 1) * reflected - 1


def shading(depth: Tensor, light: Tensor, softness: int = 1) -> Tensor:
    """Compute the share of light that each place of the canonical face reflects.

    Args:
        depth: B x S x S canonical.
        light: B x 4: ambient and diffuse in [0, 1], then the x and y of the direction in which the light travels (its z
            is 1 before normalising).
        softness: the light falls on depth averaged over softness x softness pixels, a divisor of S.

    Returns:
        B x 1 x S x S, 0 or more.
    """
    direction = F.normalize(torch.cat([light[:, 2:], torch.ones_like(light[:, :1])], -1), dim=-1)
    grid = pixel_grid(depth.shape[-1], device=depth.device, dtype=depth.dtype)
    if softness > 1:
        grid = F.avg_pool2d(grid.permute(2, 0, 1), softness).permute(1, 2, 0)
        depth = F.avg_pool2d(depth, softness)
    lambert = -(normals_from_depth(depth, grid) * direction[:, None, None]).sum(-1).clamp(max=0)
    reflected = (light[:, 0, None, None] + light[:, 1, None, None] * lambert)[:, None]
    return F.interpolate(reflected, scale_factor=softness, mode="bilinear") if softness > 1 else reflected
