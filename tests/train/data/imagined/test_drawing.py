"""People who do not exist: the search for directions on planted data, what is read off a face, paths, one real clip."""

import io
import json
import tarfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from train.common.judges import measures, package_folder
from train.common.skin_tone import skin_tone
from train.data.imagined.directions import DIRECTIONS, EXPRESSION, POSE, TRAITS, kind, load_directions
from train.data.imagined.drawing import SAME_PERSON, Clip, clip_of, clips, crop, crop_box, engine, imagined_shards
from train.data.imagined.find_directions import fit_directions, untangled
from train.data.imagined.measurements import gaze, mouth_and_brows
from train.data.imagined.motion import REST, eased, path
from train.data.imagined.people import REACH, person_style, within
from train.data.imagined.traits import Photos, fit_traits
from train.data.shards import ShardsError


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
    values["smile"][::7] = np.nan  # a missing measure leaves out its own face only
    found, readers = fit_directions(w, values, ridge=1e-3)
    for axis, name in ((1, "pitch"), (2, "smile")):
        cosine = found[name] @ axes[axis] / np.linalg.norm(found[name])
        assert cosine > 0.98, (name, cosine)
    assert found["pitch"] @ axes[1] == pytest.approx(values["pitch"].std(), rel=0.05)
    scaled = (values["yaw"] - values["yaw"].mean()) / values["yaw"].std()
    assert np.corrcoef((w - w.mean(0)) @ readers["yaw"], scaled)[0, 1] > 0.98
    assert ((w - w.mean(0)) @ readers["yaw"]).std() == pytest.approx(1, abs=0.05)


def test_a_step_moves_its_own_measure_only_unless_set_free():
    w, values, axes = planted(noise=0.0)
    found, _ = fit_directions(w, values, ridge=1e-6, free={})
    truth = {"yaw": axes[0], "pitch": axes[1], "smile": axes[2] + 0.8 * axes[0]}
    for name, direction in found.items():
        for other, axis in truth.items():
            moved = direction @ axis / values[other].std()
            assert moved == pytest.approx(float(name == other), abs=0.01), (name, other)
    free, _ = fit_directions(w, values, ridge=1e-6, free={"smile": ("yaw",)})
    assert free["smile"] @ axes[0] > 0.2  # now the shortest way, which takes yaw along
    assert abs(free["smile"] @ axes[1]) < 0.02


def test_untangling_undoes_what_edits_were_seen_to_move():
    rng = np.random.default_rng(1)
    names, seen = ("jaw", "brow", "blink"), ("yaw", "jaw", "brow", "blink")
    axes = np.linalg.qr(rng.standard_normal((32, 4)))[0].T  # of what is seen
    mixed = {"jaw": 0.8 * axes[1] + 0.3 * axes[2], "brow": 0.7 * axes[2], "blink": axes[3] - 0.4 * axes[1]}
    found = untangled(mixed, {name: axes @ direction for name, direction in mixed.items()}, seen, ridge=1e-9)
    for name in names:
        for other, moved in zip(seen, axes @ found[name], strict=True):
            assert moved == pytest.approx(float(name == other), abs=1e-6), (name, other)
    longest = untangled({"jaw": 0.1 * axes[1]}, {"jaw": 0.1 * axes @ axes[1]}, seen)
    assert np.linalg.norm(longest["jaw"]) == pytest.approx(0.1 * 2)  # a deaf direction is not stretched without end


def test_traits_are_judged_on_people_left_out():
    rng = np.random.default_rng(2)
    person = np.repeat(np.arange(60), 2)
    male, age = (person % 2).astype(bool), np.exp(rng.normal(3.5, 0.3, 60))[person]
    signs = rng.standard_normal((120, 16))
    signs[:, 0] += np.where(male, 4, -4)
    signs[:, 1] += 6 * (np.log(age) - 3.5)
    skin = rng.uniform(-50, 70, 60)[person]
    signs[:, 2] += skin / 10
    found = fit_traits(Photos(signs, male, age, skin, person), ridge=1.0)
    assert found["gender_accuracy"] > 0.97 and found["age_correlation"] > 0.7 and found["skin_correlation"] > 0.9
    noise = fit_traits(Photos(rng.standard_normal((120, 16)), male, age, skin, person), ridge=1.0)
    assert abs(noise["gender_accuracy"] - 0.5) < 0.2
    assert max(abs(noise["age_correlation"]), abs(noise["skin_correlation"])) < 0.4


