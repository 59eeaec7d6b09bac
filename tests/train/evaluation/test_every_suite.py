"""`--suite all`: what its data allow is run into the checkpoint's folder, what lacks data is named."""

import json

import pytest

from latentface.checkpoints import ASSETS
from train.evaluation import suites
from train.evaluation.every_suite import evaluate_all, plan
from train.evaluation.toy_codes import KINDS


def test_what_is_run_and_what_is_passed_over():
    runs, lacking = plan(["truth:shards/test", "london:photos/dev.tar", "lfw:a.tar", "fer2013:b.tar"])
    stems = [stem for _, _, stem in runs]
    assert stems == ["leakage_test", "depth_test", "swaps_test", "swaps_london", "turned_london", "probes"]
    assert set(runs[-1][1]) == {"london:photos/dev.tar", "lfw:a.tar", "fer2013:b.tar"}
    assert lacking[0] == "prior: passed over, it needs --data SHARDS" and lacking[1].startswith("clips: ")


def test_nothing_to_run_or_nowhere_to_write(tmp_path):
    with pytest.raises(ValueError, match="no suite has its data"):
        evaluate_all(str(tmp_path), [], None)
    with pytest.raises(ValueError, match="give --out"):
        evaluate_all("someone/on-the-hub", ["truth:x"], None)


def test_a_failure_is_one_line_and_the_rest_goes_on(tmp_path):
    lines: list[str] = []
    (tmp_path / "leakage_none.json").write_text("{}")
    done = evaluate_all(str(tmp_path), [f"truth:{tmp_path}/none"], None, say=lines.append)
    assert done["leakage_none"] == "there already"
    assert done["depth_none"].startswith("failed: ") and done["swaps_none"].startswith("failed: ")
    assert any(line.startswith("turned: passed over") for line in lines)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["leakage_none.json"]


@pytest.mark.parametrize("kind", KINDS)
def test_shipped_toy_codes_are_what_the_suite_measures(kind, tmp_path):
    found = suites.evaluate("toy", [kind], [], tmp_path / "toy.json")
    shipped = json.loads((ASSETS / "results" / f"toy_{kind}.json").read_text())
    for name in ("identity_from_identity", "expression_from_expression", "identity_from_expression"):
        assert found[name] == pytest.approx(shipped[name], abs=0.01)
