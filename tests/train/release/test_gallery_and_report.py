"""The commands that make the app's gallery and the README's pictures and tables, with real classes at tiny size."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from latentface.gallery import MAPS, Gallery
from tests.helpers import ROOT, tiny_pipeline
from train.__main__ import main
from train.release import gallery, report

PEOPLE, FRAMES = (0, 2, 4, 13), (0, 1, 3, 5)


@pytest.fixture(scope="module")
def assets(tmp_path_factory):
    """An assets folder with a gallery of four people, mapped by the command, and pages with marks."""
    root = tmp_path_factory.mktemp("checkout")
    folder = root / "assets" / "gallery"
    folder.mkdir(parents=True)
    faces = json.loads((ROOT / "assets" / "gallery" / "faces.json").read_text())
    faces = [face for face in faces if face["person"] in PEOPLE and face["frame"] in FRAMES]
    for face in faces:
        shutil.copy(ROOT / "assets" / "gallery" / face["file"], folder)
    (folder / "faces.json").write_text(json.dumps(faces))
    tiny_pipeline(size=32).save_pretrained(root / "tiny")
    assert main(["gallery", "--checkpoint", str(root / "tiny"), "--out", str(folder)]) == 0
    (root / "docs").mkdir()
    (root / "docs" / "results.md").write_text("# R\n<!-- explorer -->\nold\n<!-- end of explorer -->\n")
    card = root / "assets" / "mine"
    card.mkdir()
    (card / "README.md").write_text("# card\n<!-- results -->\nold\n<!-- end of results -->\n")
    about = {"command": "python -m train evaluate", "commit": "abc", "seed": 0, "hardware": "2 CPU cores"}
    (card / "depth_test.json").write_text(json.dumps({"side": 0.0123, **about}))
    return root / "assets"


@pytest.mark.slow
def test_the_gallery_command_encodes_and_maps_the_pictures(assets):
    made = Gallery(assets / "gallery")
    count = len(made.faces)
    assert count >= 12 and {face["person"] for face in made.faces} <= set(PEOPLE)
    crop = (
        Image.open(made.picture(0)).convert("RGB").crop((16, 16, 144, 144)).resize((32, 32), Image.Resampling.LANCZOS)
    )
    pipeline = tiny_pipeline(size=32)
    codes = pipeline.encode(pipeline.tensor(np.asarray(crop)))
    assert np.allclose(made.codes.shape[:1], codes.shape, atol=2e-3) and len(made.codes.shape) == count
    about = json.loads((assets / "gallery" / "gallery.json").read_text())
    assert about["record"]["config"]["checkpoint"].endswith("tiny") and about["factors"][0] == "person"
    for name in MAPS:
        places = made.coordinates[name]
        assert places.shape == (count, 2) and float(places.min()) == 0 and float(places.max()) == 1


@pytest.mark.slow
def test_the_report_command_fills_tables_and_draws_by_the_gallerys_checkpoint(assets, tmp_path, monkeypatch):
    monkeypatch.setattr(report, "ASSETS", assets)
    report.report(tmp_path / "pictures", people=3)
    faces, swaps = (Image.open(tmp_path / "pictures" / f"{name}.webp") for name in ("faces", "swaps"))
    assert faces.size[0] % 128 == 0 and faces.size[1] == 3 * 128 + 22
    assert swaps.size == (5 * 128, 4 * 128 + 22)
    for picture in (faces, swaps):
        assert np.asarray(picture.convert("L")).std() > 20
    assert "old" not in (assets.parent / "docs" / "results.md").read_text()
    assert "| SIDE | 0.0123 |" in (assets / "mine" / "README.md").read_text()


def test_people_of_the_gallery_are_drawn_with_their_factors(tmp_path, monkeypatch):
    """The engine's loop around real pictures: one clip of two frames."""
    image = np.asarray(Image.open(ROOT / "assets" / "gallery" / "00013_0.webp").convert("RGB"))
    clip = [(image, {"person": "000007", "frame": frame, "edit": {"smile": 1.0}}) for frame in (0, 2)]
    monkeypatch.setattr("train.data.imagined.drawing.clips", lambda *_: iter([clip]))
    gallery.draw(1, 2, 0, tmp_path)
    faces = json.loads((tmp_path / "faces.json").read_text())
    assert [face["file"] for face in faces] == ["00007_0.webp", "00007_2.webp"] and faces[0]["person"] == 7
    assert Image.open(tmp_path / "00007_2.webp").size == (160, 160)
