"""The Training tab: curves beside the checkpoint, whole and cut off, and none at all."""

from dataclasses import replace
from typing import Any

import gradio as gr
import pytest

from app.components.training_curve import QUANTITIES, name_of, read_curves, training_curve
from app.session import Model, load, open_session
from app.tabs import training


@pytest.fixture(scope="module")
def model() -> Model:
    return load()


def test_broken_lines_are_passed_over_and_known_quantities_come_first(tmp_path):
    file = tmp_path / "curves.jsonl"
    file.write_text(
        '{"images": 10, "odd": 1, "val_l1": 0.5, "note": "x"}\n[]\n{"odd": 3}\n{"images": 20, "loss": 2}\n{"ima'
    )
    assert read_curves(file) == {"val_l1": [(10, 0.5)], "loss": [(20, 2.0)], "odd": [(10, 1.0)]}
    assert read_curves(tmp_path / "none.jsonl") == {}


def test_a_curve_over_images():
    figure = training_curve("val_l1", [(10, 0.5), (20, 0.4)])
    line: Any = figure.data[0]
    assert line["x"] == (10, 20) and line["y"] == (0.5, 0.4) and figure.layout["meta"] == QUANTITIES["val_l1"]
    assert name_of("raw_depth") == "raw depth"


def test_the_tab_has_both_stages_of_the_bundled_checkpoint(model):
    with gr.Blocks() as demo:
        session = open_session(model)
        assert training.is_shown(session)
        training.build(session)
    choices = {block.elem_id: block for block in demo.blocks.values() if isinstance(block, gr.Dropdown)}
    assert set(choices) == {"autoencoder-quantity", "rdm-quantity"}
    assert choices["autoencoder-quantity"].value == "val_l1" and choices["rdm-quantity"].value == "val_shape"
    curve = training.curves(session)["rdm"]
    drawn = training.draw(curve, "loss")
    assert drawn is not None and len(drawn["data"][0]["x"]) == len(curve["loss"]) > 5


def test_a_checkpoint_without_curves_has_no_tab(model, tmp_path):
    with gr.Blocks():
        for checkpoint in (str(tmp_path), "someone/on-the-hub"):
            assert not training.is_shown(open_session(replace(model, checkpoint=checkpoint)))
