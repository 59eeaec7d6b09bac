"""What a checkpoint's result files say by group of people, on made-up files."""

import json

import pytest

from app.components.fairness_note import written
from latentface.fairness import read_fairness

LONDON = {
    "photos": 6, "command": "python -m train evaluate", "commit": "abc",
    "by": {
        "ethnicity": {
            "white": {"photos": 4, "people": 2, "identity_distance": 0.512, "identity_distance_others": 0.8},
            "black": {
                "photos": 2, "people": 1, "identity_distance": 0.434, "identity_distance_others": 0.6,
                "identity_top1": 0.5,
            },
        },
        "gender": {"female": {"photos": 6, "people": 3, "identity_distance": 0.55}},
    },
}  # fmt: skip


def test_the_sentence_names_who_is_rebuilt_best_and_worst(tmp_path):
    (tmp_path / "swaps_london.json").write_text(json.dumps(LONDON))
    by = {"skin tone": {"dark": {"photos": 40, "doubted": 0.025}}}
    (tmp_path / "doubts.json").write_text(json.dumps({"record": {"by": by}}))
    fairness = read_fairness(tmp_path)
    assert "64% of that to others of the same group for white people and 72% for black ones" in fairness.sentence
    assert [(row.kind, row.name, row.people) for row in fairness.rows][-1] == ("gender", "female", 3)
    page = written(fairness)
    assert "<td>black</td><td>1</td><td>0.43</td><td>0.60</td><td>50%</td><td></td>" in page
    assert "<td>dark</td><td>40</td><td>2.5%</td>" in page and "commit abc" in page


@pytest.mark.parametrize("text", [None, "", "[]", '{"by": 3}', '{"by": {"gender": {"female": {}}}}', '{"photos": 3}'])
def test_nothing_is_said_where_nothing_was_measured(tmp_path, text):
    if text is not None:
        (tmp_path / "swaps_london.json").write_text(text)
    assert read_fairness(tmp_path) is None and read_fairness(None) is None
