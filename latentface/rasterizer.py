"""A rasteriser for grid meshes (height fields), small because a grid needs little.

Visibility is found without gradients (numba on the CPU, torch scatter-amin on any device, pytorch3d on CUDA where its
extension loads); barycentric coordinates of the visible face are then recomputed in torch, which is where depth and
view get their gradients. A pixel belongs to a face when its centre lies inside or on the face's edges; among several,
to the nearest at that pixel, and to the lower face index in a tie.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

try:
    import numba
except ImportError:  # the torch path needs none
    numba = None

CPU = torch.device("cpu")
Array = np.ndarray
Triple = tuple[float, float, float]


@lru_cache(maxsize=16)
def grid_faces(height: int, width: int, device: torch.device = CPU) -> Tensor:
    """List vertex indices of a grid's triangles: F x 3 (int64), two triangles a cell, F = 2 (height-1) (width-1)."""
    index = torch.arange(height * width, device=device).view(height, width)
    a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, :-1], index[1:, 1:]
    return torch.stack([torch.stack([a, b, c], -1), torch.stack([d, c, b], -1)], 2).reshape(-1, 3)


def rasterize(points: Tensor, height: int, width: int, size: int, backend: str | None = None) -> Tensor:
    """Find the face seen at every pixel; no gradients.

    Args:
        points: B x (height * width) x 3: projected u, v in [-1, 1] (see camera) and depth z > 0 of a grid's vertices.
        height: rows of the grid.
        width: columns of the grid.
        size: side of the square image in pixels.
        backend: "numba" (on the CPU, wherever the points are), "torch" or "pytorch3d"; by default numba where it is
            installed, else torch, which a GPU does slowly: one long triangle makes all wait.

    Returns:
        Face indices B x size x size (int64), -1 where nothing is seen.

    Raises:
        ValueError: the backend is unknown.
        ImportError: the backend does not load here.
    """
    points = points.detach().float()
    if backend is None:
        backend = "numba" if numba is not None else "torch"
    pixels = torch.cat([(points[..., :2] + 1) * ((size - 1) / 2), points[..., 2:]], -1)
    if backend == "numba" and numba is None:
        raise ImportError("the numba rasteriser needs: pip install numba; or choose torch")
    if backend == "numba":
        out = np.empty((len(points), size, size), np.int64)
        _rasterize_numba(pixels.contiguous().cpu().numpy(), grid_faces(height, width).numpy(), out)
        return torch.from_numpy(out).to(points.device)
    if backend == "torch":
        return _rasterize_torch(pixels, grid_faces(height, width, points.device), size)
    if backend == "pytorch3d":
        return _rasterize_pytorch3d(points, grid_faces(height, width, points.device), size)
    raise ValueError(f"unknown rasteriser backend {backend!r}: choose numba, torch or pytorch3d")


def interpolate(
    faces: Tensor, points: Tensor, attributes: Tensor, height: int, width: int, backend: str | None = None
) -> tuple[Tensor, Tensor]:
    """Interpolate values at every pixel, perspective-correct and with gradients to the points.

    Args:
        faces: B x S x S from `rasterize`.
        points: B x N x 3 projected vertices (u, v, z).
        attributes: N x C constants of the vertices.
        height: rows of the grid.
        width: columns of the grid.
        backend: "numba" or "torch"; by default numba for points on the CPU where it is installed.

    Returns:
        The depth map B x S x S (0 where nothing is seen) and the values B x S x S x C (0 there as well).

    Raises:
        ValueError: the backend is unknown.
    """
    if backend is None:
        backend = "numba" if numba is not None and points.device.type == "cpu" else "torch"
    if backend not in ("numba", "torch"):
        raise ValueError(f"unknown interpolation backend {backend!r}: choose numba or torch")
    corners = grid_faces(height, width, points.device)
    function = _InterpolateNumba.apply if backend == "numba" else interpolate_torch
    return function(faces, points.float(), attributes.float(), corners)


def interpolate_torch(faces: Tensor, points: Tensor, attributes: Tensor, corners: Tensor) -> tuple[Tensor, Tensor]:
    """Interpolate in torch, in the points' own precision; arguments as of `interpolate`, corners: F x 3."""
    size = faces.shape[-1]
    batch, vertices = points.shape[:2]
    corners = corners[faces.clamp(min=0)]  # B S S 3
    rows = corners + vertices * torch.arange(batch, device=points.device)[:, None, None, None]
    u, v, z = torch.nn.functional.embedding(rows, points.flatten(0, 1)).unbind(-1)
    axis = torch.linspace(-1, 1, size, device=points.device, dtype=points.dtype)
    du, dv = u - axis[None, None, :, None], v - axis[None, :, None, None]
    edges = (du * dv.roll(-1, -1) - du.roll(-1, -1) * dv).roll(-1, -1)  # twice the area opposite to each corner
    weights = edges / z
    total = weights.sum(-1)
    seen = (faces >= 0) & (total != 0)
    weights = torch.where(seen[..., None], weights / torch.where(seen, total, 1.0)[..., None], 0.0)
    values = (weights[..., None] * torch.nn.functional.embedding(corners, attributes)).sum(-2)
    return (weights * z).sum(-1), values


