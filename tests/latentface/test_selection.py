"""Selections of faces: averages, spread, directions and ways, on codes whose answer is known."""

import numpy as np
import pytest
import torch

from latentface.selection import Pairs, direction, mean_face, moved, path, spread, verdict
from tests.helpers import random_codes, tiny_pipeline


@pytest.fixture(scope="module")
def pipeline():
    return tiny_pipeline()


def test_the_average_of_one_face_is_that_face(pipeline):
    codes = random_codes(3)
    torch.testing.assert_close(mean_face(pipeline, codes[1:2]).face, codes.face[1:2])
    torch.testing.assert_close(mean_face(pipeline, codes).face[0], codes.face.mean(0))


def test_spread_finds_the_one_direction_in_which_faces_differ(pipeline):
    codes, way = random_codes(1), torch.zeros(32)
    way[5] = 1
    many = codes[[0] * 21]
    amounts = torch.linspace(-1, 1, 21)[:, None]
    shape, texture = (many.face + amounts * way).chunk(2, 1)
    many.shape, many.texture = shape, texture
    faces, shares = spread(pipeline, many)
    assert float(shares[0]) == pytest.approx(1, abs=1e-4)
    ends = faces.face[:2] - codes.face
    assert abs(float(ends[0, 5])) == pytest.approx(2 * float(amounts.std()), rel=1e-3)
    torch.testing.assert_close(ends[0], -ends[1], atol=1e-3, rtol=1e-3)
    assert float(ends[:, torch.arange(32) != 5].abs().max()) < 1e-3


def test_two_faces_have_one_direction(pipeline):
    faces, shares = spread(pipeline, random_codes(2))
    assert len(shares) == 1 and len(faces.shape) == 2


def test_a_direction_leads_from_one_average_to_the_other():
    a, b = random_codes(4, 1), random_codes(6, 2)
    way = direction(a, b)
    torch.testing.assert_close(moved(a, way, 1.0).face.mean(0), b.face.mean(0))
    torch.testing.assert_close(moved(a, way, 0.0).face, a.face)
    assert torch.equal(moved(a, way, 0.7).view, a.view)


def test_a_way_has_both_ends_and_even_steps():
    a, b = random_codes(1, 1), random_codes(1, 2)
    faces = path(a, b, 5)
    torch.testing.assert_close(faces.face[[0, -1]], torch.cat([a.face, b.face]))
    steps = faces.face.diff(dim=0)
    torch.testing.assert_close(steps, steps[:1].expand(4, -1))


@pytest.mark.parametrize(("distance", "whose"), [(1.0, "one person"), (10.0, "two people")])
def test_the_verdict_follows_the_nearer_distribution(distance, whose):
    pairs = Pairs(np.linspace(0.5, 1.5, 100), np.linspace(8, 12, 100))
    assert f"as between pictures of {whose}" in verdict("Identity", distance, pairs)
