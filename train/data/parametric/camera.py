"""Camera of the parametric people: background, blur, contrast, colour cast, noise; and the stored form of the truth."""

import io
import math
import zipfile

import numba
import numpy as np
from PIL import Image, ImageFilter

DEPTH_NEAR, DEPTH_RANGE = 0.8, 0.4
"""Stored depth: z = DEPTH_NEAR + DEPTH_RANGE * value / 65535."""


def background(rng: np.random.Generator, side: int, frames: int) -> list[np.ndarray]:
    """Draw a blurred place, drifting by a few pixels through the clip: frames arrays side x side x 3 in [0, 1]."""
    small = 40
    y, x = np.mgrid[0:small, 0:small] / small
    first, second = rng.uniform(0.05, 0.9, 3), rng.uniform(0.05, 0.9, 3)
    dull = 0.05 + 0.6 * rng.uniform() ** 3
    first, second = (c * dull + c.mean() * (1 - dull) for c in (first, second))
    angle = rng.uniform(0, 2 * np.pi)
    ramp = np.clip(0.5 + (np.cos(angle) * (x - 0.5) + np.sin(angle) * (y - 0.5)) * rng.uniform(0, 1.6), 0, 1)[..., None]
    field = first * (1 - ramp) + second * ramp
    for _ in range(rng.integers(0, 9)):
        colour = np.clip(
            field[rng.integers(small), rng.integers(small)] + (rng.normal(0, 0.22) + rng.normal(0, 0.1, 3) * dull),
            0.02,
            0.98,
        )
        cx, cy, w, h = rng.uniform(0, 1), rng.uniform(0, 1), rng.uniform(0.04, 0.5), rng.uniform(0.04, 0.7)
        inside = (
            ((np.abs(x - cx) < w) & (np.abs(y - cy) < h))
            if rng.uniform() < 0.7
            else (((x - cx) / w) ** 2 + ((y - cy) / h) ** 2 < 0.3)
        )
        field = np.where(inside[..., None], colour, field)
    field = field + rng.normal(0, rng.uniform(0, 0.06), (small, small, 1))
    picture = Image.fromarray((field.clip(0, 1) * 255).astype(np.uint8))
    wide = side + 12
    picture = picture.resize((wide, wide), Image.Resampling.BICUBIC).filter(
        ImageFilter.GaussianBlur(float(rng.uniform(1, 9)))
    )
    whole = np.asarray(picture, np.float32) / 255
    v, u = np.mgrid[0:wide, 0:wide] / wide * 2 - 1
    whole = whole * (1 - rng.uniform(0, 0.35) * (u * u + v * v) / 2)[..., None].astype(np.float32)
    ends = rng.integers(0, 13, (2, 2))
    out = []
    for i in range(frames):
        a, b = np.rint(ends[0] + (ends[1] - ends[0]) * i / max(1, frames - 1)).astype(int)
        out.append(whole[a : a + side, b : b + side])
    return out


@numba.njit(cache=True, fastmath=True)
def soften(scene: np.ndarray, cover: np.ndarray) -> np.ndarray:
    """Blur the scene binomially over 3 x 3 pixels at hair and its edges, for strands are finer than a sample.

    Args:
        scene: P x P x 3 float32.
        cover: P x P x 2, see frame.Frame.

    Returns:
        P x P x 3 float32.
    """
    side = len(scene)
    out = scene.copy()
    for i in range(1, side - 1):
        for j in range(1, side - 1):
            most = np.float32(0)
            for a in range(i - 1, i + 2):
                for b in range(j - 1, j + 2):
                    most = max(most, cover[a, b, 1])
            if most == 0:
                continue
            for k in range(3):
                cross = scene[i - 1, j, k] + scene[i + 1, j, k] + scene[i, j - 1, k] + scene[i, j + 1, k]
                left = scene[i - 1, j - 1, k] + scene[i + 1, j - 1, k]
                right = scene[i - 1, j + 1, k] + scene[i + 1, j + 1, k]
                blurred = (4 * scene[i, j, k] + 2 * cross + left + right) / 16
                out[i, j, k] += (blurred - scene[i, j, k]) * 0.85 * most
    return out