def test_pucker_and_frown_grow_as_they_should():
    rest = head(0)
    narrow, knit = rest.copy(), rest.copy()
    narrow[48, 0], narrow[54, 0] = rest[48, 0] + 20, rest[54, 0] - 20
    knit[21, 0], knit[22, 0] = rest[21, 0] + 10, rest[22, 0] - 10
    knit[[21, 22], 1] += 10
    found = mouth_and_brows(np.stack([rest, narrow, knit]))
    assert found["pucker"][1] > found["pucker"][0] + 0.05 and found["frown"][2] > found["frown"][0] + 0.05
    assert found["frown"][1] == pytest.approx(found["frown"][0])


def test_gaze_follows_the_irises():
    points, places = face(), {}
    for first, x in ((36, 400), (42, 620)):
        ring = [(-45, 0), (-18, -16), (18, -16), (45, 0), (18, 16), (-18, 16)]
        points[first : first + 6] = np.array(ring) + (x, 480)
    for shift in (-14, 0, 14):
        image = Image.new("RGB", (1024, 1024), (230, 225, 220))
        for x in (400, 620):
            ImageDraw.Draw(image).ellipse((x + shift - 14, 466, x + shift + 14, 494), fill=(40, 30, 20))
        places[shift] = gaze(np.asarray(image), points)
    assert places[-14] < -0.1 < abs(places[0]) + 0.08 < places[14]
    points[36:48, 1] = 480  # shut
    assert np.isnan(gaze(np.asarray(image), points))


def test_skin_tone_orders_light_and_dark():
    """L* and b* of the colours, by another library's tables: ITA 62, 29 and -46 degrees."""
    tones = {}
    for name, colour in (("light", (236, 213, 198)), ("middle", (202, 160, 128)), ("dark", (92, 62, 46))):
        tones[name] = skin_tone(np.full((1024, 1024, 3), colour, np.uint8), face())
    assert tones["light"] > 55 and 10 < tones["middle"] < 41 and tones["dark"] < -30


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


def test_clips_reject_a_count_below_one(tmp_path):
    with pytest.raises(ValueError, match="1 or more"):
        next(clips(people=1, frames=0, size=64, seed=0))
    with pytest.raises(ValueError, match="1 or more"):
        imagined_shards(0, 8, 128, 0, tmp_path)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(-3, 3), min_size=2, max_size=6), st.integers(2, 60))
def test_easing_meets_its_ends_and_never_overshoots(keys, frames):
    found = eased(keys, frames)
    assert len(found) == frames and found[0] == pytest.approx(keys[0]) and found[-1] == pytest.approx(keys[-1])
    assert min(keys) - 1e-9 <= found.min() and found.max() <= max(keys) + 1e-9
    if frames > 20 * len(keys):
        assert np.abs(np.diff(found)).max() < np.abs(np.diff(keys)).max() * 0.2 + 1e-9


@pytest.mark.parametrize("frames", [8, 24])
def test_every_path_starts_at_rest_smiles_and_does_not(frames):
    for seed in range(40):
        found = path(np.random.default_rng(seed), frames)
        assert set(found) == set(POSE + EXPRESSION) and all(v.shape == (frames,) for v in found.values())
        assert {name: value[0] for name, value in found.items() if name in REST} == REST
        assert found["smile"].max() >= 0.3 and found["smile"].min() <= REST["smile"] + 1e-9  # everybody does both
        assert np.abs(np.diff(found["smile"])).max() < 3 and np.ptp(found["yaw"]) > 0.15
        again = path(np.random.default_rng(seed), frames)
        assert all(np.array_equal(again[name], value) for name, value in found.items())


def test_a_path_does_not_tell_the_pose_by_the_expression():
    rows = [path(np.random.default_rng(seed), 8) for seed in range(600)]
    stacked = {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}
    for turn in POSE:
        for name in EXPRESSION:
            assert abs(np.corrcoef(stacked[turn], stacked[name])[0, 1]) < 0.06, (turn, name)


