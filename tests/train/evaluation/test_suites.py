"""The swaps suite on a made-up set in London's layout, with a pipeline whose answers are known."""

import csv
import json
import tarfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from latentface.weights import digest_of_all
from tests.helpers import ROOT, gallery_file, tiny_pipeline
from train.common.judges import Reader, measures
from train.data.london import london_photos
from train.evaluation.suites import SUITES, evaluate, rounded, split_kind
from train.evaluation.swaps import cosine, told_apart

GALLERY = ROOT / "assets" / "gallery"
PEOPLE = {13: (0, 1), 4: (0, 5), 2: (0, 1)}
"""Gallery people and the frames that stand for neutral and smiling."""


@pytest.fixture(scope="module")
def london(tmp_path_factory):
    folder = tmp_path_factory.mktemp("london")
    with tarfile.open(folder / "set.tar", "w") as tar, open(folder / "set.csv", "w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["file", "person", "expression", "ethnicity"])
        for person, frames in PEOPLE.items():
            for frame, expression in zip(frames, ("neutral", "smiling"), strict=True):
                name = f"{person:05d}_{frame}.webp"
                tar.add(gallery_file(person, frame), name)
                rows.writerow([name, person, expression, "black" if person == 2 else "white"])
    return folder / "set.tar"


def test_judges_know_a_person_again_and_tell_people_apart():
    reader, seen = Reader(), {}
    for row in (("00036_0.webp", "a"), ("00036_3.webp", "b"), ("00073_0.webp", "c")):
        image = np.asarray(Image.open(GALLERY / row[0]).convert("RGB").resize((256, 256)))
        points = reader.points(image)
        assert points.shape == (68, 2) and (points >= 0).all() and (points <= 256).all()
        assert set(measures(points[None])) >= {"smile", "jaw", "yaw"}
        seen[row[1]] = reader.embedding(image, points)
    assert cosine(seen["a"], seen["a"]) == pytest.approx(1)
    assert np.linalg.norm(seen["a"] - seen["b"]) < np.linalg.norm(seen["a"] - seen["c"])


@pytest.mark.slow
def test_the_suite_writes_flat_results_and_a_sheet(london, tmp_path):
    assert len(london_photos(london, ["expression"])) == 6
    results = evaluate("swaps", ["explorer"], [f"london:{london}"], tmp_path / "results.json")
    written = json.loads((tmp_path / "results.json").read_text())
    assert {"photos", "identity_cosine", "across_nearer_a", "commit", "seed", "data", "command"} <= set(written)
    assert results["photos"] == 6 and results["pairs"] == 3 and (tmp_path / "results.png").exists()
    # a trained checkpoint is nearer to its own photo than to other people's, and a small photo nearer still
    own, others = results["identity_cosine"], results["identity_cosine_other_people"]
    assert others < own < results["identity_cosine_photo_at_model_size"] <= 1
    assert 0 < results["reconstruction_l1"] < 0.15
    groups = results["by"]["ethnicity"]
    assert {name: group["photos"] for name, group in groups.items()} == {"white": 4, "black": 2}
    assert groups["white"]["identity_distance"] < groups["white"]["identity_distance_others"]
    assert "identity_distance_others" not in groups["black"]  # one person has no others
    for name in ("reconstruction_l1", "identity_distance", "across_nearer_a"):
        together = (4 * groups["white"][name] + 2 * groups["black"][name]) / 6
        assert together == pytest.approx(results[name], abs=1e-6)


def trained_on(checkpoints, data, out, seed):
    """A suite that takes so long that the run saves again meanwhile."""
    tiny_pipeline(9).save_pretrained(checkpoints[0])
    return {"measured": 1}


def test_results_never_name_weights_that_they_were_not_measured_on(tmp_path, monkeypatch):
    tiny_pipeline(1).save_pretrained(tmp_path / "run")
    monkeypatch.setitem(SUITES, "slow", f"{trained_on.__module__}:trained_on")
    with pytest.raises(ValueError, match="the weights of run changed while they were measured"):
        evaluate("slow", [str(tmp_path / "run")], [], tmp_path / "r.json")
    assert not (tmp_path / "r.json").exists()
    evaluate("slow", [str(tmp_path / "run")], [], tmp_path / "r.json")  # the same weights again
    assert json.loads((tmp_path / "r.json").read_text())["weights"] == digest_of_all(tmp_path / "run")


def test_what_can_not_be_evaluated_is_said(tmp_path):
    wrong = (
        ("swaps", "other:x", "london:FILE"),
        ("swaps", "london:none.tar", "missing"),
        ("beauty", "london:x", "no suite"),
    )
    for suite, data, words in (*wrong, ("swaps", "london:", "no path")):
        with pytest.raises(ValueError, match=words):
            evaluate(suite, ["explorer"], [data], tmp_path / "r.json")


def test_kinds_are_told_from_paths_and_numbers_rounded_inside():
    assert split_kind("lfw:a/b.tar") == ("lfw", Path("a/b.tar")) and split_kind("/data/shards") == (
        "",
        Path("/data/shards"),
    )
    assert split_kind("C:/data") == ("", Path("C:/data")) and split_kind("300wlp:x:y") == ("300wlp", Path("x:y"))
    assert rounded({"a": [0.123456, {"b": 1.0}], "n": 3, "s": "x"}) == {"a": [0.1235, {"b": 1.0}], "n": 3, "s": "x"}


def test_told_apart_asks_which_of_two_pictures_smiles_more():
    smiles = {0: 0.1, 1: 0.3, 2: 0.9, 3: 0.8, 4: 0.2, 5: 0.2}
    judged = {i: SimpleNamespace(smile=smile) for i, smile in smiles.items()}
    pairs = [(0, 1), (2, 3), (4, 5)]
    smiling = {0: False, 1: True, 2: False, 3: True, 4: False, 5: True}
    assert told_apart(judged, smiling, pairs) == pytest.approx(
        1 / 3
    )  # 2 was to be neutral, and 5 smiles no more than 4
    assert told_apart(judged, {i: not smile for i, smile in smiling.items()}, pairs) == pytest.approx(1 / 3)


def test_a_suite_is_one_function_and_one_line(tmp_path, monkeypatch):
    text = "def run(checkpoints, data, out, seed):\n    return {'checkpoints': len(checkpoints), 'kind': data[0][0]}\n"
    (tmp_path / "counting_suite.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(SUITES, "counting", "counting_suite:run")
    assert evaluate("counting", ["a", "b"], ["lfw:x"], tmp_path / "r.json") == {"checkpoints": 2, "kind": "lfw"}
    assert json.loads((tmp_path / "r.json").read_text())["suite"] == "counting"
