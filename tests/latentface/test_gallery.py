"""The gallery on a folder of 30 vectors whose neighbours are known."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from latentface.checkpoints import CheckpointError
from latentface.gallery import MAPS, NEIGHBOURS, Gallery, map_features
from latentface.sprites import write_sprites
from tests.helpers import random_codes, tiny_pipeline

PEOPLE, FRAMES, LENGTH = 10, 3, 6


@pytest.fixture
def folder(tmp_path):
    codes = random_codes(PEOPLE * FRAMES, length=LENGTH)
    generator = torch.Generator().manual_seed(0)
    people = torch.randn(PEOPLE, 1, 2 * LENGTH, generator=generator) * 5
    whole = (people + 0.1 * torch.randn(PEOPLE, FRAMES, 2 * LENGTH, generator=generator)).flatten(0, 1)
    mean, std = torch.randn(2 * LENGTH, generator=generator), torch.rand(2 * LENGTH, generator=generator) + 0.5
    tensors = {"view": codes.view, "light": codes.light, "mean": mean, "std": std}
    tensors["shape"], tensors["texture"] = (part.contiguous() for part in (whole * std + mean).chunk(2, 1))
    tensors["expression_axes"] = torch.linalg.qr(torch.randn(2 * LENGTH, 3, generator=generator)).Q.T.contiguous()
    tensors["expression_amounts"] = torch.randn(PEOPLE * FRAMES, 3, generator=generator)
    for name in MAPS:
        tensors[f"map_{name}"] = torch.rand(PEOPLE * FRAMES, 2, generator=generator)
    save_file({k: v.half() for k, v in tensors.items()}, tmp_path / "gallery.safetensors")
    rows = [(p, f) for p in range(PEOPLE) for f in range(FRAMES)]
    faces = {"person": [p for p, _ in rows], "frame": [f for _, f in rows], "smile": [0.1] * len(rows)}
    pictures = [np.full((8, 8, 3), 8 * i, np.uint8) for i in range(len(rows))]
    sheet = write_sprites(pictures, 8, tmp_path, "picture", 100)
    about = {"record": {"commit": "abc"}, "factors": ["person", "smile"], "faces": faces}
    about |= {"sheets": {"picture": sheet.record()}, "singles": {4: "1_1.webp"}}
    (tmp_path / "gallery.json").write_text(json.dumps(about))
    return tmp_path


@pytest.fixture
def vectors(folder):
    from safetensors.torch import load_file

    stored = {k: v.double() for k, v in load_file(folder / "gallery.safetensors").items()}
    codes = torch.cat([stored["shape"], stored["texture"]], 1)
    whole, expression = (
        (codes - stored["mean"]) / stored["std"],
        stored["expression_amounts"] @ stored["expression_axes"],
    )
    shape, texture = whole.chunk(2, 1)
    found = {
        "whole": whole,
        "identity": whole - expression,
        "expression": expression,
        "shape": shape,
        "texture": texture,
    }
    return {name: (found[name].numpy(), stored[f"map_{name}"].numpy()) for name in MAPS}


def test_what_the_gallery_tells(folder):
    gallery = Gallery(folder)
    assert gallery.record == {"commit": "abc"} and gallery.factors == ["person", "smile"]
    assert gallery.codes.shape.shape == (30, LENGTH) and gallery.codes.view.shape == (30, 6)
    assert gallery.picture(4) == folder / "1_1.webp" and set(gallery.coordinates) == set(MAPS)
    assert all(c.shape == (30, 2) and c.dtype == torch.float32 for c in gallery.coordinates.values())
    assert Gallery(str(folder)).faces == gallery.faces


@pytest.mark.parametrize("name", MAPS)
def test_a_gallery_face_falls_on_its_own_place(folder, vectors, name):
    gallery = Gallery(folder)
    features, coordinates = vectors[name]
    for index in (0, 7, 29):
        place = gallery.place(name, torch.from_numpy(features[index].copy()))
        assert place.neighbours[0] == index and not place.far
        assert (place.x, place.y) == pytest.approx(tuple(coordinates[index]), abs=1e-4)


@pytest.mark.parametrize("name", MAPS)
def test_place_against_a_naive_search(folder, vectors, name):
    gallery = Gallery(folder)
    features, coordinates = vectors[name]
    rng = np.random.default_rng(0)
    for _ in range(10):
        query = features[rng.integers(30)] + rng.normal(0, 1.5, features.shape[1])
        distances = sorted((float(np.sqrt(((query - row) ** 2).sum())), index) for index, row in enumerate(features))
        nearest = distances[:NEIGHBOURS]
        total = sum(1 / d for d, _ in nearest)
        x, y = (sum(coordinates[i][axis] / d for d, i in nearest) / total for axis in (0, 1))
        place = gallery.place(name, torch.from_numpy(query))
        assert place.neighbours == [i for _, i in nearest]
        assert (place.x, place.y) == pytest.approx((x, y), abs=1e-3)


@pytest.mark.parametrize("name", MAPS)
def test_reach_against_a_naive_loop(folder, vectors, name):
    features, _ = vectors[name]
    others = [
        min(np.linalg.norm(a - b) for j, b in enumerate(features) if j // FRAMES != i // FRAMES)
        for i, a in enumerate(features)
    ]
    gallery = Gallery(folder)
    assert gallery.reach(name) == pytest.approx(np.quantile(others, 0.95), rel=1e-3)
    assert gallery.reach(name) == gallery.reach(name)


def test_a_vector_from_elsewhere_is_far(folder, vectors):
    gallery = Gallery(folder)
    features, _ = vectors["shape"]
    reach, direction = gallery.reach("shape"), np.ones(LENGTH) / np.sqrt(LENGTH)
    lonely = features[np.argmax(features @ direction)]
    for factor, far in ((0.5, False), (1.5, True), (100, True)):
        assert gallery.place("shape", torch.from_numpy(lonely + factor * reach * direction)).far is far


def test_a_crop_is_cut_from_its_sheet(folder):
    gallery = Gallery(folder)
    for index in (0, 7, 17, 29):
        assert np.abs(gallery.crop(index).astype(int) - 8 * index).max() <= 4
        assert gallery.crop(index, 5).shape == (5, 5, 3)


def test_few_faces_are_enough(tmp_path, folder, vectors):
    from safetensors.torch import load_file

    kept = ("mean", "std", "expression_axes")
    stored = {k: v if k in kept else v[:4].clone() for k, v in load_file(folder / "gallery.safetensors").items()}
    about = json.loads((folder / "gallery.json").read_text())
    (tmp_path / "few").mkdir()
    save_file(stored, tmp_path / "few" / "gallery.safetensors")
    faces = {name: column[:4] for name, column in about["faces"].items()}
    (tmp_path / "few" / "gallery.json").write_text(json.dumps({**about, "faces": faces}))
    place = Gallery(tmp_path / "few").place("shape", torch.from_numpy(vectors["shape"][0][2]))
    assert sorted(place.neighbours) == [0, 1, 2, 3] and place.neighbours[0] == 2


def test_missing_folder(tmp_path):
    with pytest.raises(CheckpointError, match=r"nothing is no gallery; make one with `python -m train gallery`"):
        Gallery(tmp_path / "nothing")


def test_features_against_the_parts():
    pipeline, codes = tiny_pipeline(), random_codes(4)
    parts = pipeline.split(codes)
    found = map_features(pipeline, codes, parts)
    assert set(found) == set(MAPS)
    (mean, texture_mean), (std, texture_std) = (
        value.chunk(2) for value in (pipeline.denoiser.mean, pipeline.denoiser.std)
    )
    for row in range(4):
        own = (codes.shape[row] - mean) / std
        torch.testing.assert_close(found["shape"][row], own)
        torch.testing.assert_close(found["texture"][row], (codes.texture[row] - texture_mean) / texture_std)
        identity, expression = found["identity"][row], found["expression"][row]
        assert identity.shape == expression.shape == (32,)
        torch.testing.assert_close(identity[:16] + expression[:16], own, atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(identity[16:] + expression[16:], found["texture"][row], atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(expression[:16] * std, parts.shape.expression[row], atol=1e-5, rtol=1e-5)
