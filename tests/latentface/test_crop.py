"""The geometry of the standard crop."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from latentface.crop import FRONTAL as UPRIGHT
from latentface.crop import crop, roll_of, standard_crop, turned, turned_crop
from tests.helpers import FACE

FRONTAL = np.array([[-1, 0], [1, 0], [0, 1], [-0.8, 2], [0.8, 2]], dtype=np.float64)


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


@pytest.mark.parametrize("roll", [0, 12, -33, 90, 110, 180, -150, 270])
def test_a_turned_square_comes_out_level(roll):
    image = np.array(Image.open(FACE).convert("RGB"))
    centre, spot = np.array(image.shape[1::-1]) / 2, np.array([90.0, 70.0])
    turned_image = np.array(Image.fromarray(image).rotate(-roll, Image.Resampling.BICUBIC))
    x, y = centre + turned(spot - centre, roll)
    level = turned_crop(turned_image, (x, y, 30.0), 48, roll).astype(float)
    straight = crop(image, (*spot, 30.0), 48).astype(float)
    assert np.abs(level - straight).mean() < 4
    assert np.abs(level[::-1] - straight).mean() > 15  # another way up is far off


@pytest.mark.parametrize("roll", [0.0, 25.0, -80.0, 179.0])
def test_the_roll_of_landmarks(roll):
    points = turned(100 * UPRIGHT, roll) + [300, 200]
    assert roll_of(points) == pytest.approx(roll, abs=1e-6)
    x, y, half = standard_crop(points)
    u, v, other = standard_crop(100 * UPRIGHT)
    assert half == pytest.approx(other)
    np.testing.assert_allclose(np.array([x, y]) - [300, 200], turned(np.array([u, v]), roll), atol=1e-9)
