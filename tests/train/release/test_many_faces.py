"""A gallery of more faces than UMAP lays out: embedded in parts, placed by neighbours, some of them shown."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from latentface import gallery as gallery_module
from latentface.gallery import MAPS, Gallery, map_features
from tests.helpers import drawn_clips, tiny_pipeline
from train.__main__ import main
from train.data.executor import Executor
from train.data.reading import read_shards
from train.data.shards import write_shards
from train.release import layouts
from train.release.embedding import embed_shards
from train.release.layouts import Neighbourhood, trust
from train.release.many_faces import evenly

PEOPLE, FRAMES = 30, 2


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """Shards, a checkpoint, their codes in two parts, and a gallery that shows half of them."""
    root = tmp_path_factory.mktemp("many")
    write_shards(drawn_clips(PEOPLE, FRAMES, 160), root / "shards", {}, clips_a_shard=8)
    tiny_pipeline(size=32).save_pretrained(root / "tiny")
    for part in ((1, 2), (0, 2)):
        embed_shards(str(root / "tiny"), str(root / "shards"), root / "codes", Executor(part=part))
    words = ["--checkpoint", str(root / "tiny"), "--codes", str(root / "codes"), "--pictures", str(root / "shards")]
    words += ["--out", str(root / "gallery"), "--sample", "10", "--shown", "30"]  # so few need no UMAP
    assert main(["gallery", *words]) == 0
    return root


def test_codes_are_those_of_the_shards_frames(made):
    parts = [load_file(file) for file in sorted((made / "codes").glob("*.safetensors"))]
    assert [len(part["view"]) for part in parts] == [16, 16, 16, 12]
    pipeline, clips = tiny_pipeline(size=32), read_shards(made / "shards", 32)
    with torch.no_grad():
        codes = pipeline.encode(clips.centre(torch.arange(60), 32))
        expression = map_features(pipeline, codes, pipeline.split(codes))["expression"]
    torch.testing.assert_close(torch.cat([part["shape"] for part in parts]).float(), codes.shape, atol=5e-3, rtol=5e-3)
    found = torch.cat([part["expression"] for part in parts]).float() / pipeline.denoiser.std
    assert torch.corrcoef(torch.stack([found.flatten(), expression.flatten()]))[0, 1] > 0.9  # other noise in batches


def test_all_are_placed_and_the_shown_are_where_all_are(made):
    gallery, places = Gallery(made / "gallery"), load_file(made / "gallery" / "places.safetensors")
    rows = evenly(60, 30)
    assert len(gallery.faces) == 30 and set(places) == {f"map_{name}" for name in MAPS}
    people = [row // FRAMES for row in rows.tolist()]
    assert [face["person"] for face in gallery.faces] == [sorted(set(people)).index(person) for person in people]
    for name in MAPS:
        placed = places[f"map_{name}"].float()
        assert placed.shape == (60, 2) and placed.min() >= 0 and placed.max() <= 1
        torch.testing.assert_close(gallery.coordinates[name], placed[rows], atol=1e-3, rtol=0)
    clips = read_shards(made / "shards", 128)
    for row in (0, 17, 29):
        expected = clips.centre(torch.from_numpy(rows[[row]]), 128)[0].permute(1, 2, 0).numpy() * 127.5 + 127.5
        assert np.abs(gallery.crop(row) - expected).mean() < 8
    assert gallery.record["data"]["frames"] == 60 and not gallery.singles


def test_a_gallery_of_many_reaches_about_as_far(made, monkeypatch):
    exact = Gallery(made / "gallery")
    monkeypatch.setattr(gallery_module, "MANY", 10)
    monkeypatch.setattr(gallery_module, "REACHED", 200)
    many = Gallery(made / "gallery")
    assert many.features["whole"].dtype == np.float32
    for name in MAPS:
        assert many.reach(name) == pytest.approx(exact.reach(name), rel=0.05)
        assert many.place(name, torch.from_numpy(many.features[name][3])).neighbours[0] == 3


@pytest.mark.parametrize("exact", [True, False])
def test_others_are_placed_beside_their_kind(monkeypatch, exact):
    """Five clusters, laid out by hand: those that were left out fall into their own."""
    monkeypatch.setattr(layouts, "EXACT", 5_000 if exact else 100)
    rng = np.random.default_rng(0)
    kind = rng.integers(0, 5, 1000)
    rows = (10 * np.eye(5, 16)[kind] + rng.normal(0, 1, (1000, 16))).astype(np.float32)
    points = np.stack([np.cos(kind), np.sin(kind)], 1) + rng.normal(0, 0.02, (1000, 2))
    placed = Neighbourhood(rows[:500], points[:500]).places(rows[500:])
    centres = np.stack([np.cos(np.arange(5)), np.sin(np.arange(5))], 1)
    nearest = np.linalg.norm(placed[:, None] - centres, axis=2).argmin(1)
    assert (nearest == kind[500:]).mean() > 0.99 and (trust(rows[500:], placed) or 0) > 0.8


def test_what_is_missing_is_said(made, tmp_path, capsys):
    tiny = str(made / "tiny")
    words = ["gallery", "--checkpoint", tiny, "--codes", str(made / "codes"), "--out", str(tmp_path / "out")]
    assert main(words) == 2 and "add --pictures SHARDS" in capsys.readouterr().err
    write_shards(drawn_clips(2, 1, 40), tmp_path / "other", {})
    assert main([*words, "--pictures", str(tmp_path / "other"), "--sample", "10"]) == 2
    assert "holds 2 frames, and codes are of 60: embed it again" in capsys.readouterr().err
    assert main(["embed", str(tmp_path / "other"), "--checkpoint", tiny, "--out", str(made / "codes")]) == 2
    assert "choose another --out" in capsys.readouterr().err
    (tmp_path / "codes").mkdir()
    (tmp_path / "codes" / "codes.json").write_text(json.dumps({"checkpoint": tiny, "files": 3}))
    assert main([*words[:4], str(tmp_path / "codes"), *words[5:], "--pictures", str(made / "shards")]) == 2
    assert "holds 0 of 3 files of codes" in capsys.readouterr().err
