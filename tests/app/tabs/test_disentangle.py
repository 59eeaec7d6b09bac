"""Tab Disentangle: its heat map, its words, its pictures, and what it says of a run of one's own."""

import json
import shutil
from dataclasses import replace
from typing import Any

import gradio as gr
import pytest

from app.components.block_evidence import films
from app.components.export import origin, origin_of_run
from app.components.matrix import cell_of, cell_words, heat_map, words
from app.session import Model, load, open_session
from app.tabs import disentangle
from latentface.checkpoints import ASSETS
from latentface.disentanglement import read_matrix
from latentface.results import read_comparison
from latentface.weights import WEIGHTS


@pytest.fixture(scope="module")
def model() -> Model:
    return load()


def page_of(model: Model) -> dict[str, Any]:
    with gr.Blocks() as demo:
        session = open_session(model)
        assert disentangle.is_shown(session)
        disentangle.build(session)
    return {str(block.elem_id): block for block in demo.blocks.values()}


def test_the_heat_map_has_a_cell_for_every_number_and_ends_with_chance():
    matrix = read_matrix(ASSETS / "explorer" / "leakage_test.json")
    drawn: Any = heat_map(matrix, ("expression", "identity")).data[0]
    assert len(drawn["y"]) == len(matrix.blocks) + 1 and drawn["y"][-1] == "chance"
    assert drawn["customdata"][1][0] == matrix.results["identity_from_expression"]
    assert drawn["customdata"][-1][2] == matrix.results["expression_chance"] and max(drawn["z"][-1]) == 0
    assert cell_of(matrix, (0, 1, 0)) == ("expression", "identity")
    for mark in ((), (0, 1), (1, 0, 0), (0, len(matrix.blocks), 0), (0, 0, len(matrix.factors))):
        assert cell_of(matrix, mark) is None
    assert "should be at chance" in cell_words(matrix, "expression", "identity")
    assert "should be high" in cell_words(matrix, "identity", "identity")
    assert "should" not in cell_words(matrix, "full", "identity")


def test_words_name_their_data_and_toy_codes_say_nothing_of_real_photos():
    comparison = read_comparison()
    said = words(read_matrix(ASSETS / "explorer" / "leakage_test.json"), comparison)
    assert "600 parametric people" in said and "FER2013" in said and "LFW" in said and "contradicts" in said
    toy = words(read_matrix(ASSETS / "results" / "toy_perfect.json"), comparison)
    assert "24 toy people" in toy and "FER2013" not in toy


def test_pictures_are_drawn_once_the_tab_is_opened(model):
    page = page_of(model)
    assert page["block-live"].value == page["block-films"].value == ""
    with gr.Blocks():
        session = open_session(model)
    faces = [model.example(i) for i in range(3)]
    assert disentangle.drawn(session, "explorer", "expression", *faces).count("<img") == 9
    assert films(model, "expression").count("<img") == 10
    assert next(iter(dict(page["matrix-choice"].choices))) == "explorer"


def test_a_run_of_ones_own_is_shown_first_and_a_broken_file_is_passed_over(model, tmp_path):
    for name in ("model_index.json",):
        (tmp_path / name).write_text("{}")
    own = replace(model, checkpoint=str(tmp_path))
    shutil.copy(ASSETS / "results" / "toy_entangled.json", tmp_path / "leakage_validation.json")
    with gr.Blocks():
        session = open_session(own)
        assert next(iter(disentangle.matrices(session))) == tmp_path.name
        (tmp_path / "leakage_test.json").write_text("{")
        assert tmp_path.name not in disentangle.matrices(session)
    assert "Nearest faces and main directions need a gallery" in str(disentangle.drawn(
        session, tmp_path.name, "identity", *(model.example(i) for i in range(3))
    ))  # fmt: skip


def test_a_matrix_of_older_weights_says_so(model, tmp_path):
    shutil.copytree(ASSETS / "explorer", tmp_path / "mine")
    own = replace(model, checkpoint=str(tmp_path / "mine"))

    def said() -> list[str]:
        with gr.Blocks() as demo:
            disentangle.build(open_session(own))
        values = [str(block.value) for block in demo.blocks.values() if isinstance(block, gr.Markdown)]
        return [words for words in values if "was measured on older weights" in words]

    assert said() == []
    weights = tmp_path / "mine" / "denoiser" / WEIGHTS
    weights.write_bytes(weights.read_bytes() + b" ")
    assert len(said()) == 1 and "`mine`" in said()[0]


def test_a_run_that_was_not_shipped_says_where_it_comes_from(tmp_path):
    folder = tmp_path / "run" / "pipeline"
    folder.mkdir(parents=True)
    assert origin_of_run(str(folder.parent), folder, "rdm", "x") == "x · checkpoint: run"
    record = {"command": "python -m train rdm", "commit": "abc", "data": ["/far/ann/shards"]}
    (folder.parent / "config.json").write_text(json.dumps(record))
    said = "x · checkpoint: run · command: python -m train rdm · commit: abc · data: shards"
    assert origin_of_run(str(folder.parent), folder, "rdm", "x") == said
    (folder / "rdm_run.json").write_text(json.dumps({"command": "as shipped"}))
    assert "command: as shipped" in origin_of_run(str(folder), folder, "rdm", "x")


def test_the_caption_says_where_numbers_come_from():
    record = {"command": "python -m train", "commit": "abc", "config": {"checkpoint": "explorer"}, "data": ["a", "b"]}
    assert origin(record, "Matrix") == (
        "Matrix · checkpoint: explorer · command: python -m train · commit: abc · data: a, b"
    )
