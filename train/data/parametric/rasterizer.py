"""Drawing triangles: placed before the camera, projected, and the nearest at every sample kept (z-buffer).

Scene units and axes are those of latentface.camera: x right, y down, z forward, field of view 10 degrees over the
standard crop. Samples lie at twice the resolution of the picture.
"""

import math

import numba
import numpy as np

from latentface.camera import HALF_WIDTH
from train.data.parametric.materials import HAIR

HALF, ONE = np.float32(0.5), np.float32(1)


def focal(size: int) -> float:
    """Return pixels a unit of x / z, for a crop of side `size` (-1 and 1 are centres of its border pixels)."""
    return (size - 1) / 2 / HALF_WIDTH


@numba.njit(cache=True, fastmath=True)
def project(points: np.ndarray, scale: np.float32, side: int) -> np.ndarray:
    """Project points V x 3 to sample positions and inverse depth, V x 3 float32, on a grid of side x side samples."""
    out = np.empty((len(points), 3), np.float32)
    for i in range(len(points)):
        inverse = 1 / points[i, 2]
        out[i, 0] = points[i, 0] * inverse * scale + side / 2
        out[i, 1] = points[i, 1] * inverse * scale + side / 2
        out[i, 2] = inverse
    return out


@numba.njit(cache=True, fastmath=True)
def move(
    points: np.ndarray,
    height: np.ndarray,
    centre: np.ndarray,
    turn: np.ndarray,
    neck: np.ndarray,
    scale: float,
    shift: np.ndarray,
) -> np.ndarray:
    """Move template points to the camera's frame: turned about `centre`, the neck less than the head.

    Args:
        points: V x 3, decimetres.
        height: V, template heights: points above 6.5 turn by `turn`, below 5.75 by `neck`.
        centre: 3, of rotation, in template coordinates.
        turn: 3 x 3 rotation of the head.
        neck: 3 x 3 rotation of the neck.
        scale: scene units a decimetre.
        shift: x and y of the centre in scene units; its z is 1.

    Returns:
        V x 3 float32.
    """
    out = np.empty((len(points), 3), np.float32)
    for i in range(len(points)):
        x, y, z = points[i, 0] - centre[0], centre[1] - points[i, 1], centre[2] - points[i, 2]
        stiff = min(max((height[i] - 5.75) / 0.75, 0.0), 1.0)
        stiff = stiff * stiff * (3 - 2 * stiff)
        for k in range(3):
            head = turn[k, 0] * x + turn[k, 1] * y + turn[k, 2] * z
            body = neck[k, 0] * x + neck[k, 1] * y + neck[k, 2] * z
            out[i, k] = (head * stiff + body * (1 - stiff)) * scale
        out[i, 0] += shift[0]
        out[i, 1] += shift[1]
        out[i, 2] += 1
    return out


@numba.njit(cache=True, fastmath=True)
def normals(points: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Return area-weighted outward unit normals, V x 3 float32; triangles are counter-clockwise from outside."""
    out = np.zeros((len(points), 3), np.float32)
    for t in range(len(triangles)):
        a, b, c = triangles[t]
        e0, e1, e2 = points[b, 0] - points[a, 0], points[b, 1] - points[a, 1], points[b, 2] - points[a, 2]
        f0, f1, f2 = points[c, 0] - points[a, 0], points[c, 1] - points[a, 1], points[c, 2] - points[a, 2]
        n0, n1, n2 = e1 * f2 - e2 * f1, e2 * f0 - e0 * f2, e0 * f1 - e1 * f0
        for k in (a, b, c):
            out[k, 0] += n0
            out[k, 1] += n1
            out[k, 2] += n2
    for i in range(len(out)):
        length = math.sqrt(out[i, 0] ** 2 + out[i, 1] ** 2 + out[i, 2] ** 2) + 1e-20
        out[i] /= length
    return out


@numba.njit(cache=True, fastmath=True)
def rasterise(
    screen: np.ndarray,
    triangles: np.ndarray,
    material: np.ndarray,
    place: np.ndarray,
    strands: np.ndarray,
    side: int,
    faces: np.ndarray,
    nearest: np.ndarray,
) -> None:
    """Find the nearest triangle at every sample; those seen from behind are left out unless they are hair.

    Args:
        screen: V x 3 from `project`.
        triangles: T x 3 int32.
        material: T int8.
        place: V x 3, of hair only: position in `strands` (texels, wraps) and the share of strands left there.
        strands: H x W in [0, 1].
        side: samples a side.
        faces: side x side int32, filled with the triangle, -1 for none.
        nearest: side x side float32, filled with its inverse depth.
    """
    height, width = strands.shape
    faces[:] = -1
    nearest[:] = 0
    for t in range(len(triangles)):
        a, b, c = triangles[t]
        x0, y0, x1, y1, x2, y2 = screen[a, 0], screen[a, 1], screen[b, 0], screen[b, 1], screen[c, 0], screen[c, 1]
        area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
        thin = material[t] == HAIR
        if area > -1e-9 and not (thin and area > 1e-9):
            continue
        left, right = max(0, math.ceil(min(x0, x1, x2) - HALF)), min(side - 1, math.floor(max(x0, x1, x2) - HALF))
        top, bottom = max(0, math.ceil(min(y0, y1, y2) - HALF)), min(side - 1, math.floor(max(y0, y1, y2) - HALF))
        if left > right or top > bottom:
            continue
        inverse = ONE / area
        step0, step1 = (y1 - y2) * inverse, (y2 - y0) * inverse  # of the weights, from column to column
        x, y = left + HALF, top + HALF
        start0 = ((x1 - x) * (y2 - y) - (x2 - x) * (y1 - y)) * inverse
        start1 = ((x2 - x) * (y0 - y) - (x0 - x) * (y2 - y)) * inverse
        down0, down1 = (x2 - x1) * inverse, (x0 - x2) * inverse
        za, zb, zc = screen[a, 2], screen[b, 2], screen[c, 2]
        for i in range(top, bottom + 1):
            w0, w1 = start0, start1
            for j in range(left, right + 1):
                w2 = ONE - w0 - w1
                if w0 >= 0 and w1 >= 0 and w2 >= 0:
                    z = w0 * za + w1 * zb + w2 * zc
                    if z > nearest[i, j]:
                        seen = True
                        if thin:
                            u = w0 * place[a, 0] + w1 * place[b, 0] + w2 * place[c, 0]
                            v = w0 * place[a, 1] + w1 * place[b, 1] + w2 * place[c, 1]
                            left_over = w0 * place[a, 2] + w1 * place[b, 2] + w2 * place[c, 2]
                            seen = strands[int(v) % height, int(u) % width] <= left_over
                        if seen:
                            nearest[i, j] = z
                            faces[i, j] = t
                w0 += step0
                w1 += step1
            start0 += down0
            start1 += down1
