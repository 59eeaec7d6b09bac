"""Walks from noise to a face, on a tiny random prior."""

import pytest
import torch

from latentface.pipeline import LatentFacePipeline
from latentface.rdm import make_scheduler
from latentface.walks import SHOWN, expression_walk, identity_walk, shuffled, split_walk
from tests.helpers import random_codes, tiny_autoencoder, tiny_denoiser, tiny_prior


@pytest.fixture(scope="module")
def pipeline() -> LatentFacePipeline:
    return LatentFacePipeline(tiny_autoencoder(), tiny_denoiser(1, 32), make_scheduler(), tiny_prior())


def test_an_identity_walk_ends_at_the_person_that_is_drawn(pipeline):
    like = random_codes(1)
    found = identity_walk(pipeline, like, 0.7, 4, 3)
    walk = pipeline.draw_people(1, like, 0.7, 4, 3)
    assert found.steps == [1, 2, 3, 4, 5] and found.map == "identity"
    torch.testing.assert_close(found.faces.face, torch.cat([*walk.clean, walk.result]))
    torch.testing.assert_close(torch.stack(found.noisy[:4]), torch.cat(walk.noisy))
    torch.testing.assert_close(found.features, pipeline.denoiser.standardize(found.faces.face))
    assert not found.faces.view.any(), "from the front"


def test_no_condition_and_guidance_0_are_anyone(pipeline):
    anyone = identity_walk(pipeline, None, 1.0, 3, 5).faces.face
    torch.testing.assert_close(identity_walk(pipeline, random_codes(1), 0.0, 3, 5).faces.face, anyone)
    assert not torch.allclose(identity_walk(pipeline, random_codes(1), 1.0, 3, 5).faces.face, anyone, atol=1e-3)
    assert not torch.allclose(identity_walk(pipeline, None, 1.0, 3, 6).faces.face, anyone, atol=1e-3)


def test_an_expression_walk_keeps_the_person(pipeline):
    person = random_codes(1, 2)
    found = expression_walk(pipeline, person, 1.0, 3, 4)
    walk = pipeline.draw_expressions(person, 1, 1.0, 3, 4)
    identity = pipeline.split(person).identity
    torch.testing.assert_close(found.faces.face, identity + torch.cat([*walk.clean, walk.result]))
    assert found.map == "expression" and len(found.noisy[0]) == 4
    torch.testing.assert_close(found.features[-1:], walk.result / pipeline.denoiser.std)


@pytest.mark.parametrize(("steps", "drawn"), [(1, 1), (5, 5), (14, 14), (50, SHOWN)])
def test_long_walks_are_drawn_in_part(pipeline, steps, drawn):
    found = identity_walk(pipeline, None, 1.0, steps, 0)
    assert len(found.steps) == len(found.noisy) == len(found.faces.shape) == len(found.features) == drawn + 1
    assert found.steps[0] == 1 and found.steps[-2:] == [steps, steps + 1] and found.steps == sorted(set(found.steps))


def test_a_split_walk_shows_the_splits_own_steps(pipeline):
    person = random_codes(1, 3)
    found, parts = split_walk(pipeline, person, 5, 2), pipeline.split(person, 5, 1, 2)
    torch.testing.assert_close(found.faces.shape, torch.cat(parts.shape.steps))
    torch.testing.assert_close(found.faces.texture, torch.cat(parts.texture.steps))
    assert torch.equal(found.faces.view, person.view.expand(5, -1)) and found.noisy == []


def test_shuffled_codes_have_the_same_numbers_in_other_places(pipeline):
    codes = random_codes(2)
    mixed = shuffled(pipeline, codes, 1)
    before, after = (pipeline.denoiser.standardize(c.face) for c in (codes, mixed))
    torch.testing.assert_close(before.sort(1).values, after.sort(1).values, atol=1e-4, rtol=1e-4)
    assert not torch.allclose(before, after, atol=0.1)
    assert torch.equal(shuffled(pipeline, codes, 1).shape, mixed.shape) and torch.equal(mixed.view, codes.view)
