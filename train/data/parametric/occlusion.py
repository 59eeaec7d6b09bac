"""Ambient occlusion: the share of the sky that each part of the head sees."""

import math
from functools import lru_cache

import numpy as np

import train.data.parametric.rasterizer as rasterizer
from train.data.parametric.materials import TEETH, TONGUE
from train.data.parametric.mesh import load


@lru_cache(1)
def open_sky(directions: int = 96) -> np.ndarray:
    """Compute the share of the sky that each surface vertex of the template sees.

    The template with a slightly open mouth is drawn from many directions; a vertex sees those in which it is not behind
    something, weighted by the cosine.

    Args:
        directions: how many.

    Returns:
        K float32 in [0, 1].
    """
    head = load()
    shape = head.template.copy()
    rows, offsets = head.actions["jawOpen"]
    shape[rows] += 0.3 * offsets
    points = (head.refine @ shape).astype(np.float32)
    triangles, material = head.triangles, np.zeros(len(head.triangles), np.int8)
    normal = rasterizer.normals(points, triangles)
    seen, total = np.zeros(len(points)), np.full(len(points), 1e-6)
    side = 420
    place, strands = np.zeros((1, 3), np.float32), np.zeros((1, 1), np.float32)
    faces, nearest = np.empty((side, side), np.int32), np.empty((side, side), np.float32)
    for k in range(directions):
        z = 1 - 2 * (k + 0.5) / directions
        a = k * math.pi * (3 - math.sqrt(5))
        towards = np.array([math.sqrt(1 - z * z) * math.cos(a), z, math.sqrt(1 - z * z) * math.sin(a)])
        right = np.cross([0.123, 0.9, 0.42], towards)
        right /= np.linalg.norm(right)
        down = -np.cross(towards, right)
        depth = 50 - (points - [0, 7, 0.5]) @ towards
        screen = np.stack(
            [
                (points - [0, 7, 0.5]) @ right * 105 + side / 2,
                (points - [0, 7, 0.5]) @ down * 105 + side / 2,
                1 / depth,
            ],
            1,
        )
        rasterizer.rasterise(screen.astype(np.float32), triangles, material, place, strands, side, faces, nearest)
        column, row = screen[:, 0].astype(int).clip(0, side - 1), screen[:, 1].astype(int).clip(0, side - 1)
        cosine = (normal @ towards).clip(0)
        free = 1 / np.maximum(nearest[row, column], 1e-3) > depth - 0.03
        seen += cosine * free
        total += cosine
    out = np.clip(seen / total, 0.05, 1)
    for kind, least in ((TEETH, 0.6), (TONGUE, 0.45)):  # an open mouth lets in more light than this one
        rows = np.unique(head.triangles[head.material == kind])
        out[rows] = np.maximum(out[rows], least)
    lids = head.masks["eyelids"]  # half hidden by the open eye's fold in the template, not when they close
    return np.maximum(out, 0.6 * lids).astype(np.float32)