def photograph(scene: np.ndarray, camera: dict, rng: np.random.Generator) -> np.ndarray:
    """Return a scene (P x P x 3, display values) as the camera stores it, uint8. camera: see factors.clip_factors."""
    picture = (scene * np.float32(camera["cast"]) - 0.5) * camera["contrast"] + 0.5
    if camera["noise"] > 0:
        noise = rng.standard_normal(scene.shape, np.float32) * np.float32(camera["noise"])
        picture = picture + noise
    picture = (picture.clip(0, 1) * 255 + 0.5).astype(np.uint8)
    if camera["blur"] > 0.15:
        picture = np.asarray(Image.fromarray(picture).filter(ImageFilter.GaussianBlur(camera["blur"])))
    return picture


def truth_arrays(truth: np.ndarray, cover: np.ndarray) -> dict[str, np.ndarray]:
    """Make the arrays of a frame's npz (see CARD.md) of shading.shade's maps."""
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
    """Pack arrays as an npz, compressed fast (np.savez_compressed's own level takes four times as long)."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, array in arrays.items():
            part = io.BytesIO()
            np.lib.format.write_array(part, np.ascontiguousarray(array), allow_pickle=False)
            file.writestr(zipfile.ZipInfo(f"{name}.npy"), part.getvalue(), zipfile.ZIP_DEFLATED, 1)
    return buffer.getvalue()


@numba.njit(cache=True, fastmath=True)
def _fit(normal: np.ndarray, shading: np.ndarray, dx: float, dy: float) -> tuple[float, float, float]:
    """Ambient, diffuse and sum of squared errors of the best light that travels along (dx, dy, 1)."""
    count = len(shading)
    length = math.sqrt(dx * dx + dy * dy + 1)
    lit_sum = lit_square = both = shade_sum = shade_square = 0.0
    for i in range(count):
        lit = max(0.0, -(normal[i, 0] * dx + normal[i, 1] * dy + normal[i, 2]) / length)
        value = shading[i]
        lit_sum += lit
        lit_square += lit * lit
        both += lit * value
        shade_sum += value
        shade_square += value * value
    spread = lit_square - lit_sum * lit_sum / count
    diffuse = min(max((both - lit_sum * shade_sum / count) / max(spread, 1e-9), 0.0), 1.0)
    ambient = min(max((shade_sum - diffuse * lit_sum) / count, 0.0), 1.0)
    error = shade_square - 2 * ambient * shade_sum - 2 * diffuse * both
    error += count * ambient * ambient + 2 * ambient * diffuse * lit_sum + diffuse * diffuse * lit_square
    return ambient, diffuse, error


def single_light(shading: np.ndarray, normal: np.ndarray) -> list[float]:
    """Fit the single light that explains a shading best, a + b max(0, -n . l) with l ~ (dx, dy, 1), in least squares.

    The direction is found by a search that halves its step.

    Args:
        shading: N.
        normal: N x 3.

    Returns:
        [ambient, diffuse, dx, dy]; dx, dy in [-1, 1], ambient and diffuse in [0, 1], as latentface's Codes.light.
    """
    normal, shading = np.ascontiguousarray(normal), np.ascontiguousarray(shading)
    d = min(((x, y) for x in (-0.7, 0.0, 0.7) for y in (-0.7, 0.0, 0.7)), key=lambda d: _fit(normal, shading, *d)[2])
    best, step = _fit(normal, shading, *d), 0.35
    while step > 0.002:
        around = [(d[0] + step * a, d[1] + step * b) for a, b in ((1, 0), (-1, 0), (0, 1), (0, -1))]
        trials = [(_fit(normal, shading, *t), t) for t in around if max(map(abs, t)) <= 1]
        found, at = min(trials, key=lambda trial: trial[0][2])
        if found[2] < best[2]:
            best, d = found, at
        else:
            step /= 2
    return [round(float(v), 4) for v in (*best[:2], *d)]
