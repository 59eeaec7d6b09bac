"""People drawn without a judge: styles in batches against one at a time, the cut against Pillow, one real drawing."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from latentface.crop import standard_crop
from latentface.detection import detect
from tests.helpers import FACE, drawn_clips, drawn_face, smooth
from train.__main__ import main
from train.data.imagined.directions import EXPRESSION, POSE, TRAITS
from train.data.imagined.drawing import engine
from train.data.imagined.motion import path
from train.data.imagined.people import CANDIDATES, REACH, SKIN, person_style, within
from train.data.imagined.unjudged import Styles, cut, imagined_frames, landmarks
from train.data.reading import read_shards
from train.data.shards import ShardsError, write_shards


@pytest.fixture(scope="module")
def styles() -> Styles:
    return Styles(engine()[0])


class Dealt:
    """Numbers that were drawn before, given out again where person_style draws its own."""

    def __init__(self, shares: list[float], normal: np.ndarray):
        self.shares, self.normal = shares, normal

    def uniform(self, low: float, high: float) -> float:
        return low + (high - low) * self.shares.pop(0)

    def choice(self, both: list[float]) -> float:
        return both[0] if self.shares.pop(0) < 0.5 else both[1]

    def standard_normal(self, shape: tuple[int, int]) -> np.ndarray:
        assert shape == self.normal.shape
        return self.normal


def test_people_are_those_of_one_at_a_time(styles):
    found = styles.people(3, torch.Generator().manual_seed(4)).numpy()
    generator = torch.Generator().manual_seed(4)
    shares = torch.stack([torch.rand(3, generator=generator) for _ in range(5)]).double().numpy()
    normal = torch.randn(3, CANDIDATES, 512, generator=generator).numpy()
    for person in range(3):
        style, wish, _ = person_style(engine()[0], Dealt(shares[:, person].tolist(), normal[person]))
        np.testing.assert_allclose(found[person], style, atol=2e-3)
        assert SKIN[0] <= wish["skin"] <= SKIN[1]


def test_readers_say_the_same_of_many(styles):
    w = np.random.default_rng(0).standard_normal((6, 512)).astype(np.float32)
    for name in (*POSE, *EXPRESSION, *TRAITS):
        expected = engine()[0].predicted(w, name)
        np.testing.assert_allclose(styles.predicted(torch.from_numpy(w), name).numpy(), expected, atol=1e-3, rtol=1e-3)
        several = styles.predicted(torch.from_numpy(w).view(2, 3, 512), name)
        np.testing.assert_allclose(several.flatten().numpy(), expected, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("stretch", [1.0, 6.0])
def test_frames_are_those_of_one_at_a_time(styles, stretch):
    """First to rest, then along the path, each step shortened where it reaches too far."""
    one, rng, frames = engine()[0], np.random.default_rng(3), 3
    w = styles.people(2, torch.Generator().manual_seed(1)).numpy()
    paths = [{name: stretch * wish for name, wish in path(rng, frames).items()} for _ in range(2)]
    wishes = {name: torch.tensor(np.stack([p[name] for p in paths]), dtype=torch.float32) for name in POSE + EXPRESSION}
    found = styles.frames(torch.from_numpy(w), wishes).numpy()
    assert found.shape == (2, frames, 23, 512)
    for person in range(2):
        rest = {n: np.array([paths[person][n][0] - one.predicted(w[person : person + 1], n)[0]]) for n in wishes}
        base = one.edit(one.rows(w[person : person + 1]), within(one, rest))
        for frame in range(frames):
            steps = {n: np.array([paths[person][n][frame] - paths[person][n][0]]) for n in wishes}
            expected = one.edit(base, within(one, steps))[0]
            np.testing.assert_allclose(found[person, frame], expected, atol=2e-3)
            moved = np.linalg.norm(found[person, frame] - found[person, 0], axis=-1)
            assert moved.max() <= sum(REACH.values()) + 1e-3 and (moved[one.sides > 32] == 0).all()


squares = st.tuples(st.floats(0.4, 0.6), st.floats(0.4, 0.6), st.floats(0.1, 0.38))


@settings(max_examples=20, deadline=None)
@given(squares, st.integers(0, 1000))
def test_the_cut_against_pillow(square, seed):
    """A smooth picture, resampled in two ways; its square in parts of a pixel."""
    picture = (0.8 * smooth((1, 3, 96, 96), seed) + 1) * 127.5
    x, y, half = (96 * v for v in square)
    pixels = Image.fromarray(picture[0].permute(1, 2, 0).round().byte().numpy())
    box = (x - half, y - half, x + half, y + half)
    expected = np.asarray(pixels.resize((16, 16), Image.Resampling.BICUBIC, box=box)).astype(float)
    found = cut(picture, torch.tensor([square]), 16)[0].permute(1, 2, 0).numpy()
    assert found.shape == (16, 16, 3)
    assert np.abs(found - expected).max() < 3 and np.abs(found - expected).mean() < 0.8


def test_the_cut_of_whole_pixels_is_a_slice_and_mirrors_what_lies_outside():
    picture = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0)) * 255
    same = torch.tensor([[0.5, 0.5, 0.25]]).expand(2, -1)
    found = cut(picture, same, 16)  # pixels 8 to 23, each the mean of its own nine places
    places = torch.nn.functional.interpolate(picture, scale_factor=3, mode="bilinear")[..., 24:72, 24:72]
    torch.testing.assert_close(found, torch.nn.functional.avg_pool2d(places, 3), atol=0.02, rtol=0)
    over = cut(picture, torch.tensor([[0.0, 0.5, 0.25], [1.0, 0.5, 0.25]]), 16)
    for image in over:
        torch.testing.assert_close(image, image.flip(-1), atol=0.02, rtol=0)
    torch.testing.assert_close(
        over[0, ..., 8:], cut(picture[:1], torch.tensor([[0.25, 0.5, 0.25]]), 16)[0, ..., :8], atol=0.02, rtol=0
    )


def test_landmarks_are_the_detectors_and_none_where_there_is_no_face():
    face = np.asarray(Image.open(FACE).convert("RGB").resize((256, 256)))
    nothing = np.full((256, 256, 3), 128, np.uint8)
    found, none, mirrored = landmarks(np.stack([face, nothing, face[:, ::-1]]))
    assert none is None and found.shape == (5, 2)
    np.testing.assert_allclose(found, detect(face)[0].landmarks / 256, atol=0.03)
    np.testing.assert_allclose(
        mirrored[[1, 0, 2, 4, 3]] * [-1, 1] + [1, 0], found, atol=1e-6
    )  # two looks, one of them mirrored


@pytest.mark.slow
def test_a_folder_of_frames_is_drawn_and_read(tmp_path, capsys):
    out = tmp_path / "frames"
    arguments = ["--people", "2", "--frames", "2", "--size", "64", "--seed", "1", "--workers", "1", "--out", str(out)]
    assert main(["imagined", "--unjudged", *arguments]) == 0
    manifest, factors = (json.loads((out / name).read_text()) for name in ("manifest.json", "factors.json"))
    assert 3 <= len(factors) <= 4 and factors[0] == {"person": "000000", "frame": 0}
    assert (
        manifest["frames"] == len(factors)
        and manifest["clips"] == manifest["persons"] == 2
        and manifest["judged"] is False
    )
    assert "non-commercial" in manifest["licence"] and manifest["seed"] == 1 and manifest["margin"] == 1.25
    clips = read_shards(str(out), 32)
    assert clips.images.shape == (len(factors), 3, 80, 80) and clips.factors == factors
    assert clips.person.tolist() == [int(f["person"]) for f in factors]
    stored = np.load(out / "frames.npy")
    assert torch.equal(clips.images, torch.from_numpy(stored[: len(factors)]))
    for image in clips.images.permute(0, 2, 3, 1).numpy():  # a face, cut as the standard crop with its margin
        assert image.std() > 20
        x, y, half = standard_crop(detect(image)[0].landmarks, 1.25)
        assert (x, y, half) == pytest.approx((40, 40, 40), abs=5)
    with pytest.raises(ShardsError, match="frames of 80 px, and 160 are needed"):
        read_shards(str(out), 64)
    assert main(["imagined", "--unjudged", *arguments]) == 2 and "is not empty" in capsys.readouterr().err


@pytest.mark.parametrize("people, frames, size, workers", [(0, 2, 64, 1), (2, 0, 64, 1), (2, 2, 0, 1), (2, 2, 64, 0)])
def test_numbers_below_one_are_refused(tmp_path, people, frames, size, workers):
    with pytest.raises(ValueError, match="1 or more"):
        imagined_frames(people, frames, size, 0, tmp_path / "out", workers)
    assert not (tmp_path / "out").exists()


def raw_frames(folder, people: int, each: int, side: int = 40, missing: int = 0) -> np.ndarray:
    """A folder of drawn faces as imagined_frames leaves it; two frames it made room for were not drawn."""
    folder.mkdir()
    drawn = np.stack(
        [np.asarray(drawn_face(side, p, f)).transpose(2, 0, 1) for p in range(people) for f in range(each)]
    )
    np.save(folder / "frames.npy", np.concatenate([drawn, np.zeros_like(drawn[:2])]))
    factors = [{"person": f"{p:06d}", "frame": f} for p in range(people) for f in range(each)]
    (folder / "factors.json").write_text(json.dumps(factors))
    (folder / "manifest.json").write_text(
        json.dumps({"clips": people, "frames": len(factors) + missing, "margin": 1.25})
    )
    return drawn


def test_frames_that_are_not_encoded_are_read_like_shards(tmp_path, monkeypatch):
    drawn = raw_frames(tmp_path / "raw", 21, 3)
    write_shards(drawn_clips(5, 2, 40), tmp_path / "tar", {})
    clips = read_shards(str(tmp_path / "raw"), 16)
    np.testing.assert_array_equal(clips.images.numpy(), drawn)
    assert clips.person.tolist() == [p for p in range(21) for _ in range(3)] and int(clips.validation.sum()) == 6
    both = read_shards([f"{tmp_path / 'tar'}:1", f"{tmp_path / 'raw'}:3"], 16)
    assert len(both.images) == 73 and int(both.person.max()) == 25
    rows = [i for i, f in enumerate(both.factors) if len(f["person"]) == 6]
    np.testing.assert_array_equal(both.images[rows].numpy(), drawn)
    monkeypatch.setattr("train.data.reading.free_memory", lambda: 1000)
    with pytest.raises(ShardsError, match="do not fit into"):
        read_shards(str(tmp_path / "raw"), 16)
    monkeypatch.undo()
    raw_frames(tmp_path / "short", 3, 2, missing=1)
    with pytest.raises(ShardsError, match="holds 6 frames, and its manifest counts 7"):
        read_shards(str(tmp_path / "short"), 16)
    (tmp_path / "raw" / "manifest.json").unlink()  # it was cut off
    with pytest.raises(ShardsError, match="holds no shards"):
        read_shards(str(tmp_path / "raw"), 16)
