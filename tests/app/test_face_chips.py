"""The chips: what they show of the visitor's faces, and what a request may ask of them."""

import gradio as gr
import pytest

from app.components.face_chips import ACTIONS, chosen, row
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
