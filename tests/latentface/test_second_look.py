"""A face through another model: its own crop where sizes agree, a resized one where not; the error of a rebuilding."""

import pytest
import torch

from latentface.pipeline import Face
from latentface.second_look import look_again, rebuilding_error
from tests.helpers import random_codes, tiny_pipeline, tiny_scene


@pytest.mark.parametrize("size", [16, 32])
def test_a_face_is_seen_at_the_models_own_size(size):
    pipeline, crop = tiny_pipeline(size=size), torch.rand(1, 3, 16, 16) * 2 - 1
    seen = look_again(pipeline, Face(None, crop, random_codes(1), crop))
    assert seen.level.shape[-1] == size and seen.level.abs().max() <= 1
    torch.testing.assert_close(seen.codes.shape, pipeline.encode(seen.level).shape)
    if size == 16:
        assert seen.crop is crop


def test_a_rebuilding_is_held_against_its_photo():
    scene = tiny_scene()
    drawn, mask = scene.render(16)
    assert rebuilding_error(scene, drawn.clamp(-1, 1)) == 0
    away = torch.where(
        mask > 0, drawn.clamp(-1, 1), torch.ones_like(drawn)
    )  # what lies outside the face counts for nothing
    assert rebuilding_error(scene, away) < 0.02
    assert rebuilding_error(scene, -torch.ones_like(drawn)) == pytest.approx(
        float(((drawn.clamp(-1, 1) + 1) * mask).sum() / (6 * mask.sum())), rel=1e-5
    )
