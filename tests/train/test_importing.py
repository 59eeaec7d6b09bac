"""`train import`: folders of images, folders a person, tars; what is dropped and why; aligned frames untouched."""

import io
import json
import tarfile

import pytest
from PIL import Image

from tests.helpers import ROOT
from train.importing import import_source
from train.shards import ShardsError, read_shards

GALLERY = ROOT / "assets" / "gallery"


def test_a_folder_of_folders_becomes_one_clip_a_person_and_names_what_it_drops(tmp_path):
    source, out = tmp_path / "people", tmp_path / "shards"
    for person, frames in (("ann.b", (0, 1)), ("bob", (0,))):
        (source / person).mkdir(parents=True)
        for frame in frames:
            number = 13 if person == "bob" else 4
            Image.open(GALLERY / f"{number:05d}_{frame}.webp").resize((320, 320)).save(source / person / f"{frame}.jpg")
    (source / "bob" / "broken.jpg").write_text("no photo")
    Image.new("RGB", (200, 200), "grey").save(source / "bob" / "grey.png")
    manifest = import_source(source, out)
    assert (manifest["clips"], manifest["frames"], manifest["persons"], manifest["dropped"]) == (2, 3, 2, 2)
    dropped = json.loads((out / "dropped.json").read_text())
    assert [row["file"] for row in dropped] == ["bob/broken.jpg", "bob/grey.png"] and all(row["reason"] for row in dropped)
    clips = read_shards(out, 32)
    assert clips.person.tolist() == [0, 0, 1] and [f["frame"] for f in clips.factors] == [0, 1, 0]


def test_an_aligned_tar_is_passed_through_untouched_with_its_factors(tmp_path):
    names = ("00000_0.webp", "00000_1.webp", "00001_0.webp")
    with tarfile.open(tmp_path / "faces.tar", "w") as tar:
        for name in names:
            tar.add(GALLERY / name, f"{name[:5]}/{name[6:]}")
        note = b"not an image"
        info = tarfile.TarInfo("readme.txt")
        info.size = len(note)
        tar.addfile(info, io.BytesIO(note))
    (tmp_path / "faces.jsonl").write_text(json.dumps({"file": "00000/1.webp", "pose": [1, 2, 3]}) + "\n")
    import_source(tmp_path / "faces.tar", tmp_path / "shards", aligned=True)
    clips = read_shards(tmp_path / "shards", 64)
    assert [f.get("pose") for f in clips.factors] == [None, [1, 2, 3], None]
    with tarfile.open(next((tmp_path / "shards").glob("*.tar"))) as tar:
        stored = [tar.extractfile(m).read() for m in sorted(tar, key=lambda m: m.name) if m.name.endswith(".webp")]
    assert stored == [(GALLERY / name).read_bytes() for name in names]


def test_what_can_not_be_imported_is_said(tmp_path):
    (tmp_path / "text").write_text("no tar")
    (tmp_path / "empty").mkdir()
    for source, words in (("none", "does not exist"), ("text", "neither a folder nor a tar"), ("empty", "no images")):
        with pytest.raises(ShardsError, match=words):
            import_source(tmp_path / source, tmp_path / f"out-{source}")
