"""Levelling: the share of a variance that lies between people, and the frames that make it small."""

import json

import numpy as np
import pytest

from tests.helpers import drawn_clips
from train.__main__ import main
from train.data.blendshapes import actions_of
from train.data.levelling import EXPRESSIONS, between_people, expression_values, level
from train.data.on_disk import index_shard
from train.data.reading import stream_clips
from train.data.shards import write_shards

FRAMES = 8


def test_share_between_people_of_known_variances():
    draw = np.random.default_rng(0)
    person = np.arange(400).repeat(FRAMES)
    who, change = draw.normal(size=(400, 1)).repeat(FRAMES, 0), draw.normal(size=(400 * FRAMES, 1))
    values = np.concatenate([change, who, 1.5 * who + 2 * change, np.zeros_like(who)], 1)
    shares = between_people(values, person)
    assert shares == pytest.approx([0, 1, 2.25 / 6.25, 0], abs=0.04)
    uneven = draw.random(len(person)) < 0.6
    assert between_people(values[uneven], person[uneven]) == pytest.approx(shares, abs=0.06)


def habits(people: int) -> tuple[np.ndarray, np.ndarray]:
    """Values of people of whom four fifths of the variance is a habit, N x 2, and whose they are."""
    draw = np.random.default_rng(1)
    person = np.arange(people).repeat(FRAMES)
    return 2 * draw.normal(size=(people, 2)).repeat(FRAMES, 0) + draw.normal(size=(people * FRAMES, 2)), person


def test_levelled_frames_are_of_everybody_alike():
    values, person = habits(120)
    rows = level(values, person, 0.15)
    assert between_people(values, person).min() > 0.7
    assert between_people(values[rows], person[rows]).max() <= 0.15
    assert (np.diff(rows) > 0).all() and np.bincount(person[rows])[np.unique(person[rows])].min() >= 4
    assert len(np.unique(person[rows])) > 20
    assert len(level(values, person, 0.5)) > len(rows)


def test_people_who_never_change_cannot_be_levelled():
    values = np.arange(10.0)[:, None].repeat(FRAMES, 0)
    with pytest.raises(ValueError, match="no two people"):
        level(values, np.arange(10).repeat(FRAMES), 0.15)


def test_command_copies_the_chosen_frames(tmp_path, capsys):
    values, person = habits(30)
    clips = list(drawn_clips(30, FRAMES, 40))
    for (_, _, factors), smiles in zip(clips, values[:, 0].reshape(30, FRAMES), strict=True):
        for frame, smile in zip(factors, smiles.tolist(), strict=True):
            frame["expression"] = {"mouthSmileLeft": smile, "mouthSmileRight": smile}
    write_shards(clips, tmp_path / "all", {"source": "drawn", "licence": "CC0"})
    assert main(["level", str(tmp_path / "all"), "--out", str(tmp_path / "level")]) == 0
    assert "smile" in capsys.readouterr().out
    manifest = json.loads((tmp_path / "level" / "manifest.json").read_text())
    assert manifest["licence"] == "CC0" and manifest["levelled"] == 0.15 and 8 <= manifest["frames"] < 30 * FRAMES
    kept = [(images, factors) for images, factors, _ in stream_clips(tmp_path / "level", 32)]
    before = {str(f[0]["person"]): (images, f) for images, f, _ in stream_clips(tmp_path / "all", 32)}
    for images, factors in kept:
        whole, known = before[str(factors[0]["person"])]
        for image, frame in zip(images, factors, strict=True):
            assert (image == whole[known.index(frame)]).all()
    names = {
        name.rpartition(".")[2] for tar in (tmp_path / "level").glob("*.tar") for f in index_shard(tar) for name in f
    }
    assert names == {"webp", "json"}
    assert main(["level", str(tmp_path / "all"), "--out", str(tmp_path / "level")]) == 2


def test_expressions_of_frames():
    frame = {"expression": {"mouthSmileLeft": 1.0, "jawOpen": 0.5}}
    assert dict(zip(EXPRESSIONS, expression_values([frame])[0], strict=True)) == {
        "smile": 0.5, "jaw": 0.5, "brows_up": 0, "brows_down": 0, "eyes": 0
    }  # fmt: skip
    assert actions_of({"blend": [0.1, 0.2]}) == {"_neutral": 0.1, "browDownLeft": 0.2}
    with pytest.raises(ValueError, match="no expressions"):
        expression_values([{}, {}])
