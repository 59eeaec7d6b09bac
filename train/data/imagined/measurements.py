"""Measures of a drawn face, read off its picture: pose, expression, gaze, traits, skin tone, identity embedding."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from PIL import Image

from train.common.judges import Reader, measures
from train.common.landmarks import levelled
from train.common.skin_tone import skin_tone
from train.data.imagined.directions import TRAITS
from train.data.imagined.traits import read

PLAUSIBLE = 3.2
"""Standard deviations; a face that measures further out, in anything, is broken: a person is drawn anew, a frame with
weaker edits."""


@dataclass
class Measured:
    """Measures of one drawn picture."""

    points: np.ndarray
    """68 x 2 landmarks in its pixels."""
    embedding: np.ndarray
    """128, dlib's identity embedding."""
    values: dict[str, float]
    """Measures, in standard deviations of what the generator draws."""
    tone: float
    """ITA of the cheeks' pixels in degrees; falls with the light."""

    @property
    def plausible(self) -> bool:
        """Whether all measures but the traits are within PLAUSIBLE."""
        return all(abs(v) <= PLAUSIBLE for name, v in self.values.items() if name not in TRAITS and np.isfinite(v))


def measured(image: np.ndarray, reader: Reader, found: Mapping[str, np.ndarray]) -> Measured | None:
    """Measure a picture.

    Args:
        image: H x W x 3 uint8.
        reader: finds the face.
        found: the table of directions, for its centre_NAME, spread_NAME and embedding_NAME.

    Returns:
        The measures; None where there is no face.
    """
    points = reader.points(image)
    if points is None:
        return None
    embedding = reader.embedding(image, points)
    raw = values_of(points[None], embedding[None], np.array([gaze(image, points)]), found)
    values = {k: (float(v[0]) - float(found[f"centre_{k}"])) / float(found[f"spread_{k}"]) for k, v in raw.items()}
    return Measured(points, embedding, values, skin_tone(image, points))


def values_of(
    points: np.ndarray, embedding: np.ndarray, eyes: np.ndarray, found: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Gather all measures of N faces, unscaled.

    Args:
        points: N x 68 x 2 landmarks.
        embedding: N x 128 identity embeddings.
        eyes: N, from `gaze`.
        found: the table of directions, for its embedding_NAME.

    Returns:
        Name -> N.
    """
    traits = {name: read(found[f"embedding_{name}"], embedding) for name in TRAITS}
    return {**measures(points), **mouth_and_brows(points), "gaze": eyes, **traits}


def mouth_and_brows(points: np.ndarray) -> dict[str, np.ndarray]:
    """Compute two measures beside those of `judges.measures`.

    Pucker grows as the mouth narrows and the lips get full, frown as the brows' inner ends come together and down.

    Args:
        points: N x 68 x 2 landmarks.

    Returns:
        Name -> N, in units of the face's size.
    """
    x, y, size = levelled(points)
    x, y = x / size[:, None], y / size[:, None]
    lips = (y[:, 61:64] - y[:, 50:53]).mean(1) + (y[:, 56:59] - y[:, 65:68]).mean(1)
    inner, middle = y[:, [21, 22]].mean(1), y[:, [18, 19, 24, 25]].mean(1)
    return {"pucker": lips - (x[:, 54] - x[:, 48]), "frown": inner - middle - (x[:, 22] - x[:, 21])}


def gaze(image: np.ndarray, points: np.ndarray) -> float:
    """Locate the irises across the eyes.

    Args:
        image: H x W x 3 uint8.
        points: 68 x 2 landmarks in its pixels.

    Returns:
        -0.5 to 0.5 of the eye's width, growing towards the image's right; nan for shut eyes.
    """
    return irises(image, points)[0]


def irises(image: np.ndarray, points: np.ndarray) -> tuple[float, float]:
    """Locate the irises: the centroid of pixels darker than the lid's middle tone inside the eyes' outlines.

    Args:
        image: H x W x 3 uint8.
        points: 68 x 2 landmarks in its pixels.

    Returns:
        Place across the eye, -0.5 to 0.5 of its width, growing towards the image's right; and height above the line
        between its corners, in its widths. nan for shut eyes.
    """
    grey, places = np.asarray(Image.fromarray(image).convert("L"), dtype=np.float32), []
    for first in (36, 42):
        eye = points[first : first + 6]
        start, along = eye[0], eye[3] - eye[0]
        u, v = np.meshgrid(np.linspace(0.1, 0.9, 33), np.linspace(-0.35, 0.35, 15))
        across = np.array([-along[1], along[0]])
        upper = np.interp(u, *_edge(eye[[0, 1, 2, 3]], start, along, across))
        lower = np.interp(u, *_edge(eye[[0, 5, 4, 3]], start, along, across))
        inside = (v > upper + 0.01) & (v < lower - 0.01)
        if inside.sum() < 20:
            return float("nan"), float("nan")
        place = start + u[..., None] * along + v[..., None] * across
        row = np.clip(place[..., 1].astype(int), 0, grey.shape[0] - 1)
        dark = grey[row, np.clip(place[..., 0].astype(int), 0, grey.shape[1] - 1)]
        weight = np.where(inside, np.clip(np.percentile(dark[inside], 60) - dark, 0, None), 0)
        total = max(weight.sum(), 1e-6)
        places.append(((weight * u).sum() / total - 0.5, -(weight * v).sum() / total))
    across_eye, height = np.mean(places, axis=0)
    return float(across_eye), float(height)


def _edge(
    points: np.ndarray, start: np.ndarray, along: np.ndarray, across: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates of points along and across an eye, in units of its width."""
    offset, squared = points - start, along @ along
    return offset @ along / squared, offset @ across / squared
