"""Sprite sheets whose list was written by others: no file outside the folder is read, none that is far too large."""

import numpy as np
import pytest
from PIL import Image

from latentface.sprites import Sprites


@pytest.mark.parametrize("name", ["../x.webp", "{}/x.webp", "a/../../x.webp", "own/x.webp"])
def test_only_files_of_the_folder_are_read(tmp_path, name):
    (tmp_path / "own").mkdir()
    Image.new("RGB", (8, 8), "red").save(tmp_path / "x.webp", lossless=True)
    Image.new("RGB", (8, 8), "red").save(tmp_path / "own" / "x.webp", lossless=True)
    assert (Sprites(["x.webp"], 8, 1, 1).read(tmp_path / "own", 0) == np.array([255, 0, 0])).all()
    with pytest.raises(OSError, match="no name of a sheet"):
        Sprites([name.format(tmp_path)], 8, 1, 1).read(tmp_path / "own", 0)


def test_a_sheet_that_is_far_too_large_is_no_sheet(tmp_path, monkeypatch):
    Image.new("RGB", (64, 64)).save(tmp_path / "x.webp")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(OSError, match="x.webp is too large"):
        Sprites(["x.webp"], 8).read(tmp_path, 0)
