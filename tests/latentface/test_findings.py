"""Figures of a checkpoint against its own result files."""

import json
from pathlib import Path

import pytest

from latentface.checkpoints import ASSETS
from latentface.findings import MEASURED, read_findings, read_misuses
from latentface.results import read_comparison

EXPLORER = ASSETS / "explorer"


def read(name: str, folder: Path = EXPLORER) -> dict:
    return json.loads((folder / name).read_text())


@pytest.mark.parametrize("name", ["explorer", "explorer-cc0"])
def test_every_figure_is_its_files(name):
    folder = ASSETS / name
    found = read_findings(folder)
    assert len(found.measured) == len(MEASURED)
    for finding, (file, key, form, _, _) in zip(found.measured, MEASURED, strict=True):
        results = read(file, folder)
        value = 100 * results[key] if "%" in form else results[key]
        digits = int(form[1])
        assert float(finding.figure.rstrip("%°")) == pytest.approx(value, abs=0.51 * 10**-digits)
        assert results["command"] in finding.source and results["commit"] in finding.source
        people = results["pairs"] if file.startswith("swaps") else results["people"]
        assert str(people) in finding.data and results["data"] in finding.data


def test_groups_and_what_passes_unnoticed():
    found, depth, doubts = read_findings(EXPLORER), read("depth_test.json"), read("doubts.json")["record"]
    assert {one.kind for one in found.grouped} == {"skin", "age", "yaw", "expression"} == set(depth["by"])
    for one in found.grouped:
        own = {name: row["mad_deg"] for name, row in depth["by"][one.kind].items()}
        assert {name: figure for name, (_, figure) in one.groups.items()} == own
        assert own[one.worst] == max(own.values())
    least = min(doubts["flagged"], key=lambda kind: doubts["flagged"][kind]["flagged"])
    assert found.unnoticed and least in found.unnoticed.words
    assert found.unnoticed.figure == f"{doubts['flagged'][least]['flagged']:.0%}"


def test_a_checkpoint_without_results_has_none(tmp_path):
    for folder in (None, tmp_path):
        assert not read_findings(folder).any
    (tmp_path / "depth_test.json").write_text('{"mad_deg": "much", "by": {"skin": {"dark": {"n": 3}}}}')
    (tmp_path / "doubts.json").write_text("[1]")
    (tmp_path / "swaps_london.json").write_text('{"identity_top1": 0.5')
    assert not read_findings(tmp_path).any


def test_what_speaks_against_two_uses():
    comparison = read_comparison()
    assert comparison is not None
    about = comparison.results["methods"]["explorer"]
    who, how = read_misuses(comparison, "explorer")
    assert who.figure == f"{about['lfw_similarity']:.0%}" and f"{about['lfw_n']:,} pairs" in who.words
    assert how.figure == f"{about['fer2013_linear']:.0%}" and [one.data.partition(":")[0] for one in (who, how)] == [
        "LFW",
        "FER2013",
    ]
    assert f"{about['fer2013_chance']:.0%}" in how.words
    assert read_misuses(comparison, "nobody") == read_misuses(None, "explorer") == []
