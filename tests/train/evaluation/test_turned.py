"""The suite of turned photos, on photos of the imagined face in London's layout."""

import csv
import tarfile

import numpy as np
import pytest
from PIL import Image

from tests.helpers import photo_of
from train.evaluation.turned import ANGLES, run, turn


@pytest.fixture
def london(tmp_path):
    Image.fromarray(photo_of((120, 70, 160))).save(tmp_path / "1.png")
    with tarfile.open(tmp_path / "set.tar", "w") as tar, open(tmp_path / "set.csv", "w", newline="") as file:
        csv.writer(file).writerows([["file", "person", "expression"], ["1.png", "1", "neutral"]])
        tar.add(tmp_path / "1.png", "1.png")
    return tmp_path / "set.tar"


def test_a_photo_is_turned_clockwise():
    photo = np.zeros((40, 40, 3), np.uint8)
    photo[:5, :5] = 255  # the left upper corner
    assert turn(photo, 90)[:5, -5:].min() == 255 and turn(photo, 180)[-5:, -5:].min() == 255


@pytest.mark.slow
def test_the_same_face_is_found_at_every_angle(london, tmp_path):
    results = run(["explorer"], [("london", london)], tmp_path / "results.json")
    assert results["photos"] == 1 and results["similarity_0"] == pytest.approx(1)
    assert all(results[f"found_{angle}"] == results[f"right_{angle}"] == 1 for angle in ANGLES)
    assert all(results[f"similarity_{angle}"] > 0.8 for angle in ANGLES)


@pytest.mark.parametrize("checkpoints, kinds", [(["a", "b"], ["london"]), (["a"], ["lfw"]), (["a"], [])])
def test_anything_but_one_checkpoint_and_london_is_refused(checkpoints, kinds, tmp_path):
    with pytest.raises(ValueError, match="london:TAR"):
        run(checkpoints, [(kind, tmp_path) for kind in kinds], tmp_path / "results.json")