class _InterpolateNumba(torch.autograd.Function):
    """`interpolate_torch` on the CPU, in one pass over the pixels each way."""

    @staticmethod
    def forward(ctx: Any, faces: Tensor, points: Tensor, attributes: Tensor, corners: Tensor) -> tuple[Tensor, Tensor]:
        ctx.save_for_backward(faces, points, attributes, corners)
        batch, size, _ = faces.shape
        depth, values = torch.zeros(batch, size, size), torch.zeros(batch, size, size, attributes.shape[-1])
        _interpolate_numba(
            *(t.detach().contiguous().numpy() for t in (faces, points, attributes, corners, depth, values))
        )
        return depth, values

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[None, Tensor, None, None]:
        arrays = [t.detach().contiguous().numpy() for t in (*ctx.saved_tensors, *gradients)]
        grad_points = torch.zeros_like(ctx.saved_tensors[1], memory_format=torch.contiguous_format)
        _interpolate_backward_numba(*arrays, grad_points.numpy())  # pyright: ignore[reportCallIssue] (six arrays)
        return None, grad_points, None, None


if numba is not None:
    # not parallel: numba's threads share torch's OpenMP; its settings, NUMBA_NUM_THREADS=1 too, would become torch's
    njit = numba.njit

    def _compiled(function: Callable) -> Callable:
        """Compile at first use, and keep what was compiled where this or the home folder can be written."""
        try:
            return njit(cache=True)(function)
        except RuntimeError:  # numba finds no folder: read-only checkout and home
            return njit(function)

    @_compiled
    def _rasterize_numba(pixels: Array, faces: Array, out: Array) -> None:
        batch, size = out.shape[0], out.shape[1]
        for b in range(batch):
            nearest = np.full((size, size), np.float32(np.inf), np.float32)
            out[b] = -1
            for f in range(faces.shape[0]):
                x0, y0, z0 = pixels[b, faces[f, 0]]
                x1, y1, z1 = pixels[b, faces[f, 1]]
                x2, y2, z2 = pixels[b, faces[f, 2]]
                area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
                if area == 0:
                    continue
                left = max(0, int(np.ceil(min(x0, x1, x2))))
                right = min(size - 1, int(np.floor(max(x0, x1, x2))))
                top = max(0, int(np.ceil(min(y0, y1, y2))))
                bottom = min(size - 1, int(np.floor(max(y0, y1, y2))))
                for y in range(top, bottom + 1):
                    for x in range(left, right + 1):
                        w0 = ((x1 - x) * (y2 - y) - (x2 - x) * (y1 - y)) / area
                        w1 = ((x2 - x) * (y0 - y) - (x0 - x) * (y2 - y)) / area
                        w2 = ((x0 - x) * (y1 - y) - (x1 - x) * (y0 - y)) / area
                        if w0 < 0 or w1 < 0 or w2 < 0:
                            continue
                        z = np.float32(1 / (w0 / z0 + w1 / z1 + w2 / z2))
                        if z < nearest[y, x]:
                            nearest[y, x] = z
                            out[b, y, x] = f

    @numba.njit
    def _edges(points: Array, b: int, corners: Array, f: int, u: float, v: float) -> tuple[Triple, Triple, Triple]:
        """Compute corner offsets from the pixel and twice the areas opposite to the corners."""
        x0, y0 = points[b, corners[f, 0], 0] - u, points[b, corners[f, 0], 1] - v
        x1, y1 = points[b, corners[f, 1], 0] - u, points[b, corners[f, 1], 1] - v
        x2, y2 = points[b, corners[f, 2], 0] - u, points[b, corners[f, 2], 1] - v
        return (x0, x1, x2), (y0, y1, y2), (x1 * y2 - x2 * y1, x2 * y0 - x0 * y2, x0 * y1 - x1 * y0)

    @_compiled
    def _interpolate_numba(
        faces: Array, points: Array, attributes: Array, corners: Array, depth: Array, values: Array
    ) -> None:
        batch, size, _ = faces.shape
        for b in range(batch):
            for y in range(size):
                for x in range(size):
                    f = faces[b, y, x]
                    if f < 0:
                        continue
                    _, _, edges = _edges(points, b, corners, f, 2 * x / (size - 1) - 1, 2 * y / (size - 1) - 1)
                    total = 0.0
                    for i in range(3):
                        total += edges[i] / points[b, corners[f, i], 2]
                    if total == 0:
                        continue
                    for i in range(3):
                        z = points[b, corners[f, i], 2]
                        weight = edges[i] / z / total
                        depth[b, y, x] += weight * z
                        for c in range(attributes.shape[1]):
                            values[b, y, x, c] += weight * attributes[corners[f, i], c]

    @_compiled
    def _interpolate_backward_numba(
        faces: Array,
        points: Array,
        attributes: Array,
        corners: Array,
        grad_depth: Array,
        grad_values: Array,
        grad_points: Array,
    ) -> None:
        batch, size, _ = faces.shape
        for b in range(batch):
            for y in range(size):
                for x in range(size):
                    f = faces[b, y, x]
                    if f < 0:
                        continue
                    xs, ys, edges = _edges(points, b, corners, f, 2 * x / (size - 1) - 1, 2 * y / (size - 1) - 1)
                    total, mean = 0.0, 0.0
                    for i in range(3):
                        total += edges[i] / points[b, corners[f, i], 2]
                    if total == 0:
                        continue
                    for turn in range(2):  # first the weighted mean of the weights' gradients, then each one's share
                        for i in range(3):
                            vertex = corners[f, i]
                            z = points[b, vertex, 2]
                            weight = edges[i] / z / total
                            grad = grad_depth[b, y, x] * z
                            for c in range(attributes.shape[1]):
                                grad += grad_values[b, y, x, c] * attributes[vertex, c]
                            if turn == 0:
                                mean += grad * weight
                                continue
                            grad = (grad - mean) / total
                            grad_points[b, vertex, 2] += grad_depth[b, y, x] * weight - grad * edges[i] / (z * z)
                            j, k = (i + 1) % 3, (i + 2) % 3
                            grad /= z
                            grad_points[b, corners[f, j], 0] += grad * ys[k]
                            grad_points[b, corners[f, j], 1] -= grad * xs[k]
                            grad_points[b, corners[f, k], 0] -= grad * ys[j]
                            grad_points[b, corners[f, k], 1] += grad * xs[j]


