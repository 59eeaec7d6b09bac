"""What a checkpoint's result files say by group of people, on made-up files."""

import json
from pathlib import Path

import pytest

from app.components.fairness_note import written
from latentface.fairness import Fairness, read_fairness


def results(white: float, black: float, error: float) -> dict:
    """Results of a made-up set, with two shares and their error."""
    return {
        "photos": 6, "command": "python -m train evaluate", "commit": "abc",
        "by": {
            "ethnicity": {
                "white": {"photos": 4, "people": 34, "identity_share": white, "identity_share_error": error},
                "black": {
                    "photos": 2, "people": 6, "identity_distance": 0.434, "identity_distance_others": 0.6,
                    "identity_top1": 0.5, "identity_share": black, "identity_share_error": error,
                },
            },
            "gender": {"female": {"photos": 6, "people": 3, "identity_distance": 0.55}},
        },
    }  # fmt: skip


def read(folder: Path) -> Fairness:
    """Read what is there."""
    fairness = read_fairness(folder)
    assert fairness is not None
    return fairness


def test_who_is_rebuilt_worse_is_named_only_where_chance_does_not_explain_it(tmp_path):
    file = tmp_path / "swaps_london.json"
    file.write_text(json.dumps(results(0.64, 0.72, 0.01)))
    by = {"skin tone": {"dark": {"photos": 40, "doubted": 0.025}}}
    (tmp_path / "doubts.json").write_text(json.dumps({"record": {"by": by}}))
    fairness = read(tmp_path)
    assert "not rebuilt equally well" in fairness.sentence
    assert "is 64% for white people (34) and 72% for black ones (6)" in fairness.sentence
    assert [(row.kind, row.name, row.people) for row in fairness.rows][-1] == ("gender", "female", 3)
    page = written(fairness)
    assert "<td>black</td><td>6</td><td>0.43</td><td>0.60</td><td>72%</td><td>1.0%</td><td>50%</td><td></td>" in page
    assert "<td>dark skin</td><td>40</td><td>2.5%</td>" in page and "commit abc" in page
    for same in (results(0.64, 0.72, 0.03), results(0.7, 0.7, 0.01)):  # 8 points are 1.9 standard errors of the first
        file.write_text(json.dumps(same))
        assert "no ethnicity was found" in read(tmp_path).sentence
    file.write_text(json.dumps(results(0.64, 0.72, 0.03)))
    assert "64% to 72%. With groups of 6 to 34 people, differences below 8% are" in read(tmp_path).sentence


@pytest.mark.parametrize("text", [None, "", "[]", '{"by": 3}', '{"by": {"gender": {"female": {}}}}', '{"photos": 3}'])
def test_nothing_is_said_where_nothing_was_measured(tmp_path, text):
    if text is not None:
        (tmp_path / "swaps_london.json").write_text(text)
    assert read_fairness(tmp_path) is None and read_fairness(None) is None
