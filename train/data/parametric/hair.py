"""Hair: shells of strands over the scalp, and for long hair curtains that hang from the head, in front a fringe.

Every layer is a sheet of which noise leaves out more the further out it lies, the old way of drawing fur (Lengyel et
al., 2001), so that an outline is soft and the scalp shines through. Positions are template coordinates of the person.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.ndimage import gaussian_filter

from train.data.parametric.materials import SKIN
from train.data.parametric.mesh import load
from train.data.parametric.shading import AXIS
from train.data.parametric.skin import hairline, smoothstep

LAYERS = {"shaved": 0, "short": 4, "crop": 5, "long": 4}
"""Shells by style."""
_TURN = 768 / (2 * math.pi)
"""Texels of strands a radian round the head."""


@lru_cache(1)
def strands() -> np.ndarray:
    """Return noise for hair, 256 x 256 in [0, 1], long down the rows, wraps; evenly distributed."""
    field = gaussian_filter(np.random.default_rng(7).standard_normal((256, 256)), (14, 1.1), mode="wrap")
    coarse = gaussian_filter(np.random.default_rng(8).standard_normal((256, 256)), (20, 3), mode="wrap")
    field = field / field.std() + 0.8 * coarse / coarse.std()
    rank = np.empty(field.size)
    rank[field.ravel().argsort()] = np.linspace(0, 1, field.size)
    return rank.reshape(field.shape).astype(np.float32)


@dataclass
class Hair:
    """The part of a person's hair that does not depend on the frame."""

    vertex: np.ndarray
    """M: surface vertex that each hair vertex stands on."""
    out: np.ndarray
    """M float32: decimetres along that vertex's normal."""
    shift: np.ndarray
    """M x 3 float32: further offset in template axes."""
    height: np.ndarray
    """M float32: template height, which tells how far it turns with the head."""
    look: np.ndarray
    """M x 3 float32: brightness, then position in `strands`."""
    left: np.ndarray
    """M float32: share of strands that are there."""
    triangles: np.ndarray
    """T x 3 int32."""


@lru_cache(1)
def _scalp() -> tuple[np.ndarray, np.ndarray]:
    """Angle and distance from the crown (dm) of every surface vertex."""
    rest = load().rest
    angle = np.arctan2(rest[:, 0], rest[:, 2] - AXIS)
    away = np.hypot(rest[:, 0], rest[:, 2] - AXIS) + np.maximum(0, 8.3 - rest[:, 1])
    return angle.astype(np.float32), away.astype(np.float32)


def _sheet(width: int, height: int) -> np.ndarray:
    """Triangles of a grid of height x width vertices."""
    cell = np.arange(width * height).reshape(height, width)
    a, b, c, d = cell[:-1, :-1].ravel(), cell[:-1, 1:].ravel(), cell[1:, :-1].ravel(), cell[1:, 1:].ravel()
    return np.concatenate([np.stack([a, c, b], 1), np.stack([b, c, d], 1)])


