"""Faces cut out of photos in the standard way."""

import numpy as np
import pytest

from latentface.alignment import NoFaceError, align
from latentface.detection import detect
from tests.helpers import photo_of


def test_two_faces_largest_first():
    image = photo_of((10, 90, 120), (190, 60, 200))
    faces = detect(image)
    assert len(faces) == 2 and faces[0].area > faces[1].area
    first, second = align(image, 64), align(image, 64, face=1)
    assert first.count == second.count == 2
    assert first.square[0] > 190 > second.square[0]
    assert first.image.shape == (64, 64, 3)


def test_asking_for_a_face_that_is_not_there():
    with pytest.raises(NoFaceError, match="2 faces, numbers 0 to 1"):
        align(photo_of((10, 90, 120), (190, 60, 200)), 64, face=2)
    with pytest.raises(NoFaceError, match="1 face, number 0"):
        align(photo_of((120, 70, 160)), 64, face=1)
    with pytest.raises(NoFaceError, match="no face number -1"):
        align(photo_of((120, 70, 160)), 64, face=-1)


def test_photo_without_a_face():
    rng = np.random.default_rng(0)
    for image in (np.zeros((300, 400, 3), np.uint8), rng.integers(0, 256, (300, 400, 3), np.uint8)):
        assert detect(image) == []
        with pytest.raises(NoFaceError, match="no face was found"):
            align(image, 64)


def test_margin_widens_the_crop():
    image = photo_of((120, 70, 160))
    tight, wide = align(image, 128), align(image, 160, margin=1.25)
    assert wide.square[:2] == tight.square[:2] and wide.square[2] == pytest.approx(1.25 * tight.square[2])
    difference = wide.image[16:-16, 16:-16].astype(int) - tight.image
    assert np.abs(difference).max() <= 2  # the middle of the wide crop is the tight one
