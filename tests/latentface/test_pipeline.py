"""The pipeline: arithmetic of codes, photos in, checkpoints out and in again."""

import itertools
import json
from dataclasses import astuple, replace

import numpy as np
import pytest
import torch
from PIL import Image

from latentface.alignment import NoFaceError
from latentface.checkpoints import CheckpointError, load_pipeline
from latentface.photo import PhotoError
from latentface.pipeline import LatentFacePipeline, Whose
from latentface.rdm import split
from tests.helpers import photo, photo_of, random_codes, smooth, tiny_pipeline

FIELDS = ("shape", "texture", "view", "light")
WEIGHTS = "diffusion_pytorch_model.safetensors"


@pytest.fixture(scope="module")
def pipeline() -> LatentFacePipeline:
    return tiny_pipeline()


def assert_same(codes, others, **tolerance):
    for name in FIELDS:
        torch.testing.assert_close(getattr(codes, name), getattr(others, name), **tolerance)


def test_strength_0_is_the_neutral_face(pipeline):
    a, b = random_codes(2, 1), random_codes(2, 2)
    assert_same(pipeline.swap(a, b, strength=0.0), pipeline.neutral(a))
    assert not torch.allclose(pipeline.neutral(a).shape, a.shape, atol=1e-2)


def test_own_expression_at_strength_1_gives_the_face_back(pipeline):
    codes = random_codes(3)
    assert_same(pipeline.swap(codes, codes), codes, atol=1e-5, rtol=1e-5)


def test_swap_is_identity_plus_strength_times_expression(pipeline):
    a, b = random_codes(2, 1), random_codes(2, 2)
    parts_a, parts_b = pipeline.split(a, seed=3), pipeline.split(b, seed=3)
    for strength in (0.5, 1.0, 1.7):
        found = pipeline.swap(a, b, strength, seed=3)
        torch.testing.assert_close(found.shape, parts_a.shape.identity + strength * parts_b.shape.expression)
        torch.testing.assert_close(found.texture, parts_a.texture.identity + strength * parts_b.texture.expression)
        assert torch.equal(found.view, a.view) and torch.equal(found.light, a.light)
    assert not torch.equal(parts_a.shape.identity, parts_a.texture.identity)


@pytest.mark.parametrize(
    "whose", [Whose(*sides) for sides in itertools.product("ab", repeat=4)], ids=lambda w: "".join(astuple(w))
)
def test_every_part_of_a_swap_comes_from_the_side_that_is_chosen(pipeline, whose):
    a, b = random_codes(1, 1), random_codes(1, 2)
    parts = {"a": pipeline.split(a, seed=4), "b": pipeline.split(b, seed=4)}
    found = pipeline.swap(a, b, 1.5, seed=4, whose=whose)
    for kind in ("shape", "texture"):
        identity = getattr(parts[getattr(whose, f"{kind}_identity")], kind).identity
        expression = getattr(parts[getattr(whose, f"{kind}_expression")], kind).expression
        torch.testing.assert_close(getattr(found, kind), identity + 1.5 * expression)
    assert torch.equal(found.view, a.view) and torch.equal(found.light, a.light)


def test_both_codes_are_split_together(pipeline):
    """Each comes out in its place, and what one says has a say in the other."""
    codes = random_codes(2)
    parts = pipeline.split(codes, steps=3, samples=2, seed=1)
    whole = split(pipeline.denoiser, pipeline.scheduler, torch.cat([codes.shape, codes.texture], 1), 3, 2, 1)
    for name, place in (("shape", slice(0, 16)), ("texture", slice(16, 32))):
        part = getattr(parts, name)
        assert torch.equal(part.identity, whole.identity[:, place]) and torch.equal(
            part.expression, whole.expression[:, place]
        )
        assert len(part.steps) == 3 and all(
            torch.equal(a, b[:, place]) for a, b in zip(part.steps, whole.steps, strict=True)
        )
    assert torch.equal(parts.identity, whole.identity) and torch.equal(parts.expression, whole.expression)
    other = pipeline.split(replace(codes, texture=codes.texture + 1), steps=3, samples=2, seed=1)
    assert (other.shape.identity - parts.shape.identity).abs().max() > 1e-2


def test_photo_to_codes(pipeline, tmp_path):
    path = photo(tmp_path / "photo.png")
    face = pipeline.read(path)
    assert face.crop.shape == (1, 3, 16, 16) and -1 <= face.crop.min() < face.crop.max() <= 1
    np.testing.assert_array_equal(face.alignment.image, ((face.crop[0].permute(1, 2, 0) + 1) * 127.5).round().byte())
    np.testing.assert_array_equal(face.alignment.level, ((face.level[0].permute(1, 2, 0) + 1) * 127.5).round().byte())
    assert_same(face.codes, pipeline.encode(face.level).rolled(face.alignment.tilt))
    for source in (str(path), path.read_bytes(), np.array(Image.open(path))):
        assert torch.equal(pipeline.read(source).crop, face.crop)
    scene = pipeline(path)
    torch.testing.assert_close(scene.depth, pipeline.decode(face.codes).depth)
    assert not scene.depth.requires_grad and not face.codes.shape.requires_grad


def test_the_box_is_in_the_photos_own_pixels(pipeline, tmp_path):
    small, large = photo(tmp_path / "small.png"), tmp_path / "large.png"
    Image.open(small).resize((4000, 3000)).save(large)
    small_box, large_box = (np.array(pipeline.read(path).report()["box"]) for path in (small, large))
    np.testing.assert_allclose(large_box, 10 * small_box, atol=100)


