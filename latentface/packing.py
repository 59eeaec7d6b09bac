"""A scene as few bytes, for a page that draws it itself (app/components/web/stage_gl.js reads them)."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from latentface.camera import FAR, NEAR
from latentface.codes import Scene

STEPS = 65535
"""Steps of a 16-bit number."""
REACH = 2.0
"""Positions go from -REACH to REACH half widths."""


@dataclass(frozen=True)
class PackedScene:
    """One face's depth and albedo as numbers of 16 and 8 bits, row by row, lowest byte first."""

    side: int
    """Of depth."""
    fine: int
    """Side of the albedo."""
    softness: int
    """See Scene."""
    depth: bytes
    """uint16 side x side: 0 is NEAR, 65535 is FAR."""
    albedo: bytes
    """uint8 fine x fine x 3: 255 is `scale`, 0 is black."""
    scale: float
    """Brightness of the albedo's brightest place, where 1 is white in even light."""


def pack(scene: Scene) -> PackedScene:
    """Pack one face.

    Args:
        scene: batch of one.
    """
    bright = ((scene.albedo[0] + 1) / 2).clamp(min=0)
    scale = max(float(bright.max()), 1e-6)
    return PackedScene(
        side=scene.depth.shape[-1],
        fine=scene.albedo.shape[-1],
        softness=scene.softness,
        depth=_steps((scene.depth[0] - NEAR) / (FAR - NEAR)),
        albedo=(bright / scale * 255).round().to(torch.uint8).permute(1, 2, 0).contiguous().cpu().numpy().tobytes(),
        scale=scale,
    )


def pack_positions(positions: Tensor, side: int = 64) -> bytes:
    """Pack where places of a face lie on the average face.

    Args:
        positions: 1 x S x S x 2 in half widths, as warp.inverse gives them.
        side: of the result.

    Returns:
        uint16 side x side x 2: 0 is -REACH, 65535 is REACH.
    """
    small = F.interpolate(positions.permute(0, 3, 1, 2), size=(side, side), mode="bilinear", align_corners=True)
    return _steps((small[0].permute(1, 2, 0) + REACH) / (2 * REACH))


def _steps(share: Tensor) -> bytes:
    """Numbers in [0, 1] as uint16."""
    return (share.detach().clamp(0, 1).cpu().double().numpy() * STEPS).round().astype("<u2").tobytes()
