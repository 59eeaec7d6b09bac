"""The range suite on people of the gallery, of whom one has a wider range than the other."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from latentface.gallery import Gallery
from train.__main__ import main
from train.common.judges import Reader
from train.data.shards import MARGIN, encode_webp, write_shards
from train.evaluation.expression_range import LEAST, MEASURES, ranges, run, shard_people, shares

SIDE = 160


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    """Two people of LEAST frames: one shows different faces, and a smile in each; the other one face and no smile."""
    gallery, folder = Gallery(), tmp_path_factory.mktemp("shards")
    people = list(dict.fromkeys(gallery.faces[row]["person"] for row in sorted(gallery.singles)))[:2]
    clips = []
    for number, person in enumerate(people):
        rows = [i for i in sorted(gallery.singles) if gallery.faces[i]["person"] == person]
        rows = rows[:LEAST] if number == 0 else rows[:1] * LEAST
        edge = round(SIDE * (1 - 1 / MARGIN) / 2)
        frames = [np.pad(_square(gallery.picture(row)), ((edge,) * 2, (edge,) * 2, (0, 0)), "edge") for row in rows]
        smiles = [{"mouthSmileLeft": 1.0 - number, "jawOpen": 0.1 * i} for i in range(LEAST)]
        factors = [{"person": str(person), "frame": i, "expression": smiles[i]} for i in range(LEAST)]
        clips.append((f"{number:05d}", [encode_webp(frame) for frame in frames], factors))
    write_shards(clips, folder, {"source": "gallery"})
    return folder


def _square(photo: Path) -> np.ndarray:
    inner = round(SIDE / MARGIN)
    return np.asarray(Image.open(photo).convert("RGB").resize((inner, inner)))


def test_the_suite_tells_a_wide_range_from_none(shards, tmp_path):
    reader, (varied, still) = Reader(), list(shard_people(shards))
    wide, none = ranges([varied], reader), ranges([still], reader)
    assert wide["frames"] == none["frames"] == LEAST and wide["people"] == none["people"] == 1
    for name in MEASURES:
        assert none[f"{name}_within"] == pytest.approx(0, abs=1e-9)
        assert wide[f"{name}_within"] > 0.002
        assert wide[f"{name}_p1"] <= wide[f"{name}_p50"] <= wide[f"{name}_p99"]


def test_shares_are_those_of_the_frames_own_expressions(shards):
    found = shares(shards)
    assert found["smile_between_people"] == pytest.approx(1) and found["jaw_between_people"] <= 0


def test_the_command_takes_no_checkpoint_into_its_record(shards, tmp_path):
    out = tmp_path / "range.json"
    assert main(["evaluate", "--suite", "range", "--data", f"people:{shards}", "--out", str(out)]) == 0
    written = json.loads(out.read_text())
    assert written["config"] == {} and written[f"{shards.name}_people"] == 2
    assert 0 < written[f"{shards.name}_eye_opening_p50"] < 1


def test_the_suite_refuses_what_it_cannot_use(tmp_path):
    with pytest.raises(ValueError, match="clips:FOLDER and people:SHARDS"):
        run([], [("london", tmp_path)], tmp_path / "out.json")
    with pytest.raises(ValueError, match="holds no videos"):
        run([], [("clips", tmp_path)], tmp_path / "out.json")
    with pytest.raises(ValueError, match="frames with landmarks"):
        ranges([[np.zeros((64, 64, 3), np.uint8)] * LEAST], Reader())
