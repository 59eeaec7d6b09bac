"""Pictures that are no photo of a bare face, made from photos: covered faces and drawn ones."""

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageOps

Maker = Callable[[Image.Image, np.ndarray, np.random.Generator], Image.Image]
"""(photo, five landmarks in its pixels, source of chance) -> the picture made of it."""


class Places:
    """Places on a face: eye distances right and down from a point, along the line of the eyes."""

    def __init__(self, landmarks: np.ndarray):
        points = np.asarray(landmarks, dtype=np.float64)
        self.left, self.right, self.nose = points[:3]
        self.eyes, self.mouth = points[:2].mean(0), points[3:].mean(0)
        self.unit = float(np.linalg.norm(self.right - self.left))
        self._x = (self.right - self.left) / self.unit
        self._y = np.array([-self._x[1], self._x[0]])

    def polygon(self, centre: np.ndarray, corners: list[tuple[float, float]]) -> list[tuple[float, float]]:
        """Give a polygon's corners in pixels, as PIL takes them."""
        placed = [centre + self.unit * (x * self._x + y * self._y) for x, y in corners]
        return [(float(x), float(y)) for x, y in placed]


def box(wide: float, high: float) -> list[tuple[float, float]]:
    """Give the corners of a box of that half width and half height."""
    return [(-wide, -high), (wide, -high), (wide, high), (-wide, high)]


def covered(photo: Image.Image, polygons: list[list[tuple[float, float]]], rng: np.random.Generator) -> Image.Image:
    """Lay a cloth over polygons: one colour, shaded and a little grainy, or a piece of the photo itself."""
    width, height = photo.size
    if rng.random() < 0.3:
        cloth = photo.transpose(Image.Transpose.FLIP_TOP_BOTTOM).rotate(float(rng.uniform(20, 160)))
    else:
        slope = rng.uniform(-40, 40, 2)
        grid = np.stack(np.meshgrid(np.linspace(-0.5, 0.5, width), np.linspace(-0.5, 0.5, height)), -1)
        shade = (grid @ slope)[..., None] + rng.normal(0, rng.uniform(0, 8), (height, width, 1))
        cloth = Image.fromarray((rng.uniform(10, 245, 3) + shade).clip(0, 255).astype(np.uint8))
    mask = Image.new("L", photo.size)
    for polygon in polygons:
        ImageDraw.Draw(mask).polygon(polygon, fill=255)
    return Image.composite(cloth, photo, mask)


def mask(photo: Image.Image, landmarks: np.ndarray, rng: np.random.Generator) -> Image.Image:
    """Put on a mask over nose and mouth."""
    at = Places(landmarks)
    up = rng.uniform(0.2, 0.4)
    top = at.polygon(at.nose, [(-0.75, 0.1 - up), (0, -up), (0.75, 0.1 - up)])
    return covered(photo, [top + at.polygon(at.mouth, [(0.8, 0.1), (0.45, 0.7), (-0.45, 0.7), (-0.8, 0.1)])], rng)


def dark_glasses(photo: Image.Image, landmarks: np.ndarray, rng: np.random.Generator) -> Image.Image:
    """Put on dark glasses."""
    at, picture = Places(landmarks), photo.copy()
    wide, high = rng.uniform(0.36, 0.46), rng.uniform(0.22, 0.34)
    colour = tuple(int(value) for value in rng.integers(5, 50, 3))
    corners = [(-wide, -high), (wide, -high), (0.9 * wide, high), (-0.9 * wide, high)]
    for shape in (at.polygon(at.left, corners), at.polygon(at.right, corners), at.polygon(at.eyes, box(0.2, 0.04))):
        ImageDraw.Draw(picture).polygon(shape, fill=colour)
    return picture


def bar(photo: Image.Image, landmarks: np.ndarray, rng: np.random.Generator) -> Image.Image:
    """Lay a bar over the eyes."""
    at = Places(landmarks)
    return covered(photo, [at.polygon(at.eyes, box(rng.uniform(0.9, 1.2), rng.uniform(0.22, 0.4)))], rng)


def hand(photo: Image.Image, landmarks: np.ndarray, rng: np.random.Generator) -> Image.Image:
    """Hold four fingers, of the skin's own colour, before the mouth."""
    at, picture, side = Places(landmarks), photo.copy(), rng.choice([-1, 1])
    pixels = np.asarray(photo)
    x, y = (int(np.clip(v, 2, limit - 3)) for v, limit in zip(at.nose, photo.size, strict=True))
    skin = pixels[y - 2 : y + 3, x - 2 : x + 3].reshape(-1, 3).mean(0)
    for finger in range(4):
        corners = [(1.5, -0.35), (1.5, -0.05), (-0.5, -0.35), (-0.5, -0.6)]
        moved = [(side * x, y + 0.3 * finger) for x, y in corners]
        colour = tuple(int(value) for value in (skin * rng.uniform(0.7, 1)).clip(0, 255))
        ImageDraw.Draw(picture).polygon(at.polygon(at.mouth, moved), fill=colour)
    return picture


