"""Camera, views, the canonical height field and its normals (Unsup3D, section 3.1 "Photo-geometric autoencoding").

Axes everywhere: x right, y down, z forward (away from the camera). The camera sits at the origin with a field of view
of 10 degrees; a canonical face lies at depths in [0.9, 1.1] and turns about the point (0, 0, 1). Image positions are
normalised: u = -1 is the centre of the leftmost pixel, u = +1 that of the rightmost (grid_sample's align_corners=True),
v the same downwards, so nothing here depends on the image size.
"""

import math

import torch
from torch import Tensor

try:  # pytorch3d is the house's geometry library; a host without it (a bare GPU box) takes the lines below
    from pytorch3d.transforms import euler_angles_to_matrix
except ImportError:

    def euler_angles_to_matrix(euler_angles: Tensor, convention: str) -> Tensor:
        """Make rotation matrices (... x 3 x 3) of angles in radians (... x 3), as pytorch3d's function for "XYZ"."""
        if convention != "XYZ":
            raise ValueError(f"only the XYZ convention is available without pytorch3d, not {convention!r}")
        (sx, sy, sz), (cx, cy, cz) = euler_angles.sin().unbind(-1), euler_angles.cos().unbind(-1)
        rows = [
            cy * cz, -cy * sz, sy,
            cx * sz + sx * sy * cz, cx * cz - sx * sy * sz, -sx * cy,
            sx * sz - cx * sy * cz, sx * cz + cx * sy * sz, cx * cy,
        ]  # fmt: skip
        return torch.stack(rows, -1).unflatten(-1, (3, 3))


FIELD_OF_VIEW = 10.0
"""Full field of view in degrees, both axes."""
HALF_WIDTH = math.tan(math.radians(FIELD_OF_VIEW) / 2)
"""x of the image's right border (u = 1) at depth 1."""
NEAR, FAR = 0.9, 1.1
"""Range of canonical depth."""
BORDER_DEPTH = 0.7 * FAR + 0.3 * NEAR
"""Depth of the outermost columns of the canonical map (1.04)."""


def pixel_grid(
    height: int,
    width: int | None = None,
    device: torch.device | str | None = None,
    dtype: torch.dtype = torch.float32,
) -> Tensor:
    """Make the normalised positions of all pixels.

    Args:
        height: in pixels.
        width: in pixels, the height by default.
        device: of the result.
        dtype: of the result.

    Returns:
        height x width x 2, last axis (u, v) in [-1, 1].
    """
    width = height if width is None else width
    v, u = torch.meshgrid(
        torch.linspace(-1, 1, height, device=device, dtype=dtype),
        torch.linspace(-1, 1, width, device=device, dtype=dtype),
        indexing="ij",
    )
    return torch.stack([u, v], -1)


def unproject(depth: Tensor, grid: Tensor | None = None) -> Tensor:
    """Lift depth maps to points.

    Args:
        depth: B x H x W, z in scene units.
        grid: H x W x 2 positions (u, v), all pixels' by default.

    Returns:
        B x H x W x 3 points (x, y, z).
    """
    if grid is None:
        grid = pixel_grid(*depth.shape[-2:], device=depth.device, dtype=depth.dtype)
    return torch.cat([grid * HALF_WIDTH * depth[..., None], depth[..., None]], -1)


def project(points: Tensor) -> Tensor:
    """Project points ... x 3 to normalised image positions ... x 2 (u, v); inside the image both are in [-1, 1]."""
    return points[..., :2] / (HALF_WIDTH * points[..., 2:])


def rotation(view: Tensor) -> Tensor:
    """Make the rotation matrices of views: R_x(-pitch) R_y(-yaw) R_z(roll), so roll goes first, then yaw, then pitch.

    Positive yaw looks to the image's right, positive pitch up, positive roll turns the face clockwise in the image.

    Args:
        view: B x 6: yaw, pitch, roll in degrees, then x, y, z.

    Returns:
        B x 3 x 3.
    """
    yaw, pitch, roll = view[:, :3].unbind(-1)
    # it multiplies matrices, which bfloat16 would round to three digits
    with torch.autocast(view.device.type, enabled=False):
        return euler_angles_to_matrix(torch.deg2rad(torch.stack([-pitch, -yaw, roll], -1)), "XYZ")


def rolled(view: Tensor, degrees: Tensor | float) -> Tensor:
    """Turn what is seen clockwise about the image's middle, as by turning the photo.

    Args:
        view: B x 6, see apply_view.
        degrees: by how much; one number, or B.

    Returns:
        B x 6: the view whose picture is the turned picture.
    """
    zero = torch.zeros_like(view)
    zero[:, 2] = degrees
    turn = rotation(zero)
    whole = turn @ rotation(view)
    pitch = torch.atan2(whole[:, 1, 2], whole[:, 2, 2])
    yaw = -torch.asin(whole[:, 0, 2].clamp(-1, 1))
    roll = torch.atan2(-whole[:, 0, 1], whole[:, 0, 0])
    angles = torch.rad2deg(torch.stack([yaw, pitch, roll], -1))
    return torch.cat([angles, (turn @ view[:, 3:, None])[..., 0]], -1)


def apply_view(points: Tensor, view: Tensor) -> Tensor:
    """Move canonical points into the camera's frame: turn about (0, 0, 1), then translate.

    Args:
        points: B x ... x 3.
        view: B x 6: yaw, pitch, roll in degrees, then a translation x, y, z in scene units.

    Returns:
        As the points.
    """
    shape = points.shape
    centre = points.new_tensor([0.0, 0.0, 1.0])
    with torch.autocast(points.device.type, enabled=False):
        moved = (points.flatten(1, -2) - centre) @ rotation(view).mT
    return (moved + centre + view[:, None, 3:]).view(shape)


def undo_view(points: Tensor, view: Tensor) -> Tensor:
    """Undo `apply_view`: points in the camera's frame back to the canonical frame."""
    shape = points.shape
    centre = points.new_tensor([0.0, 0.0, 1.0])
    moved = (points.flatten(1, -2) - centre - view[:, None, 3:]) @ rotation(view)
    return (moved + centre).view(shape)


def normals_from_depth(depth: Tensor, grid: Tensor | None = None) -> Tensor:
    """Compute outward unit normals of depth maps by central differences of the lifted points.

    Args:
        depth: B x H x W.
        grid: H x W x 2 positions (u, v), all pixels' by default.

    Returns:
        B x H x W x 3; a surface facing the camera has normal (0, 0, -1). Border pixels repeat the differences of their
        inner neighbours.
    """
    points = unproject(depth, grid)
    along_x = points[:, 1:-1, 2:] - points[:, 1:-1, :-2]
    along_y = points[:, 2:, 1:-1] - points[:, :-2, 1:-1]
    normals = torch.nn.functional.normalize(torch.linalg.cross(along_y, along_x), dim=-1)
    padded = torch.nn.functional.pad(normals.permute(0, 3, 1, 2), (1, 1, 1, 1), mode="replicate")
    return padded.permute(0, 2, 3, 1)
