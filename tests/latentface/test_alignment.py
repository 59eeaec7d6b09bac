"""Faces cut out of photos in the standard way."""

import numpy as np
import pytest
from PIL import Image

from latentface.alignment import NoFaceError, align
from latentface.crop import turned
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


def turned_photo(image: np.ndarray, degrees: float) -> np.ndarray:
    """The photo turned clockwise on a larger grey canvas."""
    fill = (150, 155, 160)
    return np.array(Image.fromarray(image).rotate(-degrees, Image.Resampling.BICUBIC, expand=True, fillcolor=fill))


@pytest.mark.parametrize("degrees", [30, 90, 135, 180, 270])
def test_a_turned_face_is_found_levelled_and_turned_back(degrees):
    image = photo_of((120, 70, 160))
    straight, face = align(image, 64), align(turned_photo(image, degrees), 64)
    assert face.count == 1
    off = (face.roll - straight.roll - degrees + 180) % 360 - 180
    assert abs(off) < 6
    middle = np.array(image.shape[1::-1]) / 2
    canvas = np.array(turned_photo(image, degrees).shape[1::-1]) / 2
    np.testing.assert_allclose(
        face.square[:2],
        turned(np.array(straight.square[:2]) - middle, degrees) + canvas,
        atol=0.08 * straight.square[2],
    )
    assert face.turn == {30: 0, 90: 90, 135: 180, 180: 180, 270: 270}[degrees] or degrees == 135
    assert face.tilt == pytest.approx((face.roll - face.turn + 180) % 360 - 180) and abs(face.tilt) <= 60
    same = np.abs(face.level.astype(float) - straight.level).mean()
    mirrored = np.abs(face.level[::-1].astype(float) - straight.level).mean()
    assert same < 12 < mirrored


def test_the_photo_turned_upright_has_its_faces_in_place():
    image = photo_of((10, 90, 120), (190, 60, 200))
    straight, upside = align(image, 64), align(np.ascontiguousarray(image[::-1, ::-1]), 64)
    (picture, boxes), (turned_back, placed) = straight.upright(image), upside.upright(image[::-1, ::-1])
    np.testing.assert_array_equal(picture, turned_back)
    assert upside.turn == 180 and len(boxes) == len(placed) == 2
    np.testing.assert_allclose(boxes, placed, atol=0.03)
    assert all(0 <= left < right <= 1 and 0 <= top < bottom <= 1 for left, top, right, bottom in boxes)