def test_bundled_directions_are_whole_and_small():
    assert DIRECTIONS.stat().st_size < 200_000
    found = load_directions()
    for name in POSE + EXPRESSION + TRAITS:
        for key in (name, f"read_{name}"):
            assert found[key].shape == (512,) and np.isfinite(found[key]).all() and np.abs(found[key]).max() > 0
    assert len(found["correlation"]) == len(POSE + EXPRESSION) and (found["correlation"] > 0.6).all()
    assert found["gender_accuracy"] > 0.9 and found["reading_psnr"] > 25


@pytest.fixture(scope="module")
def drawn() -> list:
    return clip_of(1, 3, 4, 64)


def test_an_edit_moves_the_layers_of_its_kind():
    generator = engine()[0]
    styles = generator.rows(generator.styles(np.zeros((1, 512)), 0.0))
    assert styles.shape == (1, 23, 512) and np.allclose(styles[0], generator.mean)
    for name, sides in (("yaw", {4, 8, 16}), ("smile", {16, 32}), ("age", set(generator.sides.tolist()))):
        edited = generator.edit(styles, {name: 1.0})
        assert {int(side) for side in generator.sides[(edited != styles).any(axis=(0, 2))]} == sides, kind(name)
    both = generator.edit(np.repeat(styles, 2, axis=0), {"yaw": np.array([0.0, 2.0])})
    assert np.array_equal(both[0], styles[0]) and not np.array_equal(both[1], styles[0])
    with pytest.raises(ValueError, match="N x 23 x 512"):
        generator.draw(styles[:, :5])


def test_long_edits_are_shortened_kind_by_kind():
    generator = engine()[0]
    asked = {"yaw": np.array([0.2, 40.0]), "smile": np.array([0.5, -30.0]), "jaw": np.array([0.5, 10.0])}
    found = within(generator, asked)
    for name in asked:
        assert found[name][0] == asked[name][0] and np.sign(found[name][1]) == np.sign(asked[name][1])
    far = found["smile"][1] * generator.found["smile"] + found["jaw"][1] * generator.found["jaw"]
    assert np.linalg.norm(far) == pytest.approx(REACH["expression"], rel=1e-5)
    assert np.linalg.norm(found["yaw"][1] * generator.found["yaw"]) == pytest.approx(REACH["pose"], rel=1e-5)
    assert found["jaw"][1] / found["smile"][1] == pytest.approx(-1 / 3)


def test_people_are_drawn_towards_an_even_spread():
    generator = engine()[0]
    rng = np.random.default_rng(0)
    people = [person_style(generator, rng) for _ in range(60)]
    w = np.stack([style for style, _, _ in people])
    for name in TRAITS:
        wish = np.array([wishes[name] for _, wishes, _ in people])
        assert np.corrcoef(generator.predicted(w, name), wish)[0, 1] > 0.8, name


@pytest.mark.slow
def test_a_real_clip(drawn):
    assert len(drawn) >= 3
    for image, factors in drawn:
        assert image.shape == (64, 64, 3) and image.dtype == np.uint8 and image.std() > 20
        assert factors["person"] == "000003" and factors["distance"] <= SAME_PERSON
        assert set(factors["measured"]) <= set(factors["edit"]) == set(POSE + EXPRESSION)
        assert json.loads(json.dumps(factors)) == factors
    assert [f["frame"] for _, f in drawn] == sorted({f["frame"] for _, f in drawn})
    assert not any(drawn[0][1]["edit"].values()) and drawn[0][1]["frame"] == 0


@pytest.mark.slow
def test_the_same_seed_gives_the_same_bytes_and_another_folder_is_refused(drawn, tmp_path):
    key, images, factors, truth = Clip(1, 4, 64)(3)
    assert key == "000003" and truth is None and factors == [f for _, f in drawn]
    for data, (image, _) in zip(images, drawn, strict=True):
        stored = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
        assert np.abs(stored.astype(int) - image).mean() < 6
    manifest = imagined_shards(1, 2, 32, 7, tmp_path / "a")
    assert manifest["clips"] == 1 and "non-commercial" in manifest["licence"]
    with tarfile.open(tmp_path / "a" / "00000.tar") as tar:
        assert tar.getnames()[0] == "000000.00.webp"
    with pytest.raises(ShardsError, match="seed 7, not 8"):
        imagined_shards(1, 2, 32, 8, tmp_path / "a")
