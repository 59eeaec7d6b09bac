"""People who do not exist: the search for directions on planted data, the crop rule, and one real clip."""

import numpy as np
import pytest

from train.imagined import (
    DIRECTIONS,
    EXPRESSION,
    POSE,
    SAME_PERSON,
    Imagined,
    clips,
    crop,
    crop_box,
    fit_directions,
    load_directions,
    measures,
    package_folder,
    wished,
)


def test_a_missing_package_is_named_with_its_cure():
    with pytest.raises(ImportError, match="pip install --no-deps no-such"):
        package_folder("no_such_package", "pip install --no-deps no-such-package")


def face(eyes=((400.0, 480.0), (620.0, 480.0)), mouth=((430.0, 700.0), (590.0, 700.0))) -> np.ndarray:
    """68 points that have only what the crop rule reads: eyes and mouth corners."""
    points = np.full((68, 2), 512.0)
    points[36:42], points[42:48] = eyes
    points[[48, 54]] = mouth
    return points


def head(yaw: float, pitch: float = 0.0, roll: float = 0.0) -> np.ndarray:
    """68 points of a crude head, turned by angles in degrees and seen from far away; yaw > 0: to the image's right."""
    rng = np.random.default_rng(0)
    points = np.concatenate([rng.normal(0, 0.1, (68, 2)), np.zeros((68, 1))], axis=1)
    side = np.linspace(-1, 1, 17)
    points[:17] = np.stack([side, 1.3 * (1 - side**2), 0.8 * side**2], axis=1)  # jaw, its ends at the ears
    points[17:27, 1] = -0.35
    for centre, first in ((-0.45, 36), (0.45, 42)):
        ring = np.array([[-0.15, 0], [-0.05, -0.05], [0.05, -0.05], [0.15, 0], [0.05, 0.05], [-0.05, 0.05]])
        points[first : first + 6, :2] = ring + [centre, 0]
    points[30] = [0, 0.5, -0.5]  # tip of the nose, towards the camera
    points[48], points[54] = [-0.35, 0.9, 0], [0.35, 0.9, 0]
    y, p, r = np.deg2rad([yaw, pitch, roll])
    turn = np.array([[np.cos(y), 0, -np.sin(y)], [0, 1, 0], [np.sin(y), 0, np.cos(y)]])
    nod = np.array([[1, 0, 0], [0, np.cos(p), -np.sin(p)], [0, np.sin(p), np.cos(p)]])
    tilt = np.array([[np.cos(r), -np.sin(r)], [np.sin(r), np.cos(r)]])
    return (points @ turn.T @ nod.T)[:, :2] @ tilt.T * 200 + 512


def test_measures_follow_the_pose_and_ignore_roll_scale_and_place():
    turned = measures(np.stack([head(-15), head(0), head(15)]))["yaw"]
    assert turned[0] < turned[1] < turned[2]
    nodded = measures(np.stack([head(0, -15), head(0), head(0, 15)]))["pitch"]
    assert nodded[0] < nodded[1] < nodded[2]
    rolled = measures(np.stack([head(10, 5), 1.7 * head(10, 5, roll=12) - 90]))
    for name, (straight, tilted) in rolled.items():
        assert tilted == pytest.approx(straight, abs=1e-9), name


def planted(n: int = 400, dim: int = 64, noise: float = 0.1):
    """Styles, yaw and pitch that read one planted axis each, smile that reads a third and some yaw, and the axes."""
    rng = np.random.default_rng(3)
    w = rng.standard_normal((n, dim)) * np.linspace(2, 0.5, dim)
    axes = np.linalg.qr(rng.standard_normal((dim, 3)))[0].T
    first, second, third = (w @ axes.T).T
    values = {"yaw": first, "pitch": second, "smile": third + 0.8 * first}
    return w, {name: v + noise * rng.standard_normal(n) for name, v in values.items()}, axes


def test_fit_recovers_planted_directions_of_strength_one_sd():
    w, values, axes = planted()
    found = fit_directions(w, values, ridge=1e-3)
    for axis, name in ((1, "pitch"), (2, "smile")):
        cosine = found[name] @ axes[axis] / np.linalg.norm(found[name])
        assert cosine > 0.98, (name, cosine)
    assert found["pitch"] @ axes[1] == pytest.approx(values["pitch"].std(), rel=0.05)