def _rasterize_torch(pixels: Tensor, faces: Tensor, size: int) -> Tensor:
    """Offer every triangle to the pixels of its bounding box; the nearest wins by an atomic minimum."""
    batch, count = len(pixels), len(faces)
    corners = pixels[:, faces]  # B F 3 3
    (x0, x1, x2), (y0, y1, y2), (z0, z1, z2) = (corners[..., i].unbind(-1) for i in range(3))
    area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
    low = corners[..., :2].amin(2).ceil().clamp(min=0).long()
    high = corners[..., :2].amax(2).floor().clamp(max=size - 1).long()
    span = high - low + 1
    span[(area == 0) | (span <= 0).any(-1)] = 0
    best = torch.full((batch, size * size), torch.iinfo(torch.int64).max, device=pixels.device)
    index = torch.arange(count, device=pixels.device).expand(batch, -1)
    reach_x, reach_y = (int(span[..., i].max()) if count else 0 for i in range(2))
    for dy in range(reach_y):
        for dx in range(reach_x):
            x, y = low[..., 0] + dx, low[..., 1] + dy
            w0 = ((x1 - x) * (y2 - y) - (x2 - x) * (y1 - y)) / area
            w1 = ((x2 - x) * (y0 - y) - (x0 - x) * (y2 - y)) / area
            w2 = ((x0 - x) * (y1 - y) - (x1 - x) * (y0 - y)) / area
            inside = (dx < span[..., 0]) & (dy < span[..., 1]) & (w0 >= 0) & (w1 >= 0) & (w2 >= 0)
            z = 1 / (w0 / z0 + w1 / z1 + w2 / z2)
            key = (z.view(torch.int32).long() << 32) | index  # positive floats keep their order as integers
            key = torch.where(inside, key, torch.iinfo(torch.int64).max)
            best.scatter_reduce_(1, torch.where(inside, y * size + x, 0), key, "amin")
    seen = best != torch.iinfo(torch.int64).max
    return torch.where(seen, best & 0xFFFFFFFF, -1).view(batch, size, size)


def _rasterize_pytorch3d(points: Tensor, faces: Tensor, size: int) -> Tensor:
    """Run pytorch3d's rasteriser on the same mesh (its screen has +x left, +y up, borders at pixel edges)."""
    try:
        from pytorch3d.renderer.mesh.rasterize_meshes import rasterize_meshes
        from pytorch3d.structures import Meshes
    except ImportError as error:
        raise ImportError(f"pytorch3d's rasteriser does not load here ({error}): choose numba or torch") from error

    screen = points.clone()
    screen[..., :2] *= -(size - 1) / size
    meshes = Meshes(verts=list(screen), faces=[faces] * len(points))
    found = rasterize_meshes(meshes, size, faces_per_pixel=1, perspective_correct=True)[0][..., 0]
    offset = len(faces) * torch.arange(len(points), device=points.device)[:, None, None]
    return torch.where(found >= 0, found - offset, -1)
