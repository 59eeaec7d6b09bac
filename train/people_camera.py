"""What stands between the scene and the stored frame: background, blur, contrast, colour cast, noise; and how truth is stored."""

from __future__ import annotations

import io
import zipfile

import numpy as np
from PIL import Image, ImageFilter

DEPTH_NEAR, DEPTH_RANGE = 0.8, 0.4
"""Stored depth: z = DEPTH_NEAR + DEPTH_RANGE * value / 65535."""


def background(rng: np.random.Generator, side: int, frames: int) -> list[np.ndarray]:
    """A blurred place, drifting by a few pixels through the clip: frames arrays side x side x 3 in [0, 1]."""
    small = 40
    y, x = np.mgrid[0:small, 0:small] / small
    first, second = rng.uniform(0.05, 0.9, 3), rng.uniform(0.05, 0.9, 3)
    dull = rng.uniform(0.05, 0.7)
    first, second = (c * dull + c.mean() * (1 - dull) for c in (first, second))
    angle = rng.uniform(0, 2 * np.pi)
    ramp = np.clip(0.5 + (np.cos(angle) * (x - 0.5) + np.sin(angle) * (y - 0.5)) * rng.uniform(0, 1.6), 0, 1)[..., None]
    field = first * (1 - ramp) + second * ramp
    for _ in range(rng.integers(0, 9)):
        colour = np.clip(field[rng.integers(small), rng.integers(small)] + (rng.normal(0, 0.22) + rng.normal(0, 0.1, 3) * dull), 0.02, 0.98)
        cx, cy, w, h = rng.uniform(0, 1), rng.uniform(0, 1), rng.uniform(0.04, 0.5), rng.uniform(0.04, 0.7)
        inside = ((np.abs(x - cx) < w) & (np.abs(y - cy) < h)) if rng.uniform() < 0.7 else (((x - cx) / w) ** 2 + ((y - cy) / h) ** 2 < 0.3)
        field = np.where(inside[..., None], colour, field)
    field = field + rng.normal(0, rng.uniform(0, 0.06), (small, small, 1))
    picture = Image.fromarray((field.clip(0, 1) * 255).astype(np.uint8))
    wide = side + 12
    picture = picture.resize((wide, wide), Image.Resampling.BICUBIC).filter(ImageFilter.GaussianBlur(float(rng.uniform(1, 9))))
    whole = np.asarray(picture, np.float32) / 255
    v, u = np.mgrid[0:wide, 0:wide] / wide * 2 - 1
    whole = whole * (1 - rng.uniform(0, 0.35) * (u * u + v * v) / 2)[..., None].astype(np.float32)
    ends = rng.integers(0, 13, (2, 2))
    out = []
    for i in range(frames):
        a, b = np.rint(ends[0] + (ends[1] - ends[0]) * i / max(1, frames - 1)).astype(int)
        out.append(whole[a : a + side, b : b + side])
    return out


def photograph(scene: np.ndarray, camera: dict, rng: np.random.Generator) -> np.ndarray:
    """A scene P x P x 3 in display values as the camera stores it, uint8. camera: see people_factors.clip_factors."""
    picture = (scene * camera["cast"] - 0.5) * camera["contrast"] + 0.5
    if camera["noise"] > 0:
        noise = rng.standard_normal(scene.shape, np.float32) * np.float32(camera["noise"])
        picture = picture + noise
    picture = (picture.clip(0, 1) * 255 + 0.5).astype(np.uint8)
    if camera["blur"] > 0.15:
        picture = np.asarray(Image.fromarray(picture).filter(ImageFilter.GaussianBlur(camera["blur"])))
    return picture


def truth_arrays(truth: np.ndarray, cover: np.ndarray) -> dict[str, np.ndarray]:
    """The arrays of a frame's npz (see the data card) from people_render.shade's maps."""
    there = cover.sum(-1) >= 0.5
    mask = np.where(there, np.where(cover[..., 1] > cover[..., 0], 2, 1), 0).astype(np.uint8)
    depth = np.rint((truth[..., 12] - DEPTH_NEAR) / DEPTH_RANGE * 65535).clip(1, 65535) * there
    return {
        "depth": depth.astype(np.uint16),
        "normal": (np.rint(truth[..., 9:12] * 127) * there[..., None]).astype(np.int8),
        "albedo": (np.rint(truth[..., :3] * 255).clip(0, 255) * there[..., None]).astype(np.uint8),
        "mask": mask,
    }


def pack(arrays: dict[str, np.ndarray]) -> bytes:
    """The arrays as an npz, compressed fast (np.savez_compressed's own level takes four times as long)."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, array in arrays.items():
            part = io.BytesIO()
            np.lib.format.write_array(part, np.ascontiguousarray(array), allow_pickle=False)
            file.writestr(zipfile.ZipInfo(f"{name}.npy"), part.getvalue(), zipfile.ZIP_DEFLATED, 1)
    return buffer.getvalue()


def webp(picture: np.ndarray) -> bytes:
    """uint8 H x W x 3 as WebP."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "WEBP", quality=92, method=2)
    return buffer.getvalue()


def single_light(shading: np.ndarray, normal: np.ndarray) -> list[float]:
    """The best [ambient, diffuse, dx, dy] of a + b max(0, -n . l), l ~ (dx, dy, 1), in least squares.

    shading: N. normal: N x 3. dx, dy lie in [-1, 1], ambient and diffuse in [0, 1] as latentface's Codes.light has them.
    """
    n, s = normal.astype(np.float64), shading.astype(np.float64)

    def fit(d):
        l = np.array([*d, 1.0]) / np.sqrt(d[0] ** 2 + d[1] ** 2 + 1)
        lit = np.maximum(0, -(n @ l))
        lit0, s0 = lit - lit.mean(), s - s.mean()
        b = float(np.clip((lit0 @ s0) / max(lit0 @ lit0, 1e-9), 0, 1))
        a = float(np.clip(s.mean() - b * lit.mean(), 0, 1))
        return s - a - b * lit, a, b

    plane = np.linalg.lstsq(np.concatenate([n, np.ones((len(n), 1))], 1), s, rcond=None)[0]
    d = np.clip(-plane[:2] / max(-plane[2], 0.3 * abs(plane[0]) + 0.3 * abs(plane[1]) + 1e-6), -1, 1)
    best, a, b = fit(d)
    for _ in range(6):
        step = 1e-3
        slopes = np.stack([(fit(d + np.eye(2)[k] * step)[0] - best) / step for k in range(2)], 1)
        move = np.linalg.lstsq(slopes, -best, rcond=None)[0]
        for shrink in (1, 0.4, 0.1):
            trial = np.clip(d + shrink * move, -1, 1)
            error, a_, b_ = fit(trial)
            if error @ error < best @ best - 1e-12:
                d, best, a, b = trial, error, a_, b_
                break
        else:
            break
    return [round(float(v), 4) for v in (a, b, *d)]
