"""The live mirror: who, what a face does, and what somebody else makes of it."""

import numpy as np
import pytest
import torch
from PIL import Image

from latentface.mirror import GONE, REST, SIDE, Mirror, Wish
from latentface.moving import GAIN, glance
from latentface.pipeline import LatentFacePipeline
from latentface.tracker import Tracker
from latentface.video import Frame
from tests.conftest import face_picture
from tests.helpers import random_codes, tiny_pipeline


@pytest.fixture(scope="module")
def pipeline() -> LatentFacePipeline:
    return tiny_pipeline()


@pytest.fixture(scope="module")
def frames() -> list[np.ndarray]:
    """A face at rest and another of the same person, in the middle of a camera's picture."""

    def frame(number: int) -> np.ndarray:
        image = Image.new("RGB", (320, 240), (90, 110, 100))
        image.paste(face_picture(73, number).resize((200, 200)), (60, 20))
        return np.array(image)

    return [frame(0), frame(1)]


OTHER = Wish("other")
NOBODY = np.full((240, 320, 3), 127, np.uint8)


def test_it_waits_for_the_resting_face_and_then_knows_it(pipeline, frames):
    mirror, other = Mirror(pipeline), random_codes(1)
    rested = [mirror.see(frames[0], second, OTHER, other).rested for second in (0.0, 0.5 * REST, REST, 3 * REST)]
    assert rested == [0, 0.5, 1, 1]
    mirror.rest_again()
    assert mirror.see(frames[0], 4 * REST, OTHER, other).rested == 0


def test_a_face_at_rest_leaves_somebody_else_as_they_are_and_a_moved_one_does_not(pipeline, frames):
    mirror, other = Mirror(pipeline), random_codes(1)
    for second in (0.0, REST):
        still = mirror.see(frames[0], second, OTHER, other).picture
    own = mirror._wished(OTHER, other)  # the codes behind the picture
    assert torch.allclose(own.face, other.face, atol=1e-4) and torch.equal(own.light, other.light)
    moved = mirror.see(frames[1], 2 * REST, OTHER, other).picture
    assert still is not None and moved is not None
    assert still.shape == (SIDE, SIDE, 3) and np.abs(moved.astype(int) - still).max() > 0
    assert not torch.allclose(mirror._wished(OTHER, other).face, other.face, atol=1e-3)
    without = mirror._wished(Wish("other", strength=0.0), other)
    assert torch.allclose(without.face, other.face)


def test_whoever_comes_after_a_while_is_learned_anew(pipeline, frames):
    mirror, other = Mirror(pipeline), random_codes(1)
    for second in (0.0, REST):
        mirror.see(frames[0], second, OTHER, other)
    mirror.see(NOBODY, REST + 0.1, OTHER, other)
    assert mirror.see(frames[0], REST + 0.2, OTHER, other).rested == 1  # a blink of the camera
    mirror.see(NOBODY, REST + 0.3, OTHER, other)
    mirror.see(NOBODY, REST + 0.4 + GONE, OTHER, other)
    later = (mirror.see(frames[1], REST + 1 + GONE + 0.01 * number, OTHER, other) for number in range(9))
    assert next(seen for seen in later if seen.faces).rested == 0  # a lost face is not looked for in every frame
    assert torch.allclose(mirror._wished(OTHER, other).face, other.face, atol=1e-4)  # a stranger at rest moves nobody
    alone = glance(pipeline, Frame(0.0, frames[1]), Tracker(pipeline.size)).identity
    assert torch.allclose(mirror._wished(Wish("rest"), other).face, alone, atol=0.5)


def test_another_face_moves_by_the_enlarged_change(pipeline, frames):
    mirror, other = Mirror(pipeline), random_codes(1)
    for second, frame in ((0.0, frames[0]), (REST, frames[0]), (2 * REST, frames[1])):
        mirror.see(frame, second, OTHER, other)
    assert mirror._now is not None
    moved = mirror._wished(Wish("other", strength=0.5), other).face - other.face
    assert torch.allclose(moved, 0.5 * GAIN * (mirror._now.code - mirror._rest), atol=1e-5)


def test_me_is_this_frame_and_my_rest_the_mean_identity(pipeline, frames):
    mirror, other = Mirror(pipeline), random_codes(1)
    for second, frame in enumerate(frames):
        mirror.see(frame, float(second), Wish(), other)
    me, rest = mirror._wished(Wish("me"), other), mirror._wished(Wish("rest"), other)
    assert mirror._now is not None and torch.equal(me.face, mirror._now.code)
    alone = [glance(pipeline, Frame(0.0, frame), Tracker(pipeline.size)).identity for frame in frames]
    near, far = ((rest.face - one).norm() for one in ((alone[0] + alone[1]) / 2, alone[0]))
    assert near < 0.5 * far


@pytest.mark.parametrize("wish, turn", [((20.0, 10.0), (20.0, 10.0)), ((500.0, -500.0), (60.0, -40.0))])
def test_it_turns_within_limits_and_lights_from_where_it_is_told(pipeline, frames, wish, turn):
    mirror, other = Mirror(pipeline), random_codes(1)
    mirror.see(frames[0], 0.0, Wish(), other)
    plain = mirror._wished(Wish(), other)
    found = mirror._wished(Wish(turn=wish, light=(-0.9, 0.2)), other)
    assert torch.allclose(found.view[:, :2] - plain.view[:, :2], torch.tensor([turn]), atol=1e-4)
    assert torch.equal(found.view[:, 2:], plain.view[:, 2:])
    assert found.light[0, 2:].tolist() == pytest.approx([0.9, -0.2])  # where it travels to


def test_a_lost_face_is_said_and_found_again(pipeline, frames):
    mirror, other = Mirror(pipeline), random_codes(1)
    seen = [
        mirror.see(frame, second / 10, Wish(), other) for second, frame in enumerate([frames[0], NOBODY, frames[0]])
    ]
    assert [one.faces for one in seen] == [1, 0, 1] and seen[1].picture is None
