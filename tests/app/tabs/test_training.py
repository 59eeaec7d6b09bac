"""The Training tab: curves beside the checkpoint, whole and cut off, and none at all."""

from dataclasses import replace
from typing import Any

import gradio as gr
import pytest
from PIL import Image

from app.components.run_view import dial, said
from app.components.training_curve import QUANTITIES, name_of, read_curves, training_curve
from app.request_log import POLL
from app.run_folder import Look, RunFolder
from app.session import Model, load, open_session
from app.tabs import training
from latentface.weights import written
from tests.app.test_run_folder import write_run
from tests.helpers import tiny_pipeline


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


def page_of(model: Model, runs: list[RunFolder]) -> dict[str, Any]:
    with gr.Blocks() as demo:
        session = open_session(model, runs)
        assert training.is_shown(session)
        training.build(session)
    found = {str(block.elem_id): block for block in demo.blocks.values()}
    again = next(fn for fn in demo.fns.values() if fn.name == "again")
    assert again.api_name == POLL  # the log keeps quiet of it
    return found | {"again": again.fn}


def test_a_run_is_followed_and_only_what_is_new_is_sent(model, tmp_path):
    write_run(tmp_path)
    page = page_of(model, [RunFolder(tmp_path, "./with/run/")])
    assert "64 of 256 images" in page["run-status"].value and not page["run-choice"].visible
    assert page["run-quantity-0"].value == "val_l1" and page["run-quantity-1"].value == "loss"
    assert "autoencoder-quantity" in page and "No contact sheet is there yet" in page["run-sheet"].value
    again = page["again"]
    first = again(0, (0, (0,)), "val_l1", "loss", 1)
    same = again(0, first[1], "val_l1", "loss", 1)
    assert all(part == gr.skip() for part in same[1:]) and "64 of 256 images" in same[0]
    with (tmp_path / "curves.jsonl").open("a") as file:
        file.write('{"images": 96, "loss": 0.5, "new": 1}\n{"images": 12')
    Image.new("RGB", (40, 20), "red").save(tmp_path / "sheet_0000096.png")
    (tmp_path / "mixed_0000096.png").write_bytes(b"half of it")
    status, after, one, left, _, right, place, sheet = again(0, first[1], "val_l1", "loss", 1)
    assert "1 line of its curves" in status and right["data"][0]["x"][-1] == 96 and left["data"][0]["x"] == [32]
    assert ("new", "new") in one.choices and place.value == 1 and not place.visible
    assert "This contact sheet can't be read" in sheet and sheet.count("<img") == 1
    Image.new("RGB", (40, 20), "blue").save(tmp_path / "mixed_0000096.png")
    *_, after, sheet = (again(0, after, "val_l1", "loss", 1)[at] for at in (1, 7))
    assert sheet.count("<img") == 2 and "can't be read" not in sheet
    Image.new("RGB", (40, 20), "green").save(tmp_path / "people_0000096.png")
    assert again(0, after, "val_l1", "loss", 1)[7].count("<img") == 3


@pytest.mark.parametrize("bad", [None, ["loss"], {}, 3, -1, True, float("nan"), "../..", "x" * 9999])
def test_what_a_stranger_may_send_is_a_sentence_or_nothing(model, tmp_path, bad):
    write_run(tmp_path)
    page = page_of(model, [RunFolder(tmp_path)])
    with pytest.raises(gr.Error, match="no run of this page"):
        page["again"](bad, (), "loss", "loss", 1)
    answer = page["again"](0, (0, (0,)), bad, bad, bad)
    assert answer[2].value == "val_l1" and answer[6].value == 1


def test_the_slider_stays_with_the_newest_sheet_or_with_the_one_that_was_chosen():
    look = Look(True, 9, 9, "images", "training", 1.0, {}, [(n, []) for n in range(5)])
    assert dial(look, 3, 3)["value"] == 5 and dial(look, 2, 3)["value"] == 2 and dial(look, None, None)["value"] == 5
    assert dial(look, 9, 12)["value"] == 5


def test_newer_weights_are_offered(model, tmp_path):
    assert model.folder is not None and model.written == written(model.folder) > 0
    write_run(tmp_path)
    tiny_pipeline().save_pretrained(tmp_path / "pipeline")
    run, folder = RunFolder(tmp_path, "./with/run/"), tmp_path / "pipeline"
    own = replace(model, checkpoint=str(tmp_path), written=written(folder))
    assert '<a class="model" href="./with/run/">See this run' in said(model, run, run.look())
    assert "the newest there are" in said(own, run, run.look())
    tiny_pipeline(3).save_pretrained(folder)
    assert 'href="./with/run/?load=newest"' in said(own, run, run.look())


def test_a_checkpoint_without_curves_has_no_tab(model, tmp_path):
    with gr.Blocks():
        for checkpoint in (str(tmp_path), "someone/on-the-hub"):
            assert not training.is_shown(open_session(replace(model, checkpoint=checkpoint)))
