"""Clips of a face in motion, read back frame by frame."""

import io

import numpy as np
import pytest
from PIL import Image, ImageSequence

from latentface.clips import FRAMES, GROUND, MILLISECONDS, light_sweep, on_ground, turntable
from tests.helpers import tiny_scene


def frames(clip: bytes) -> list[np.ndarray]:
    with Image.open(io.BytesIO(clip)) as image:
        assert image.format == "WEBP" and image.info["loop"] == 0
        pictures = [np.asarray(frame.convert("RGB")).astype(float) for frame in ImageSequence.Iterator(image)]
        assert image.info["duration"] == MILLISECONDS
    return pictures


def brighter_side(picture: np.ndarray) -> float:
    """How much brighter the right half of the middle is than the left."""
    middle = picture[16:48, 16:48].mean((0, 2))
    return middle[16:].mean() - middle[:16].mean()


@pytest.fixture(scope="module")
def scene():
    scene = tiny_scene(32)
    scene.albedo[:] = 0.5
    return scene


def test_the_turntable_goes_to_both_sides_and_comes_back(scene):
    scene.albedo[..., 16:] = -0.5  # the right half is dark
    pictures = frames(turntable(scene, 64))
    scene.albedo[:] = 0.5
    assert len(pictures) == FRAMES
    dark = [(picture[24:40, 8:56].mean(-1) < 120).mean() for picture in pictures]
    assert dark[FRAMES // 4] < dark[0] < dark[3 * FRAMES // 4]  # to the right first: its dark half is hidden
    assert abs(pictures[0] - pictures[FRAMES // 2]).mean() < 12
    np.testing.assert_allclose(pictures[9][0, 0], GROUND, atol=4)


def test_light_goes_round(scene):
    pictures = frames(light_sweep(scene, 64))
    assert len(pictures) == FRAMES
    assert brighter_side(pictures[0]) < -8  # it travels to the right: the left side is lit
    assert brighter_side(pictures[FRAMES // 2]) > 8


def test_the_ground_is_plain(scene):
    picture = on_ground(scene, 32)
    assert picture.dtype == np.uint8 and (picture[0, 0] == GROUND).all() and (picture[16, 16] != GROUND).any()
