"""The fit of doubts on made-up measures: limits by group, and figures of the half that is not fitted on."""

import numpy as np
import pytest
from PIL import Image

from latentface.doubts import NAMES
from tests.helpers import ROOT
from train.evaluation.doubtful import MAKERS
from train.release.doubts import ALARMS, Seen, figures, fit


def made_up(shift: float) -> list[Seen]:
    """Photos of light and dark skin, whose agreement of one kind differs by `shift`, and covered faces."""
    rng, seen = np.random.default_rng(0), []
    for number in range(900):
        kind = ("photo", "photo", "mask")[number % 3]
        skin = "dark" if number % 5 == 0 else "light"
        measures = rng.normal(0, 1, len(NAMES))
        measures[0] += 6 * (kind == "mask") + shift * (skin == "dark")
        seen.append(Seen(kind, f"person {number // 3}", {"skin tone": skin}, measures.tolist(), False))
    return seen


@pytest.mark.parametrize("shift", [0.0, 1.5])
def test_no_skin_tone_of_the_fitting_half_is_doubted_more_than_allowed(shift):
    seen = made_up(shift)
    doubts = fit(seen)
    for skin in ("dark", "light"):
        amounts = [
            doubts.amount(dict(zip(NAMES, one.measures, strict=True)))
            for one in seen
            if one.fitted and one.kind == "photo" and one.groups["skin tone"] == skin
        ]
        assert np.mean(np.array(amounts) > 0) <= ALARMS + 1 / len(amounts)
    found = figures(doubts, seen, 4)
    assert found["flagged"]["mask"]["flagged"] > 0.8 and found["made_without_a_face"] == 4
    assert found["fitted_on"] == sum(one.fitted for one in seen)
    assert sum(group["photos"] for group in found["by"]["skin tone"].values()) == found["photos"]
    both = found["by"]["skin tone"]
    together = sum(group["photos"] * group["doubted"] for group in both.values()) / found["photos"]
    assert together == pytest.approx(found["false_alarms"])


def test_every_maker_changes_the_face_and_is_told_by_its_seed():
    photo = Image.open(ROOT / "tests" / "data" / "photo.jpg").convert("RGB")
    landmarks = np.array([[0.4, 0.4], [0.6, 0.4], [0.5, 0.5], [0.42, 0.6], [0.58, 0.6]]) * photo.size
    for kind, make in MAKERS.items():
        first, again = (np.asarray(make(photo, landmarks, np.random.default_rng(3))) for _ in range(2))
        assert (first == again).all(), kind
        small = np.asarray(Image.fromarray(first).resize(photo.size), float)
        changed = np.abs(small - np.asarray(photo, float)).max(-1) > 20
        assert changed.mean() > 0.001, kind
        if kind in ("mask", "dark glasses", "bar over the eyes", "hand before the mouth"):
            beside = landmarks[0, 0] - 2.2 * (landmarks[1, 0] - landmarks[0, 0])
            assert not changed[:, : max(0, int(beside))].any(), kind