def test_call_with_an_expression_swaps(pipeline, tmp_path):
    one, two = photo(tmp_path / "1.png"), photo(tmp_path / "2.png", left=40, size=(260, 300))
    a, b = pipeline.read(one).codes, pipeline.read(two).codes
    scene = pipeline(one, strength=0.5, expression=two, seed=2)
    torch.testing.assert_close(scene.albedo, pipeline.decode(pipeline.swap(a, b, 0.5, 2)).albedo)


def test_photo_errors_pass_through(pipeline, tmp_path):
    with pytest.raises(PhotoError):
        pipeline.read(tmp_path / "missing.png")
    with pytest.raises(NoFaceError):
        pipeline.read(np.full((200, 200, 3), 128, np.uint8))
    with pytest.raises(NoFaceError, match="no face number 3"):
        pipeline.read(photo(tmp_path / "photo.png"), face=3)


@pytest.fixture
def saved(pipeline, tmp_path):
    pipeline.save_pretrained(tmp_path / "saved")
    return tmp_path / "saved"


def outputs(pipeline):
    image = smooth((2, 3, 16, 16), 4)
    codes = pipeline.encode(image)
    scene, parts = pipeline.decode(codes), pipeline.split(codes)
    return [codes.shape, codes.texture, codes.view / 60, codes.light, scene.depth * 10, scene.albedo,
            parts.shape.identity, parts.texture.expression]  # fmt: skip


def test_saved_and_loaded_gives_the_same(pipeline, saved):
    loaded = load_pipeline(saved)
    assert loaded.size == 16 and not loaded.autoencoder.training
    for one, two in zip(outputs(pipeline), outputs(loaded), strict=True):
        assert torch.equal(one, two)


def test_half_precision_on_disk_is_float_when_loaded(pipeline, tmp_path):
    half = tiny_pipeline().to(torch.float16)
    half.save_pretrained(tmp_path)
    assert load_pipeline(tmp_path).autoencoder.dtype == torch.float32
    for one, two in zip(outputs(pipeline), outputs(load_pipeline(tmp_path)), strict=True):
        assert two.dtype == torch.float32
        torch.testing.assert_close(one, two, atol=2e-2, rtol=1e-2)
        assert not torch.equal(one, two)  # the file does hold halves


def test_pickled_weights_are_refused(saved):
    """A pickle may run code when it is opened; safetensors cannot."""
    weights = saved / "denoiser" / WEIGHTS
    state = load_pipeline(saved).denoiser.state_dict()
    torch.save(state, saved / "denoiser" / "diffusion_pytorch_model.bin")
    load_pipeline(saved)  # a pickle beside the safetensors is left alone
    weights.unlink()
    with pytest.raises(CheckpointError):
        load_pipeline(saved)


def test_hidden_code_in_a_pickle_never_runs(saved, tmp_path):
    class Evil:
        def __reduce__(self):
            return (type(tmp_path).touch, (tmp_path / "ran",))

    for part in ("autoencoder", "denoiser"):
        (saved / part / WEIGHTS).unlink()
        torch.save({"mean": Evil()}, saved / part / "diffusion_pytorch_model.bin")
    with pytest.raises(CheckpointError):
        load_pipeline(saved)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("name", ["./no/such/folder", "nobody/has-this-one", ""])
def test_missing_checkpoint_says_what_to_give(name):
    with pytest.raises(CheckpointError) as caught:
        load_pipeline(name)
    text = str(caught.value)
    assert text.startswith(f"no checkpoint {name!r}: give a bundled name (") and "\n" not in text
    assert "model_index.json" in text and "Hub" in text


def test_broken_checkpoints(saved, tmp_path):
    (saved / "autoencoder" / WEIGHTS).write_bytes(b"not safetensors")
    with pytest.raises(CheckpointError, match="does not load"):
        load_pipeline(saved)
    (tmp_path / "empty").mkdir()
    with pytest.raises(CheckpointError):
        load_pipeline(tmp_path / "empty")
    index = json.loads((saved / "model_index.json").read_text())
    index["autoencoder"] = ["nowhere", "Nothing"]
    (saved / "model_index.json").write_text(json.dumps(index))
    with pytest.raises(CheckpointError):
        load_pipeline(saved)


def test_a_turned_photo_is_said_and_its_roll_left_out(pipeline):
    image = photo_of((120, 70, 160))
    straight, upside = pipeline.read(image), pipeline.read(np.ascontiguousarray(image[::-1, ::-1]))
    assert straight.notes() == [] and straight.report()["turned"] == 0
    assert upside.notes() == ["The photo stands on its head: it was turned upright."]
    report = upside.report()
    assert report["turned"] == 180 and report["notes"] == upside.notes() and abs(report["pose"]["roll"]) < 60
    left, top, right, bottom = straight.report()["box"]  # of the photo as given
    np.testing.assert_allclose(report["box"], [400 - right, 300 - bottom, 400 - left, 300 - top], atol=8)


def test_notes_name_what_to_beware_of(pipeline):
    small = pipeline.read(photo_of((10, 10, 48), size=(70, 70)))
    assert any("pixels wide" in note for note in small.notes())
    group = pipeline.read(photo_of((10, 90, 120), (190, 60, 200)), face=1)
    assert group.count == 2 and any("2 faces are in this photo; this is number 2" in note for note in group.notes())
    made = replace(small, alignment=None)
    assert made.notes() == [] and made.count == 1 and made.report()["box"] is None
