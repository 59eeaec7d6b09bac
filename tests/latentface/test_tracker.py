"""Registration and the tracker, on a drawn photo of a person who does not exist that is moved by known amounts."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latentface.alignment import align
from latentface.crop import turned_crop
from latentface.registration import Pose, Window, register
from latentface.tracker import EVERY, PATIENCE, SURVEY, Tracker
from tests.helpers import photo_of

PHOTO = photo_of((120, 70, 180), size=(420, 340))
MIDDLE, HALF, SIDE = (210.0, 160.0), 140.0, 280
GREY = np.full((SIDE, SIDE, 3), 150, np.uint8)


def seen(x: float = 0, y: float = 0, size: float = 1, roll: float = 0) -> np.ndarray:
    """The photo through a camera that is moved by x, y pixels, so many times nearer, and turned: the face moves back.

    A point p of the photo lies at (p - MIDDLE - (x, y)) turned back by roll, * size + SIDE / 2.
    """
    return turned_crop(PHOTO, (MIDDLE[0] + x, MIDDLE[1] + y, HALF / size), SIDE, roll)


def follow(frames, size: int = 128, face: int = 0) -> list:
    tracker = Tracker(size, face)
    return [tracker.follow(frame) for frame in frames]


@settings(max_examples=12, deadline=None)
@given(
    st.floats(-6, 6), st.floats(-6, 6), st.floats(0.93, 1.07), st.floats(-6, 6)
)  # fmt: skip
def test_registration_recovers_a_similarity(x, y, size, roll):
    before, after = seen(), seen(x, y, size, roll)
    pose = Pose(complex(SIDE / 2, SIDE / 2), complex(55, 0))
    found, alike = register(Window(before, pose), pose, Window(after, pose))
    turn = size * np.exp(-1j * np.radians(roll))
    truth = Pose(complex(SIDE / 2, SIDE / 2) - complex(x, y) * turn, pose.scale * turn)
    assert abs(found.centre - truth.centre) < 0.4  # pixels
    assert abs(found.scale / truth.scale - 1) < 0.01
    assert alike > 0.97


def test_registration_says_when_pictures_have_nothing_in_common():
    pose = Pose(complex(SIDE / 2, SIDE / 2), complex(55, 0))
    noise = np.random.default_rng(0).integers(0, 255, (SIDE, SIDE, 3), dtype=np.uint8)
    for other in (GREY, noise):
        assert register(Window(seen(), pose), pose, Window(other, pose))[1] < 0.6


def test_a_still_face_comes_to_the_crop_of_a_photo_and_stands_still():
    frames = [seen()] * (8 * EVERY)
    found, photo = follow(frames), align(seen(), 128)
    squares = np.array([one.square for one in found]) / photo.square[2]
    assert np.abs(squares[-1] - np.array(photo.square) / photo.square[2]).max() < 0.02  # of the half side
    assert abs(found[-1].roll - photo.roll) < 2
    assert squares[-8:].std(axis=0).max() < 0.003
    assert found[-1].level.shape == (128, 128, 3)


@settings(max_examples=5, deadline=None)
@given(st.floats(-4, 4), st.floats(-4, 4), st.floats(-1.2, 1.2), st.floats(0.99, 1.01))
def test_a_moving_face_is_followed_without_lag(x, y, roll, growth):
    count = 13
    found = follow(seen(k * x, k * y, growth**k, k * roll) for k in range(count))
    assert all(found)
    last = count - 1
    turn = growth**last * np.exp(-1j * np.radians(last * roll))
    start = complex(*found[0].square[:2]) - complex(SIDE / 2, SIDE / 2)
    truth = (start - complex(last * x, last * y)) * turn + complex(SIDE / 2, SIDE / 2)
    half = found[0].square[2] * growth**last
    assert abs(complex(*found[-1].square[:2]) - truth) < 0.05 * half
    assert abs(found[-1].square[2] / half - 1) < 0.05
    assert abs(found[-1].roll - found[0].roll + last * roll) < 3.5


def test_a_face_that_goes_is_lost_at_once_and_found_when_it_comes_back():
    found = follow([seen()] * 4 + [GREY] * 6 + [seen()] * (PATIENCE + 1))
    assert all(found[:4]) and not any(found[4:10]) and found[-1]
    tracker = Tracker(128)
    for frame in [seen()] * 2 + [GREY] * 6:
        tracker.follow(frame)
    assert tracker.lost == 6


def test_no_face_at_all_is_searched_for_more_and_more_seldom():
    tracker = Tracker(128)
    assert not any(tracker.follow(GREY[:64, :64]) for _ in range(30))
    assert 30 / PATIENCE < tracker.searches < 12
    assert Tracker(128).follow(seen()) and tracker.lost == 30


def test_a_second_face_is_named_and_does_not_take_over():
    alone = photo_of((40, 60, 150), size=(520, 300))
    both = photo_of((40, 60, 150), (270, 20, 240), size=(520, 300))  # the newcomer is larger
    first, *_, last = follow([alone] + [both] * (SURVEY + 1), 64)
    assert first.count == 1 and last.count == 2
    assert abs(last.square[0] - first.square[0]) < 0.05 * first.square[2]


def test_another_face_than_the_largest_can_be_followed():
    both = photo_of((40, 60, 150), (270, 20, 240), size=(520, 300))
    (second,), (largest,) = follow([both], 64, 1), follow([both], 64)
    assert second.square[0] < 260 < largest.square[0]
    assert follow([both], 64, 2) == [None]


def test_a_face_taken_up_again_goes_on_as_before():
    frames = [seen(k, k) for k in range(7)]
    whole = Tracker(64)
    faces = [whole.find(frame) for frame in frames]
    again, there = Tracker(64), faces[3]
    assert there is not None
    again.begin(frames[3], there)
    last = [again.find(frame) for frame in frames[4:]][-1]
    assert last is not None and faces[-1] is not None
    assert last.landmarks == pytest.approx(faces[-1].landmarks, abs=2.5)
