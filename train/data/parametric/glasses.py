"""Glasses of a parametric person: a thin frame of ribbons round the eyes, over the nose and back to the ears."""

import math

import numpy as np

from train.data.parametric.mesh import Head


def glasses(head: Head, surface: np.ndarray, marks: dict, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Shape the glasses of a person.

    Args:
        head: the mesh.
        surface: K x 3, the person's neutral surface.
        marks: template position of each landmark.
        rng: of their size and shape.

    Returns:
        Points N x 3 float32 in the person's template coordinates, and triangles M x 3 int32, seen from both sides.
    """
    eyes = (marks["left_eye"] + marks["right_eye"]) / 2
    apart = abs(marks["left_eye"][0] - marks["right_eye"][0]) / 2
    wide, high, square = apart * rng.uniform(0.64, 0.8), rng.uniform(0.13, 0.2), rng.uniform(2, 4.5)
    rim, middle = rng.uniform(0.016, 0.034), eyes[1] - 0.03
    x, y = np.abs(surface[:, 0]), np.abs(surface[:, 1] - middle)
    front = surface[(x > 0.18) & (x < 0.42) & (y < 0.2), 2].max() + 0.03
    points, triangles = [], []

    def ribbon(one: np.ndarray, other: np.ndarray) -> None:
        one, other = np.asarray(one), np.asarray(other)
        for a, b in ((one, other), (other, one)):  # one side each: normals are those of the vertices
            first, count = sum(map(len, points)), len(a)
            points.append(np.concatenate([a, b]))
            i = first + np.arange(count - 1)
            triangles.append(np.stack([i, i + count, i + 1], 1))
            triangles.append(np.stack([i + 1, i + count, i + count + 1], 1))

    def at(x: float | np.ndarray, y: float | np.ndarray) -> np.ndarray:
        return np.stack([x, y, front - 0.3 * np.maximum(0, np.abs(x) - apart) ** 1.5], -1)

    angle = np.linspace(0, 2 * math.pi, 29)
    c, s = np.cos(angle), np.sin(angle)
    c, s = np.sign(c) * np.abs(c) ** (2 / square), np.sign(s) * np.abs(s) ** (2 / square)
    ears = surface[head.masks["ears"] > 0.5]
    for sign in (-1, 1):
        ring = [at(sign * apart + (wide + d) * c, middle + (high + d) * s) for d in (0, rim)]
        ribbon(*ring)
        ear = ears[sign * ears[:, 0] > 0]
        ear = ear[ear[:, 1].argmax()]
        start, end = at(np.float64(sign * (apart + wide + rim)), middle + 0.4 * high), ear - [0, 0.06, 0]
        bow = start + (end - start) * np.array([0, 0.3, 1])[:, None]
        bow[1, 0] += sign * 0.05
        ribbon(bow + [0, rim / 2, 0], bow - [0, rim / 2, 0])
    over = np.linspace(wide - apart, apart - wide, 5)
    arch = at(over, middle + 0.35 * high + 0.03 * np.cos(over / over[-1] * 1.5)) + [0, 0, 0.03]
    ribbon(arch + [0, rim / 2, 0], arch - [0, rim / 2, 0])
    return np.concatenate(points).astype(np.float32), np.concatenate(triangles).astype(np.int32)
