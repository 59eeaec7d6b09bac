"""The standard crop: the square around a face that the models are fed.

Pixel coordinates are continuous: pixel (row i, column j) covers [j, j + 1) x [i, i + 1), x to the right, y down, so a
photo of W x H spans the box (0, 0, W, H).
"""

import numpy as np
from PIL import Image

Box = tuple[float, float, float, float]
"""Left, top, right, bottom in pixels of a photo; may reach beyond it."""
Square = tuple[float, float, float]
"""Centre x, centre y and half side in pixels of a photo."""

CENTRE_DOWN = 0.36
"""Centre of the standard crop: this share of the way from the eyes' midpoint to the mouth's midpoint."""
HALF_SIDE = 1.36
"""Half side of the standard crop, in units of the larger of eye-mouth distance and EYE_WEIGHT x eye distance."""
EYE_WEIGHT = 1.1
FRONTAL = np.array([[-0.5, -0.45], [0.5, -0.45], [0.0, 0.1], [-0.4, 0.55], [0.4, 0.55]])
"""Five landmarks of an upright face seen from the front, in units of the eye distance; only their directions count."""
FINE = 2
"""A turned square is cut this many times finer than asked for, then shrunk: turning blurs less so."""


def standard_crop(landmarks: np.ndarray, margin: float = 1.0) -> Square:
    """Place the standard crop around five landmarks.

    With e the midpoint of the eyes and m the midpoint of the mouth corners: centre = e + 0.36 (m - e), half side =
    1.36 max(|m - e|, 1.1 |eye - eye|). The second distance keeps the size when a head turns up or down, the first
    when it turns sideways. Neither centre nor size changes with the roll of a head; `turned_crop` levels it.

    Args:
        landmarks: 5 x 2, (x, y): image-left eye, image-right eye, nose tip, image-left and image-right mouth corner.
        margin: the half side is multiplied by this; 1.25 leaves the room that augmentation needs.

    Returns:
        Centre x, centre y, half side, in the units of the landmarks.

    Raises:
        ValueError: the landmarks are not finite, of another shape, or all in one place; or margin is not positive.
    """
    points = np.asarray(landmarks, dtype=np.float64)
    if points.shape != (5, 2) or not np.isfinite(points).all():
        raise ValueError(f"landmarks must be 5 x 2 finite numbers, got shape {points.shape}")
    if not margin > 0:
        raise ValueError(f"margin must be positive, got {margin}")
    eyes, mouth = points[:2].mean(axis=0), points[3:].mean(axis=0)
    down = float(np.hypot(*(mouth - eyes)))
    across = float(np.hypot(*(points[1] - points[0])))
    half = HALF_SIDE * max(down, EYE_WEIGHT * across) * margin
    if not half > 0:
        raise ValueError("the landmarks are all in one place")
    centre = eyes + CENTRE_DOWN * (mouth - eyes)
    return float(centre[0]), float(centre[1]), half


def roll_of(landmarks: np.ndarray) -> float:
    """Tell how far a face is turned in the picture's plane, by the best fit of all five landmarks.

    Args:
        landmarks: 5 x 2, as `standard_crop` takes them, named as in the face when it is upright.

    Returns:
        Degrees clockwise in (-180, 180]; 0 for an upright face.
    """
    points = np.asarray(landmarks, dtype=np.float64)
    points, frontal = points - points.mean(axis=0), FRONTAL - FRONTAL.mean(axis=0)
    fit = np.sum((points[:, 0] + 1j * points[:, 1]) * (frontal[:, 0] - 1j * frontal[:, 1]))
    return float(np.degrees(np.angle(fit)))


def turned(points: np.ndarray, degrees: float) -> np.ndarray:
    """Turn points ... x 2 (x right, y down) clockwise about the origin."""
    sine, cosine = np.sin(np.radians(degrees)), np.cos(np.radians(degrees))
    return np.asarray(points, dtype=np.float64) @ np.array([[cosine, sine], [-sine, cosine]])


