"""Talking people: every part of the face goes its own way, as far as it can, and the default is left as it was."""

import hashlib
import json

import numpy as np
import pytest

from train.data import parametric as people
from train.data.parametric.factors import TALKING_YAW, clip_factors
from train.data.parametric.mesh import load
from train.data.parametric.talking import BROWS, LIDS, MOUTHS, draw_talking

DRAWS = 3000


@pytest.fixture(scope="module")
def drawn() -> list[dict[str, float]]:
    rng = np.random.default_rng(0)
    return [draw_talking(rng, load().actions) for _ in range(DRAWS)]


def column(drawn: list[dict[str, float]], name: str) -> np.ndarray:
    return np.array([row.get(name, 0.0) for row in drawn])


def test_every_name_stands_for_actions_of_the_mesh():
    for table in (MOUTHS, BROWS, LIDS):
        for _, ranges in table.values():
            for name, (least, most) in ranges.items():
                stem = name.removesuffix("Aside").removesuffix("Away")
                assert 0 <= least < most <= 1
                assert stem in load().actions or {stem + "Left", stem + "Right"} <= set(load().actions)


def test_everything_that_a_face_can_do_is_drawn(drawn):
    for name in ("jawOpen", "mouthPucker", "mouthLeft", "mouthRight", "mouthSmileLeft", "tongueOut", "browInnerUp"):
        assert 0.02 < (column(drawn, name) > 0.5).mean() < 0.4, name
    wide, narrow = column(drawn, "eyeWideLeft") > 0.4, column(drawn, "eyeBlinkLeft") > 0.4
    assert 0.1 < wide.mean() < 0.2 and 0.1 < narrow.mean() < 0.25


def test_mouth_brows_and_lids_are_independent_and_sides_alike(drawn):
    for mouth in ("jawOpen", "mouthSmileLeft", "mouthPucker"):
        for other in ("browInnerUp", "browDownLeft", "eyeBlinkLeft"):
            assert abs(np.corrcoef(column(drawn, mouth), column(drawn, other))[0, 1]) < 0.08
    left, right = column(drawn, "mouthLeft"), column(drawn, "mouthRight")
    assert (left > 0).mean() == pytest.approx((right > 0).mean(), abs=0.03) and not ((left > 0) & (right > 0)).any()
    smiles = column(drawn, "mouthSmileLeft") + column(drawn, "mouthSmileRight")
    assert np.corrcoef(column(drawn, "mouthSmileLeft"), smiles)[0, 1] > 0.8


def test_people_do_not_differ_by_what_they_show():
    """Frames of one clip share no habit: the means of clips scatter as means of single draws do."""
    weights = np.array(
        [[f["expression"].get("jawOpen", 0) for f in clip_factors(load(), 8, 5, n, talking=True)] for n in range(150)]
    )
    assert weights.mean(1).var() < 2.5 * weights.var() / 8


def test_factors_of_talking_clips():
    moves = [move for n in range(40) for move in clip_factors(load(), 8, 5, n, talking=True)]
    assert all(0 <= v <= 1 for m in moves for v in m["expression"].values())
    yaw = np.array([move["pose"][0] for move in moves])
    assert 30 < abs(yaw).max() <= TALKING_YAW[1]
    assert len(clip_factors(load(), 1, 5, 0, talking=True)) == 1


def test_the_default_draws_what_it_drew_before(tmp_path):
    moves = clip_factors(load(), 4, 3, 5)
    said = json.dumps([[move["expression"], move["pose"], move["jitter"]] for move in moves])
    assert (
        hashlib.sha256(said.encode()).hexdigest() == "b01585796b059829a5af77bac012dfc8a0e00ccb100fafffeb8819aa9f57e5f7"
    )
    people.people_shards(1, 1, 24, 77, tmp_path / "plain")
    people.people_shards(1, 1, 24, 77, tmp_path / "talking", talking=True)
    plain, talking = (json.loads((tmp_path / n / "arguments.json").read_text()) for n in ("plain", "talking"))
    assert talking == {**plain, "talking": True} and "talking" not in plain