def half(photo: Image.Image, landmarks: np.ndarray, rng: np.random.Generator) -> Image.Image:
    """Cover one half of the face."""
    at, side = Places(landmarks), rng.choice([-1, 1])
    inner = side * rng.uniform(-0.05, 0.2)
    return covered(photo, [at.polygon(at.nose, [(inner, -2), (side * 3, -2), (side * 3, 2.5), (inner, 2.5)])], rng)


def enlarged(photo: Image.Image) -> Image.Image:
    """Give the photo with its shorter side at 320 pixels at least, as drawings need lines."""
    scale = max(1.0, 320 / min(photo.size))
    return photo.resize((round(photo.width * scale), round(photo.height * scale)), Image.Resampling.BICUBIC)


def cartoon(photo: Image.Image, landmarks: np.ndarray, rng: np.random.Generator) -> Image.Image:
    """Draw the photo in few flat colours with dark outlines."""
    large = enlarged(photo)
    flat = large.filter(ImageFilter.MedianFilter(9)).quantize(int(rng.integers(5, 12)), dither=Image.Dither.NONE)
    grey = large.convert("L").filter(ImageFilter.GaussianBlur(1.5))
    edges = ImageChops.subtract(grey.filter(ImageFilter.GaussianBlur(2.5)), grey, scale=0.12)
    lines = edges.point([0 if value > 40 else 255 for value in range(256)])
    return ImageChops.multiply(flat.convert("RGB"), lines.convert("RGB"))


def pencil(photo: Image.Image, landmarks: np.ndarray, rng: np.random.Generator) -> Image.Image:
    """Draw the photo in pencil: grey divided by its blurred negative."""
    grey = ImageOps.autocontrast(enlarged(photo).convert("L"))
    blurred = ImageOps.invert(grey).filter(ImageFilter.GaussianBlur(float(rng.uniform(5, 12))))
    a, b = np.asarray(grey, float), np.asarray(blurred, float)
    return Image.fromarray((a * 255 / np.maximum(255 - b, 1)).clip(0, 255).astype(np.uint8)).convert("RGB")


def drawing(photo: Image.Image, landmarks: np.ndarray, rng: np.random.Generator) -> Image.Image:
    """Draw a face of ellipses and lines; nothing of the photo is in it."""
    side, mid = 400, 200.0
    picture = Image.new("RGB", (side, side), tuple(int(v) for v in rng.integers(120, 255, 3)))
    draw = ImageDraw.Draw(picture)
    skin = ((255, 220, 190), (240, 190, 150), (200, 140, 100), (140, 90, 60), (95, 60, 40), (255, 221, 60))[
        rng.integers(6)
    ]
    wide, high = rng.uniform(95, 125), rng.uniform(125, 155)
    hair = tuple(int(v) for v in rng.integers(0, 120, 3))
    if rng.random() < 0.5:
        draw.ellipse((mid - wide * 1.15, mid - high * 1.25, mid + wide * 1.15, mid + high * 0.5), fill=hair)
    draw.ellipse((mid - wide, mid - high, mid + wide, mid + high), fill=skin, outline=(30, 20, 20), width=3)
    y, radius = mid - high * rng.uniform(0.1, 0.25), rng.uniform(10, 24)
    for x in (mid - wide * 0.42, mid + wide * 0.42):
        eye = (x - radius * 1.3, y - radius, x + radius * 1.3, y + radius)
        draw.ellipse(eye, fill="white", outline=(20, 20, 20), width=2)
        draw.ellipse((x - radius / 2, y - radius / 2, x + radius / 2, y + radius / 2), fill=(40, 30, 20))
        draw.line((x - radius * 1.5, y - radius * 1.8, x + radius * 1.5, y - radius * 1.9), fill=hair, width=7)
    shadow = tuple(int(value * 0.6) for value in skin)
    draw.line((mid, y + 10, mid - 12, mid + high * 0.15, mid + 6, mid + high * 0.17), fill=shadow, width=4)
    mouth = mid + high * 0.45
    draw.chord((mid - wide * 0.4, mouth - 22, mid + wide * 0.4, mouth + 22), 0, 180, fill=(180, 50, 60), width=3)
    return picture


MAKERS: dict[str, Maker] = {
    "mask": mask, "dark glasses": dark_glasses, "bar over the eyes": bar, "hand before the mouth": hand,
    "half covered": half, "cartoon": cartoon, "pencil": pencil, "drawing": drawing,
}  # fmt: skip
"""Kind of picture -> what makes it."""
