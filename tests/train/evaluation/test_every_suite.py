"""`--suite all`: what its data allow is run into the checkpoint's folder, what lacks data is named."""

import json
from pathlib import Path

import pytest

from latentface.checkpoints import ASSETS
from latentface.weights import digest_of_all
from tests.helpers import tiny_pipeline, write_truth
from tests.train.evaluation.test_leakage import clips
from train.evaluation import suites
from train.evaluation.every_suite import evaluate_all, plan
from train.evaluation.toy_codes import KINDS


def test_what_is_run_and_what_is_passed_over():
    runs, lacking = plan(["truth:shards/test", "london:photos/dev.tar", "lfw:a.tar", "fer2013:b.tar"])
    stems = [stem for _, _, stem in runs]
    assert stems == [
        "leakage_test",
        "depth_test",
        "swaps_test",
        "swaps_london",
        "turned_london",
        "detail_london",
        "probes",
    ]
    assert set(runs[-1][1]) == {"london:photos/dev.tar", "lfw:a.tar", "fer2013:b.tar"}
    assert lacking[0].startswith("prior: passed over, it needs --data SHARDS (python -m train imagined --people")
    assert lacking[1].startswith("clips: ") and len(lacking) == 2
    assert "(a set that you bring: docs/data.md)" in plan(["truth:shards/test"])[1][0]


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


@pytest.fixture
def checkpoint(tmp_path) -> Path:
    write_truth(clips(12), tmp_path / "data" / "held")
    tiny_pipeline(size=32).save_pretrained(tmp_path / "run" / "pipeline")
    return tmp_path / "run"


@pytest.mark.slow
def test_a_run_is_measured_in_its_folder_and_again_only_for_newer_weights(checkpoint):
    """A run's folder is taken for its checkpoint; a suite that its data can't serve ends by itself."""
    data, folder = [f"truth:{checkpoint.parent / 'data' / 'held'}"], checkpoint / "pipeline"
    first = evaluate_all(str(checkpoint), data, None)
    assert first["leakage_held"] == "done" and first["swaps_held"].startswith("failed: ")
    written = json.loads((folder / "leakage_held.json").read_text())
    assert written["weights"] == digest_of_all(folder) and (folder / "leakage_held_examples.json").exists()
    assert evaluate_all(str(checkpoint), data, None)["leakage_held"] == "there already"
    tiny_pipeline(5, size=32).save_pretrained(folder)
    assert evaluate_all(str(checkpoint), data, None)["leakage_held"] == "done"
    assert json.loads((folder / "leakage_held.json").read_text())["weights"] == digest_of_all(folder)


def test_a_stopped_call_says_what_is_there(tmp_path):
    lines: list[str] = []

    def say(line: str) -> None:
        lines.append(line)
        if line.startswith("2 of 3"):
            raise KeyboardInterrupt

    (tmp_path / "none").mkdir()
    with pytest.raises(KeyboardInterrupt):
        evaluate_all(str(tmp_path), [f"truth:{tmp_path}/none"], None, say=say)
    assert lines[-1] == "stopped after 1 of 3; the same command goes on from here"


@pytest.mark.parametrize("kind", KINDS)
def test_shipped_toy_codes_are_what_the_suite_measures(kind, tmp_path):
    found = suites.evaluate("toy", [kind], [], tmp_path / "toy.json")
    shipped = json.loads((ASSETS / "results" / f"toy_{kind}.json").read_text())
    for name in ("identity_from_identity", "expression_from_expression", "identity_from_expression"):
        assert found[name] == pytest.approx(shipped[name], abs=0.01)
