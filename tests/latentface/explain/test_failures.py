"""Errors by group of people against the same worked out by hand."""

import math

import numpy as np
import pytest
import torch

from latentface.explain.failures import KINDS, Group, Sorted, by_groups, errors, group_of, measured, one_each, rebuilt
from latentface.gallery import Gallery
from tests.latentface.explain.test_way import lively_pipeline


@pytest.fixture(scope="module")
def gallery() -> Gallery:
    return Gallery()


def test_an_error_is_a_share_of_what_varies():
    crop = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(0)) * 2 - 1
    mask = torch.zeros(2, 1, 8, 8)
    mask[:, :, 2:7, 1:6] = 1
    plain = crop[:, :, 2:7, 1:6].mean((2, 3))[:, :, None, None].expand_as(crop)
    assert errors(crop, crop, mask).tolist() == [0, 0]
    assert errors(crop, plain, mask).tolist() == pytest.approx([1, 1], abs=1e-5)
    half = (crop + plain) / 2
    dark, dark_half = (0.2 * (image + 1) - 1 for image in (crop, half))
    assert errors(dark, dark_half, mask).tolist() == pytest.approx([0.5, 0.5], abs=1e-4)  # darkness flatters nobody


def test_everybody_is_read_once_batch_by_batch(gallery):
    pipeline, rows = lively_pipeline(), one_each(gallery)
    assert len({gallery.faces[row]["person"] for row in rows}) == len(rows) == 400
    steps = list(measured(pipeline, gallery, rows[:23]))
    assert [len(step) for step in steps] == [20, 23]
    alone = [float(errors(*rebuilt(pipeline, gallery, [row]))[0]) for row in rows[:23]]
    assert steps[-1] == pytest.approx(alone, abs=1e-4)
    crop = pipeline.tensor(gallery.crop(rows[5], 16))[0].numpy()
    drawn, mask = pipeline.decode(pipeline.encode(torch.tensor(crop)[None])).render()
    seen, inside = drawn[0].clamp(-1, 1).numpy(), mask[0, 0].numpy() > 0
    own = crop[:, inside]
    by_hand = np.abs(seen[:, inside] - own).sum() / np.abs(own - own.mean(1, keepdims=True)).sum()
    assert alone[5] == pytest.approx(by_hand, rel=1e-3)


def test_groups_hold_everybody_once_and_their_means(gallery):
    rows = one_each(gallery)
    found = np.random.default_rng(0).uniform(0.1, 0.6, len(rows)).tolist()
    for one in by_groups(gallery, rows, found):
        assert sum(group.count for group in one.groups) == len(rows)
        for group in one.groups:
            own = [
                (error, row)
                for row, error in zip(rows, found, strict=True)
                if group_of(gallery.faces[row], one.kind) == group.name
            ]
            values = np.array([error for error, _ in own])
            assert group.count == len(own) > 20 and group.missed == pytest.approx(values.mean())
            assert group.error == pytest.approx(values.std(ddof=1) / math.sqrt(len(own)))
            assert group.worst == max(own)[1]
    assert [one.kind.name for one in by_groups(gallery, rows, [])] == ["skin tone", "age", "pose", "expression"]


def test_a_difference_within_chance_is_none():
    def said(spread: float) -> str:
        groups = [Group("a", 50, 0.3, spread, 1), Group("b", 50, 0.34, spread, 2), Group("c", 1, 0.9, math.nan, 3)]
        return Sorted(KINDS[0], groups).sentence

    assert said(0.005) == "Worst: b, 34%; best: a, 30%."
    assert said(0.05).startswith("No difference beyond chance; one below 13.9 points")  # 1.96 * .05 * sqrt(2)
    assert Sorted(KINDS[0], [Group("a", 1, 0.3, math.nan, 1)]).sentence == "Too few people to compare."