def test_a_step_moves_its_own_measure_only_unless_set_free():
    w, values, axes = planted(noise=0.0)
    found = fit_directions(w, values, ridge=1e-6)
    read = {"yaw": axes[0], "pitch": axes[1], "smile": axes[2] + 0.8 * axes[0]}
    for name, direction in found.items():
        for other, axis in read.items():
            moved = direction @ axis / values[other].std()
            assert moved == pytest.approx(float(name == other), abs=0.01), (name, other)
    free = fit_directions(w, values, ridge=1e-6, free={"smile": ("yaw",)})
    assert free["smile"] @ axes[0] > 0.2  # now the shortest way, which takes yaw along
    assert abs(free["smile"] @ axes[1]) < 0.02


@pytest.mark.parametrize("margin", [1.0, 1.25])
def test_crop_box_is_the_rule_and_moves_with_the_face(margin):
    left, top, right, bottom = crop_box(face(), margin)
    half = margin * 1.36 * max(220.0, 1.1 * 220.0)  # eyes 220 apart, mouth 220 below
    assert (right - left, bottom - top) == pytest.approx((2 * half, 2 * half))
    assert ((left + right) / 2, (top + bottom) / 2) == pytest.approx((510.0, 480.0 + 0.36 * 220.0))
    moved = crop_box(0.5 * face() + [30, -20], margin)
    assert moved == pytest.approx(np.array([left, top, right, bottom]) / 2 + [30, -20, 30, -20])
    turned = face()[:, [1, 0]]  # the face on its side: the box stays axis-aligned, its side the same
    assert crop_box(turned, margin)[2] - crop_box(turned, margin)[0] == pytest.approx(2 * half)


def test_crop_reaching_over_the_edge_is_mirrored_and_keeps_its_centre():
    image = np.zeros((300, 300, 3), np.uint8)
    image[:, :, 0] = np.arange(300)[None] * 255 // 299
    points = 0.25 * face() + [-60, 20]  # too close to the left edge
    assert crop_box(points)[0] < 0
    cut = crop(image, points, 80)
    assert cut.shape == (80, 80, 3) and cut.dtype == np.uint8
    middle = (crop_box(points)[0] + crop_box(points)[2]) / 2
    assert cut[40, 39:41, 0].mean() == pytest.approx(middle * 255 / 299, abs=2)
    assert cut[:, 0].max() > 0  # mirrored, not black


def test_clips_reject_a_count_below_one():
    with pytest.raises(ValueError, match="1 or more"):
        next(clips(people=1, frames=0, size=64, seed=0))


def test_wishes_repeat_and_are_visible():
    now = dict.fromkeys(POSE + EXPRESSION, 0.0)
    a, b = (wished(np.random.default_rng(5), now) for _ in range(2))
    assert a == b
    for seed in range(50):
        wish = wished(np.random.default_rng(seed), now)
        chosen = set(wish) - set(POSE)
        assert 1 <= len(chosen) <= 2 and chosen <= set(EXPRESSION)
        assert all(0.85 <= abs(wish[name]) <= 1.9 for name in chosen)


def test_bundled_directions_are_whole_and_small():
    assert DIRECTIONS.stat().st_size < 200_000
    found = load_directions()
    for name in POSE + EXPRESSION:
        assert found[name].shape == (512,) and np.isfinite(found[name]).all() and np.abs(found[name]).max() > 0
    assert (found["correlation"] > 0.8).all()


def test_draws_a_face_and_a_clip():
    generator = Imagined()
    styles = generator.styles(np.zeros((1, 512)), 0.0)
    assert styles.shape == (1, 23, 512) and np.allclose(styles[0], generator.mean)
    edited = generator.edit(styles, load_directions(), {"yaw": 1.0, "smile": 1.0})
    moved = {int(side) for side in generator.sides[(edited != styles).any(axis=(0, 2))]}
    assert moved == {4, 8, 16, 32}
    with pytest.raises(ValueError, match="N x 23 x 512"):
        generator.draw(styles[:, :5])

    done = []
    clip = next(clips(people=1, frames=4, size=64, seed=1, progress=lambda *state: done.append(state)))
    assert done == [(1, 1)] and len(clip) == 4
    for frame, (image, factors) in enumerate(clip):
        assert image.shape == (64, 64, 3) and image.dtype == np.uint8 and image.std() > 20
        assert factors["person"] == 0 and factors["frame"] == frame and factors["distance"] <= SAME_PERSON
    again = next(clips(people=1, frames=1, size=64, seed=1))
    assert np.array_equal(again[0][0], clip[0][0]) and again[0][1] == clip[0][1]
    assert clip[0][1]["edit"] == {} and all(abs(factors["edit"]["yaw"]) > 0 for _, factors in clip[1:])