def crop(image: np.ndarray, square: Square, size: int) -> np.ndarray:
    """Cut a square out of a photo to a fraction of a pixel.

    Args:
        image: uint8 H x W x 3.
        square: centre x, centre y, half side, in pixels of the image. Beyond the image its edge pixels are repeated.
        size: side of the result in pixels; resampled bicubically, antialiased when it shrinks.

    Returns:
        uint8 size x size x 3.

    Raises:
        ValueError: the half side or the size is not positive.
    """
    x, y, half = square
    if not (half > 0 and size > 0):
        raise ValueError(f"half side and size must be positive, got {half} and {size}")
    return resample(image, (x - half, y - half, x + half, y + half), size, size)


def turned_crop(image: np.ndarray, square: Square, size: int, roll: float, fine: int = FINE) -> np.ndarray:
    """Cut a square that is turned about its centre, and lay it level.

    Args:
        image: uint8 H x W x 3.
        square: centre x, centre y, half side, in pixels of the image. Beyond the image its edge pixels are repeated.
        size: side of the result in pixels.
        roll: degrees by which the square is turned clockwise in the image; a face with this roll comes out upright.
        fine: how many times finer the square is turned; 1 is faster and blurs.

    Returns:
        uint8 size x size x 3.

    Raises:
        ValueError: the half side or the size is not positive.
    """
    quarters = round(roll / 90)
    rest = roll - 90 * quarters
    if abs(rest) < 0.01:
        return np.ascontiguousarray(np.rot90(crop(image, square, size), quarters))
    x, y, half = square
    sine, cosine = float(np.sin(np.radians(rest))), float(np.cos(np.radians(rest)))
    reach = abs(sine) + cosine  # of the window around the turned square, in half sides
    side = int(np.ceil(fine * size * reach))
    window = Image.fromarray(np.rot90(crop(image, (x, y, reach * half), side), quarters))
    step = side / (fine * size * reach)  # pixels of the window a fine pixel
    across, down = step * cosine, step * sine
    left = side / 2 - fine * size / 2 * (across - down)
    top = side / 2 - fine * size / 2 * (across + down)
    level = window.transform(
        (fine * size, fine * size), Image.Transform.AFFINE, (across, -down, left, down, across, top),
        Image.Resampling.BICUBIC,
    )  # fmt: skip
    return np.array(level.resize((size, size), Image.Resampling.BICUBIC) if fine > 1 else level)


def resample(image: np.ndarray, box: Box, width: int, height: int) -> np.ndarray:
    """Resample a box of a photo to another size (bicubic, antialiased when it shrinks).

    Args:
        image: uint8 H x W x 3.
        box: left, top, right, bottom in pixels; beyond the photo its edge pixels are repeated.
        width: of the result in pixels.
        height: of the result in pixels.

    Returns:
        uint8 height x width x 3.
    """
    left, top, right, bottom = box
    reach_x = 2 * int(np.ceil(max(1.0, (right - left) / width))) + 1  # the bicubic filter's radius and one more
    reach_y = 2 * int(np.ceil(max(1.0, (bottom - top) / height))) + 1
    x, y = int(np.floor(left)) - reach_x, int(np.floor(top)) - reach_y
    across, columns = _reach(x, int(np.ceil(right)) + reach_x, image.shape[1])
    down, rows = _reach(y, int(np.ceil(bottom)) + reach_y, image.shape[0])
    window = image[rows, columns]
    if any((*across, *down)):
        window = np.pad(window, (down, across, (0, 0)), mode="edge")
    inside = (left - x, top - y, right - x, bottom - y)
    return np.array(Image.fromarray(window).resize((width, height), Image.Resampling.BICUBIC, box=inside))


def _reach(start: int, end: int, length: int) -> tuple[tuple[int, int], slice]:
    """Split a range of pixels into those that an image has, a slice, and how many are missing before and behind."""
    first, last = min(max(start, 0), length - 1), min(max(end, 1), length)
    return (first - start if start < first else 0, end - last if end > last else 0), slice(first, last)
