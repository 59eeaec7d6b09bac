"""Pictures read right and wrong: of every cell that was shipped, and a sentence where a file is broken or gone."""

import json
import shutil

import pytest

from app.components.cell_examples import NONE, examples
from latentface.checkpoints import ASSETS, bundled
from latentface.disentanglement import read_matrix

FILE = ASSETS / "explorer" / "leakage_test.json"


@pytest.mark.parametrize("name", bundled())
def test_every_cell_that_was_shipped_has_its_pictures(name):
    file = ASSETS / name / "leakage_test.json"
    matrix = read_matrix(file)
    for block in matrix.blocks:
        for factor in matrix.factors:
            drawn = examples(file, block, factor)
            assert drawn.count("<img") >= 4, (block, factor)
    found = json.loads((ASSETS / name / "leakage_test_examples.json").read_text())["cells"]["expression"]["retrieval"]
    assert found["right_n"] / found["n"] == pytest.approx(matrix.score("retrieval", "expression"), abs=1e-4)


def test_what_is_broken_or_gone_is_said(tmp_path):
    file = tmp_path / "leakage_test.json"
    assert examples(file, "identity", "yaw") == NONE and examples(None, "identity", "yaw") == ""
    for name in ("leakage_test_examples.json", "leakage_test_examples_0.webp"):
        shutil.copy(FILE.with_name(name), tmp_path / name)
    assert "the quarter read worst" in examples(file, "identity", "yaw")
    assert examples(file, "identity", "height") == NONE
    sheet, about = tmp_path / "leakage_test_examples_0.webp", tmp_path / "leakage_test_examples.json"
    whole, found = sheet.read_bytes(), json.loads(about.read_text())
    sheet.write_bytes(whole[: len(whole) // 3])
    assert examples(file, "identity", "yaw") == NONE
    sheet.write_bytes(whole)
    found["cells"]["identity"]["yaw"]["right"][0][0] = 10**6
    about.write_text(json.dumps(found))
    assert examples(file, "identity", "yaw") == NONE
    about.write_text("[")
    assert examples(file, "identity", "yaw") == NONE
    sheet.unlink()
    assert examples(file, "identity", "pitch") == NONE


def test_captions_are_escaped(tmp_path):
    file, about = tmp_path / "x.json", json.loads(FILE.with_name("leakage_test_examples.json").read_text())
    about["cells"]["identity"]["yaw"]["right"][0][1] = "<script>"
    (tmp_path / "x_examples.json").write_text(json.dumps(about))
    shutil.copy(FILE.with_name("leakage_test_examples_0.webp"), tmp_path)
    drawn = examples(file, "identity", "yaw")
    assert "&lt;script&gt;" in drawn and "<script>" not in drawn