def grow(who: dict, surface: np.ndarray, rng: np.random.Generator) -> Hair | None:
    """Grow the hair of a person whose neutral surface (K x 3) is given; None for a shaved head."""
    head = load()
    style, layers = who["hair"], LAYERS[who["hair"]]
    if layers == 0:
        return None
    angle, away = _scalp()
    line = hairline(who, angle)
    above = head.rest[:, 1] - line - head.masks["ears"]
    skin = head.triangles[head.material == SKIN]
    skin = skin[above[skin].min(1) > -0.04]
    used, triangles = np.unique(skin, return_inverse=True)
    triangles = triangles.reshape(-1, 3).astype(np.int32)
    a, up, far = angle[used], above[used], away[used]
    top = smoothstep(head.rest[used, 1], 7.5, 8.3)
    sides = {"short": 0.5, "crop": 0.35, "long": 0.6}[style]
    length = {
        "short": 0.06 + 0.12 * who["hair_length"],
        "crop": 0.16 + 0.3 * who["hair_length"],
        "long": 0.16 + 0.16 * who["hair_length"],
    }[style]
    wave = 1 + 0.25 * np.sin(3 * a + rng.uniform(0, 6)) * rng.uniform(0, 1)
    reach = length * (sides + (1 - sides) * top) * smoothstep(up, -0.06, 0.3) * wave
    aside = rng.normal(0, 0.6)
    curl = rng.uniform() < (0.25 + 0.45 * who["ancestry"]["african"])
    parts = []
    offset = rng.uniform(0, 256, 2)
    for k in range(layers):
        t = (k + 1) / layers
        swept = np.stack([aside * 0.4 * top, -0.15 * (1 - top), -0.45 * top + 0.1], 1) * (reach * t)[:, None]
        left = (1.02 - 0.62 * t**1.3) * smoothstep(up + 0.03 * np.sin(17 * a + k), -0.03, 0.16)
        u = a * _TURN + offset[0] + (far * 0.4 * aside + 11 * k)
        v = far * (26 if not curl else 110) + offset[1]
        shade = np.full(len(used), 0.62 + 0.38 * t, np.float32)
        parts.append((used, reach * t * 0.9, swept, head.rest[used, 1], np.stack([shade, u, v], 1), left, triangles))

    def curtain(
        angles: np.ndarray, tops: list[float], bottom: float, layers: int, flare: float, edge: int, ends: float
    ) -> None:
        """A sheet that leaves the skull at the heights `tops` and hangs down to `bottom`."""
        columns = len(angles)
        falls = np.linspace(tops[-1], bottom, 9)[1:]
        feet = []
        for y in tops:
            for b in angles:
                near = (head.rest[used, 1] - y) ** 2 + (np.angle(np.exp(1j * (angle[used] - b))) * 0.8) ** 2
                feet.append(used[near.argmin()])
        feet = np.array(feet).reshape(len(tops), columns)
        outward = np.stack([np.sin(angles), 0 * angles, np.cos(angles)], 1)
        scale = np.linalg.norm(surface[feet[-1]][:, [0, 2]] - [0, AXIS], axis=1).mean()
        for k in range(layers):
            t = (k + 1) / layers
            thick = length * 0.55 + 0.07 * t
            sheet, heights = [], []
            for r in range(len(tops)):
                lift = thick * smoothstep(r, -1, 2)
                sheet.append(outward * lift)
                heights.append(np.full(columns, tops[r]))
            for y in falls:
                s = (tops[-1] - y) / 2.5
                wide = thick + flare * math.sin(min(s, 1) * 2.2) - 0.12 * s * scale
                drop = outward * wide + np.array([0, y - tops[-1], 0])
                drop = drop + outward * (0.05 * np.sin(2.2 * np.arange(columns) + 3 * y + k))[:, None] * min(1, 2 * s)
                sheet.append(drop)
                heights.append(np.full(columns, y))
            rows = len(sheet)
            vertex = np.concatenate([feet.ravel(), np.tile(feet[-1], len(falls))])
            along = np.repeat(np.concatenate([np.array(tops), falls]), columns)
            across = np.tile(angles, rows)
            index = np.tile(np.arange(columns), rows)
            side_edge = smoothstep(np.minimum(index, columns - 1 - index) if edge == 2 else columns - index, -0.4, 1.6)
            fade = smoothstep(along - bottom - 0.1 * np.sin(5 * across), 0.0, ends)
            begin = smoothstep(np.repeat(np.arange(rows), columns), -0.5, 1.5)
            left = (1.05 - 0.4 * t) * side_edge * (0.15 + 0.85 * fade) * begin
            left = np.where(fade <= 0, 0, left)
            look = np.stack(
                [
                    (0.7 + 0.3 * t) * (0.85 + 0.15 * smoothstep(along, 6.5, 8)),
                    across * _TURN + 37 * k + offset[0],
                    (8.5 - along) * 20 + offset[1],
                ],
                1,
            )
            grid = _sheet(columns, rows)
            parts.append(
                (vertex, np.zeros(len(vertex)), np.concatenate(sheet), np.concatenate(heights), look, left, grid)
            )

    if style == "long":
        front = rng.uniform(0.8, 1.25)
        bottom = 7.0 - 2.3 * who["hair_length"] ** 0.8
        tied = rng.uniform() < 0.22
        if not tied:
            curtain(
                np.linspace(front, 2 * math.pi - front, 34),
                [8.2, 8.0, 7.8, 7.6, 7.4],
                bottom,
                3,
                rng.uniform(0.0, 0.3),
                2,
                0.35,
            )
        if rng.uniform() < 0.25:
            curtain(np.linspace(-0.95, 0.95, 16), [8.3, 8.15, 8.02], rng.uniform(7.5, 7.75), 2, 0.02, 2, 0.15)
    count, joined = 0, []
    parts.reverse()  # what lies outside first: less is drawn twice
    for part in parts:
        joined.append(part[-1] + count)
        count += len(part[0])
    vertex = np.concatenate([part[0] for part in parts]).astype(np.int64)
    out, shift, height, look, left = (np.concatenate([p[i] for p in parts]).astype(np.float32) for i in range(1, 6))
    triangles = np.ascontiguousarray(np.concatenate(joined), np.int32)
    return Hair(vertex, out, shift, height, look, left, triangles)
