"""The commands that make the app's gallery and the README's pictures and tables, with real classes at tiny size."""

import json
import shutil

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from latentface.gallery import MAPS, Gallery
from latentface.pcl_maps import PCL_MAPS
from tests.helpers import tiny_pipeline
from train.__main__ import main
from train.release import report

FACES = 14


@pytest.fixture(scope="module")
def assets(tmp_path_factory):
    """An assets folder with a gallery of two people, mapped by the command from photos, and pages with marks."""
    root = tmp_path_factory.mktemp("checkout")
    folder = root / "assets" / "gallery"
    folder.mkdir(parents=True)
    bundled = Gallery()
    for row in sorted(bundled.singles)[:FACES]:
        person = root / "photos" / str(bundled.faces[row]["person"])
        person.mkdir(parents=True, exist_ok=True)
        shutil.copy(bundled.picture(row), person)
    tiny_pipeline(size=32).save_pretrained(root / "tiny")
    words = ["--checkpoint", str(root / "tiny"), "--photos", str(root / "photos"), "--out", str(folder)]
    assert main(["gallery", *words]) == 0
    (root / "docs").mkdir()
    (root / "docs" / "results.md").write_text("# R\n<!-- explorer -->\nold\n<!-- end of explorer -->\n")
    card = root / "assets" / "mine"
    card.mkdir()
    (card / "README.md").write_text("# card\n<!-- results -->\nold\n<!-- end of results -->\n")
    about = {"command": "python -m train evaluate", "commit": "abc", "seed": 0, "hardware": "2 CPU cores"}
    (card / "depth_test.json").write_text(json.dumps({"side": 0.0123, **about}))
    return root / "assets"


@pytest.mark.slow
def test_the_gallery_command_encodes_maps_and_draws_photos(assets):
    made, pipeline = Gallery(assets / "gallery"), tiny_pipeline(size=32)
    count = len(made.faces)
    assert count >= 12 and len({face["person"] for face in made.faces}) >= 2
    codes = pipeline.encode(pipeline.tensor(made.crop(0, 32)))
    assert float((made.codes.shape[:1] - codes.shape).abs().mean()) < 0.05 and len(made.codes.shape) == count
    assert made.checkpoint.endswith("tiny") and set(made.sheets) == {"picture", "thumb", "rebuilt", "neutral"}
    assert set(made.spaces) == set(made.names) and made.further["config"]["pcl"] == "pcl"
    for name in made.names:
        assert made.spaces[name].shape == (count, 3) and made.trusted[name]["umap3"] is None  # too few to say
        places = made.coordinates[name]
        assert places.shape == (count, 2) and float(places.min()) == 0 and float(places.max()) == 1


@pytest.mark.slow
@pytest.mark.parametrize("count", [1, 2, 3])
def test_few_photos_give_a_map_without_umap(assets, tmp_path, count):
    """The codes of so few faces, as `embed` writes them."""
    made = Gallery(assets / "gallery")
    codes = {k: v.contiguous() for k, v in vars(made.codes[:count]).items()}
    save_file(codes, tmp_path / "codes.safetensors", {"files": json.dumps([f"p/{i}.jpg" for i in range(count)])})
    words = ["--checkpoint", made.checkpoint, "--codes", str(tmp_path / "codes.safetensors")]
    assert main(["gallery", *words, "--out", str(tmp_path / "few")]) == 0
    few = Gallery(tmp_path / "few")
    assert all(torch.isfinite(few.coordinates[name]).all() for name in MAPS) and len(few.faces) == count
    assert set(few.names) == {*MAPS, *PCL_MAPS} and all(torch.isfinite(few.spaces[name]).all() for name in few.names)
    assert torch.allclose(few.codes.shape, made.codes.shape[:count], atol=1e-3)


def test_a_file_without_codes_is_refused_in_one_line(tmp_path, capsys):
    tiny_pipeline().save_pretrained(tmp_path / "tiny")
    save_file({"other": torch.zeros(1)}, tmp_path / "codes.safetensors")
    words = ["--checkpoint", str(tmp_path / "tiny"), "--codes", str(tmp_path / "codes.safetensors")]
    assert main(["gallery", *words, "--out", str(tmp_path / "none")]) == 2
    assert "holds no codes" in capsys.readouterr().err and not (tmp_path / "none").exists()


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
