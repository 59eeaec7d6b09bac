"""Figures by group of people, beside means worked out by hand."""

import pytest

from train.evaluation.groups import age_group, by_group, standard_error

ROWS = [
    {"person": "1", "age": "24", "gender": "female", "ethnicity": "west_asian"},
    {"person": "1", "age": "24", "gender": "female", "ethnicity": "west_asian"},
    {"person": "2", "age": "NA", "gender": "male", "ethnicity": "black"},
    {"person": "3", "age": "35", "gender": "male", "ethnicity": "west_asian"},
]


def test_ages_are_grouped_and_unknown_ones_are_left_out():
    assert [age_group(years) for years in ("0", "24.9", "25", "34", "35", "80", "NA", "")] == [
        "under 25", "under 25", "25 to 34", "25 to 34", "35 and over", "35 and over", None, None,
    ]  # fmt: skip


def test_every_group_has_the_mean_of_its_photos():
    groups = by_group(ROWS, {"error": {0: 1.0, 1: 2.0, 2: 4.0, 3: 6.0}, "told": {0: 1.0, 2: 0.0}})
    assert groups["ethnicity"] == {
        "west asian": {"photos": 3, "people": 2, "error": pytest.approx(3.0), "told": 1.0},
        "black": {"photos": 1, "people": 1, "error": 4.0, "told": 0.0},
    }
    assert list(groups["ethnicity"]) == ["west asian", "black"]  # by falling number of photos
    assert groups["age"] == {
        "under 25": {"photos": 2, "people": 1, "error": 1.5, "told": 1.0},
        "35 and over": {"photos": 1, "people": 1, "error": 6.0},
    }
    assert groups["gender"]["male"] == {"photos": 2, "people": 2, "error": 5.0, "told": 0.0}


def test_kinds_that_a_table_lacks_are_missing():
    assert by_group([{"person": "1", "expression": "neutral"}], {"error": {0: 1.0}}) == {}


def test_the_standard_error_is_that_of_the_people():
    values = {0: 1.0, 1: 3.0, 2: 4.0, 3: 6.0}  # people: 2, 4, 6
    assert standard_error(values, ROWS) == pytest.approx(2 / 3**0.5)
    assert standard_error({0: 1.0, 1: 3.0, 2: 4.0}, ROWS) is None
    assert "error_error" not in by_group(ROWS, {"error": values}, ("error",))["ethnicity"]["black"]
