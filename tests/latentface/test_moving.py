"""A clip's face: smoothing over time, its identity held, and other faces driven by it."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from latentface.codes import Codes
from latentface.curves import DRIFT, charts, curves, figure, write_csv
from latentface.expression_sliders import ExpressionSliders, Slider
from latentface.films import GROUND, PANELS, own_films
from latentface.moving import BATCH, GAIN, SAMPLES, STEPS, Stretch, drive, held_through, settled, smoothed, watch
from latentface.pictures import picture
from latentface.tracker import Tracker
from latentface.video import Frame
from tests.helpers import photo_of, random_codes, tiny_pipeline

GREY = np.full((300, 400, 3), 150, np.uint8)


@pytest.fixture(scope="module")
def pipeline():
    return tiny_pipeline()


def moving_frames(count: int, gap: range = range(0)) -> list[Frame]:
    """A face that wanders over a grey photo, and is gone in some frames."""
    images = [GREY if k in gap else photo_of((100 + 2 * k, 60, 160 + k)) for k in range(count)]
    return [Frame(k / 25, image) for k, image in enumerate(images)]


@pytest.fixture(scope="module")
def frames() -> list[Frame]:
    return moving_frames(14, range(6, 9))


@pytest.fixture(scope="module")
def stretch(pipeline, frames) -> Stretch:
    return Stretch.cat(list(watch(pipeline, frames, Tracker(pipeline.size))))


def test_every_frame_has_a_row_as_the_pipeline_reads_it_alone(pipeline, frames, stretch):
    assert stretch.seen.tolist()[:6] == [True] * 6 and not stretch.seen[6:9].any() and stretch.seen[-1]
    assert stretch.seconds.tolist() == [frame.second for frame in frames]
    alone = pipeline.read(frames[0].image)
    face = stretch.identity[:1] + stretch.expression[:1]
    assert torch.allclose(face, alone.codes.face, atol=1e-4)
    assert torch.allclose(stretch.view[:1], alone.codes.view, atol=1e-3)
    assert torch.allclose(stretch.identity[:1], pipeline.split(alone.codes, STEPS, SAMPLES).identity, atol=1e-4)
    assert (stretch.identity[6:9] == 0).all() and stretch.face(6) is None
    assert stretch.face(0).landmarks == pytest.approx(alone.alignment.face.landmarks, abs=1e-3)


def test_batches_change_nothing_and_hold_few_frames(pipeline, frames, stretch):
    one = Stretch.cat(list(watch(pipeline, frames, Tracker(pipeline.size), batch=1)))
    assert torch.allclose(one.expression, stretch.expression, atol=1e-4)
    taken = 0

    def counted():
        nonlocal taken
        for frame in moving_frames(4 * BATCH):
            taken += 1
            yield frame

    parts = watch(pipeline, counted(), Tracker(pipeline.size))
    assert len(next(parts)) == BATCH and taken <= 2 * BATCH + 1  # a stream: frames are read one batch ahead at most


def test_a_stretch_is_kept_on_disk(stretch, tmp_path):
    stretch.save(tmp_path / "s.safetensors")
    again = Stretch.load(tmp_path / "s.safetensors")
    assert all(torch.equal(getattr(again, name), value) for name, value in vars(stretch).items())
    assert [p.name for p in tmp_path.iterdir()] == ["s.safetensors"]


rows = st.integers(2, 40)
deviations = st.floats(0.3, 4)


@given(rows, deviations, st.integers(0, 999))
@settings(max_examples=30, deadline=None)
def test_smoothing_looks_as_far_ahead_as_back(count, deviation, seed):
    generator = torch.Generator().manual_seed(seed)
    values = torch.randn(count, 3, generator=generator)
    seen = torch.rand(count, generator=generator) > 0.2
    there = smoothed(values, seen, deviation)
    back = smoothed(values.flip(0), seen.flip(0), deviation).flip(0)
    assert torch.allclose(there, back, atol=1e-5)
    assert torch.equal(there[~seen], values[~seen])
    if seen.any():
        kept = values[seen]
        assert (there[seen] <= kept.amax(0) + 1e-5).all() and (there[seen] >= kept.amin(0) - 1e-5).all()


@given(rows, deviations)
@settings(max_examples=20, deadline=None)
def test_smoothing_keeps_what_is_even_and_stills_what_trembles(count, deviation):
    seen, steady = torch.ones(count, dtype=torch.bool), torch.full((count, 1), 3.0)
    assert torch.allclose(smoothed(steady, seen, deviation), steady, atol=1e-5)
    tremble = torch.tensor([1.0, -1.0]).repeat(count)[:count, None]
    assert smoothed(tremble, seen, 2.0)[2:-2].abs().max() < 0.1 if count > 16 else True
    assert torch.equal(smoothed(tremble, seen, 0), tremble)


def test_what_was_not_seen_is_held():
    values, seen = torch.arange(6.0)[:, None], torch.tensor([False, True, True, False, False, True])
    assert held_through(values, seen)[:, 0].tolist() == [1, 1, 2, 2, 2, 5]


def test_relative_motion_brings_changes_alone(pipeline, stretch):
    face, target = settled(stretch, 0), random_codes(1, 3)
    driven = drive(pipeline, face, target)
    assert torch.allclose(driven.face[stretch.seen].mean(0), target.face[0], atol=1e-4)  # its own looks stay
    change = driven.face - target.face
    assert torch.allclose(change, GAIN * (face.change - face.change[stretch.seen].mean(0)), atol=1e-4)
    assert torch.allclose(driven.view[stretch.seen].mean(0), target.view[0], atol=1e-3)
    assert torch.equal(driven.light, target.light.expand(len(face), -1))
    still = drive(pipeline, face, target, strength=0)
    assert torch.allclose(still.face, target.face.expand(len(face), -1), atol=1e-6)


def test_absolute_motion_puts_the_mean_expression_and_movement_on_the_identity(pipeline, stretch):
    face, target = settled(stretch), random_codes(1, 3)
    driven = drive(pipeline, face, target, relative=False, strength=2)
    expected = pipeline.split(target).identity + 2 * (face.mean_change + face.movement)
    assert torch.allclose(driven.face, expected, atol=1e-4) and torch.equal(driven.view, face.view)
    still = drive(pipeline, face, target, relative=False, strength=0)
    assert torch.allclose(still.face, pipeline.split(target).identity.expand(len(face), -1), atol=1e-5)


def test_the_identity_is_held_and_all_else_of_a_frame_kept(stretch):
    face = settled(stretch, smooth=0)
    assert torch.allclose(face.identity, stretch.identity[stretch.seen].mean(0, keepdim=True))
    assert face.still.face.unique(dim=0).shape[0] == 1
    assert torch.allclose(face.moving.face[stretch.seen], stretch.code[stretch.seen], atol=1e-5)
    assert torch.equal(face.expression[stretch.seen], stretch.expression[stretch.seen])
    kept = stretch.code[stretch.seen].mean(0) - face.identity[0]
    assert torch.allclose(face.mean_change[0], kept, atol=1e-5)
    for kept in (face.expression, face.change):
        assert torch.equal(kept[6], kept[7])  # held while the face is gone


def test_films_draw_the_same_as_the_pipeline_one_by_one(pipeline, frames, stretch):
    face = settled(stretch)
    films = list(own_films(pipeline, face, frames, size=64))
    assert len(films) == len(frames) and all(len(one.images) == len(PANELS) for one in films)
    assert films[0].strip.shape == (64, 64 * len(PANELS), 3)
    for row in (0, 13):
        image, mask = pipeline.decode(face.moving[row : row + 1]).render(64)
        expected = picture(torch.where(mask > 0, image, GROUND)[0])
        assert np.abs(films[row].images[1].astype(int) - expected).max() <= 1  # a level of 255
        assert np.abs(films[row].images[0].astype(int) - frames[row].image.mean()).mean() < 90
    assert films[7].images[1].mean() < 0.6 * films[5].images[1].mean()  # dim: no face is seen
    later = list(own_films(pipeline, face, frames[10:], first=10, size=64))
    assert all(np.array_equal(a.strip, b.strip) for a, b in zip(later, films[10:], strict=True))


def sliders_of(length: int) -> ExpressionSliders:
    generator = torch.Generator().manual_seed(1)
    named = tuple(Slider(name, "less", "more", 1.0, 1.0, 5, "", 0.0) for name in ("smile", "brows up"))
    directions = torch.randn(2, length, generator=generator)
    return ExpressionSliders(named, directions, torch.linalg.pinv(directions), torch.eye(2), {})


def test_curves_say_what_the_codes_say(pipeline, stretch, tmp_path):
    face, sliders = settled(stretch), sliders_of(stretch.expression.shape[1])
    table = curves(pipeline, stretch, face, sliders)
    assert table["smile"][0] == pytest.approx(float(sliders.read(face.expression)["smile"][0]), abs=1e-5)
    assert table["yaw"][2] == pytest.approx(float(face.view[2, 0]))
    assert np.isnan(table["yaw"][7]) and table["face"].tolist() == stretch.seen.int().tolist()
    assert charts(table)["Expression"] == ["smile", "brows up"]
    assert "Expression" not in charts(curves(pipeline, stretch, face, None))
    lines = figure(table).to_dict()["data"]
    assert len(lines) == 2 + 3 + 4 + 1 and lines[0]["y"][7] is None
    write_csv(table, tmp_path / "c.csv")
    lines = (tmp_path / "c.csv").read_text().splitlines()
    assert lines[0].startswith("second,face,smile") and len(lines) == 1 + len(face) and ",0,,," in lines[8]


def test_drift_is_small_for_one_person_and_large_for_a_stranger(pipeline, stretch):
    face = settled(stretch)
    steady = curves(pipeline, stretch, face, None)[DRIFT][stretch.seen.numpy()]
    other: Codes = random_codes(1, 9)
    changed = Stretch(**vars(stretch))
    changed.identity = stretch.identity.clone()
    changed.identity[0] = 8 * other.face[0]
    moved = curves(pipeline, changed, face, None)[DRIFT]
    assert moved[0] > 3 * steady.max()
