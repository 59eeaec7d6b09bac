"""Own relief: the truth, the average face and shuffled people score what they must; a naive twin agrees."""

import math

import pytest
import torch

from latentface.camera import pixel_grid
from latentface.codes import Codes, Scene
from latentface.rendering import view_grid
from train.evaluation.metrics.depth import eroded
from train.evaluation.own_depth import Frames, own_depth, readout

SIZE, PEOPLE, FRAMES = 32, 5, 3


def head(height: float, tilt: float) -> torch.Tensor:
    """S x S depth of an ellipsoid of a height, its top moved to one side."""
    x, y = (pixel_grid(SIZE) * math.tan(math.radians(5))).unbind(-1)
    inside = (1 - (x / 0.07) ** 2 - (y / 0.08) ** 2).clamp(min=0)
    return 1.03 - height * inside.sqrt() * (1 + tilt * x / 0.07)


def decode(codes: Codes) -> Scene:
    """The shape code is the depth map itself."""
    depth = codes.shape.unflatten(1, (SIZE, SIZE))
    return Scene(depth, torch.zeros(len(depth), 3, SIZE, SIZE), codes.view, codes.light)


def frames(shape=lambda depth, person: depth) -> Frames:
    """Frames of people at several yaws; `shape` makes the model's depth of the true one and the person's number."""
    true, own, views = [], [], []
    for person in range(PEOPLE):
        for frame in range(FRAMES):
            true.append(head(0.05 + 0.01 * person, 0.1 * person - 0.2))
            own.append(shape(true[-1], person))
            views.append([15.0 * frame - 15, 4.0 * person - 8, 0, 0, 0, 0])
    depth, view = torch.stack(true), torch.tensor(views)
    seen = view_grid(depth, view)[1]
    mask = (pixel_grid(SIZE).square().sum(-1) < 0.6).expand(len(seen), -1, -1) & (seen > 0)
    light = torch.zeros(len(view), 4)
    codes = Codes(torch.stack(own).flatten(1), torch.zeros(len(view), 1), view, light)
    return Frames(codes, seen, mask, [str(i // FRAMES) for i in range(len(view))])


def test_the_truth_scores_one_and_the_average_face_nothing():
    found = own_depth(decode, frames())
    assert found["own_depth_r2"] == pytest.approx(1, abs=1e-4) == found["own_depth_r2_of_mean"]
    assert found["own_depth_r2_of_average"] == 0
    assert found["own_depth_r2_of_another"] < 0
    assert 0.001 < found["own_depth_std"] < 0.05


def test_a_model_with_one_face_for_all_scores_nothing():
    found = own_depth(decode, frames(lambda depth, person: head(0.07, 0.0)))
    for name in ("", "_of_mean", "_of_another", "_of_average"):
        assert found[f"own_depth_r2{name}"] == pytest.approx(0, abs=1e-5)


def test_shuffled_people_score_below_the_average_face():
    found = own_depth(
        decode, frames(lambda depth, person: head(0.05 + 0.01 * (PEOPLE - 1 - person), 0.2 - 0.1 * person))
    )
    assert found["own_depth_r2"] < -1


def test_half_of_the_relief_explains_three_quarters():
    average = torch.stack([head(0.05 + 0.01 * person, 0.1 * person - 0.2) for person in range(PEOPLE)]).mean(0)
    found = own_depth(decode, frames(lambda depth, person: (depth + average) / 2))
    assert found["own_depth_r2"] == pytest.approx(0.75, abs=0.02)


def test_a_naive_twin_agrees():
    given = frames(lambda depth, person: depth + 0.004 * math.sin(person))
    shape, total, missed = given.codes.shape.unflatten(1, (SIZE, SIZE)), 0.0, 0.0
    seen = {}
    others = shape.unflatten(0, (PEOPLE, FRAMES)).mean(1).roll(1, 0).repeat_interleave(FRAMES, 0)
    means = shape.unflatten(0, (PEOPLE, FRAMES)).mean(1).repeat_interleave(FRAMES, 0)
    for name, depth in {"own": shape, "mean": means, "other": others, "all": shape.mean(0).expand_as(shape)}.items():
        seen[name] = view_grid(depth, given.codes.view)[1]
    for i in range(len(shape)):
        mask = eroded(given.mask[i : i + 1])[0]
        for depth in seen.values():
            mask = mask & eroded(depth[i : i + 1] > 0)[0]
        logs = [depth[i][mask].log() for depth in (given.depth, seen["own"], seen["all"])]
        truth, own, average = (log - log.mean() for log in logs)
        total += float((truth - average).square().sum())
        missed += float((truth - own).square().sum())
    assert own_depth(decode, given)["own_depth_r2"] == pytest.approx(1 - missed / total, abs=1e-5)


def test_the_readout_foretells_what_codes_know_of_people_it_has_not_seen():
    draw = torch.Generator().manual_seed(0)
    people = torch.arange(120).repeat_interleave(2)
    known = torch.randn(120, 3, generator=draw)[people]
    maps = torch.einsum(
        "nk,kij->nij", known, torch.randn(3, 4, 4, generator=draw).repeat_interleave(8, 1).repeat_interleave(8, 2)
    )
    foretold = readout(known, maps, people)
    assert (foretold - maps).square().sum() < 0.1 * maps.square().sum()  # steps between squares are smoothed
    told_nothing = readout(torch.randn(240, 3, generator=draw), maps, people)
    assert (told_nothing - maps).square().sum() > 0.9 * maps.square().sum()
