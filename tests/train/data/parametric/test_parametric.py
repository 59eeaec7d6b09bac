"""The parametric people: mesh, camera, truth, and shards that do not depend on who draws them or how often they are
stopped."""

import io

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from latentface.camera import HALF_WIDTH, rotation
from latentface.crop import standard_crop
from train.data import parametric as people
from train.data.parametric import rasterizer, truth
from train.data.parametric.camera import DEPTH_NEAR, DEPTH_RANGE, background, single_light, soften
from train.data.parametric.factors import clip_factors, control, identity, stream
from train.data.parametric.materials import SKIN
from train.data.parametric.mesh import load
from train.data.parametric.subdivision import catmull_clark
from train.data.reading import read_shards
from train.data.shards import ShardsError

SIZE = 128
CUBE = np.array([[0, 1, 3, 2], [4, 6, 7, 5], [0, 4, 5, 1], [2, 3, 7, 6], [0, 2, 6, 4], [1, 5, 7, 3]])
CORNERS = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)], float)


@pytest.fixture(scope="module")
def drawn():
    """Four people in their first two frames: (person, factors, frame)."""
    head, out = load(), []
    for number in range(4):
        person = people.build(identity(head, stream(9, number, "identity")), stream(9, number, "paint"))
        out += [(person, move, people.render(person, move, SIZE)) for move in clip_factors(head, 2, 9, number)]
    return out


def inside(mask: np.ndarray, ring: int) -> np.ndarray:
    """Pixels whose neighbours up to `ring` away are in the mask too."""
    out = mask.copy()
    for a in range(-ring, ring + 1):
        for b in range(-ring, ring + 1):
            out &= np.roll(mask, (a, b), (0, 1))
    return out


def test_subdivision_of_a_cube():
    """Catmull and Clark's rules written out: face points, edge points, and corners (F + 2 R + (n - 3) P) / n with n =
    3."""
    matrix, quads = catmull_clark(CUBE, 8)
    points = matrix @ CORNERS
    assert points.shape == (8 + 6 + 12, 3) and quads.shape == (24, 4)
    faces = {tuple(CORNERS[q].mean(0).round(9)) for q in CUBE}
    assert {tuple(p.round(9)) for p in points[8:14].astype(float)} == faces
    for corner, moved in zip(CORNERS, points[:8], strict=True):
        around = np.mean([f for f in map(np.array, faces) if np.abs(f - corner).max() <= 0.5], axis=0)
        spokes = np.mean([(corner + other) / 2 for other in CORNERS if np.abs(other - corner).sum() == 1], axis=0)
        assert np.allclose(moved, (around + 2 * spokes) / 3, atol=1e-6)
    assert np.allclose(np.asarray(matrix.sum(1)).ravel(), 1, atol=1e-6)


def test_subdivision_keeps_a_flat_border():
    matrix, _ = catmull_clark(np.array([[0, 1, 4, 3], [1, 2, 5, 4]]), 6)
    points = matrix @ np.array([[x, y, 0.0] for y in (0, 1) for x in (0, 1, 2)])
    assert points[:, 2].max() == 0 and np.allclose(points[2], [1.875, 0.125, 0]) and np.allclose(points[1], [1, 0, 0])


@given(st.tuples(*[st.floats(-60, 60)] * 3))
def test_pose_is_the_house_rotation(pose):
    want = rotation(torch.tensor([[*pose, 0, 0, 0]], dtype=torch.float64))[0].numpy()
    assert np.allclose(people.pose_matrix(pose), want, atol=1e-12)


@settings(max_examples=6, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_raster_against_naive(seed):
    rng = np.random.default_rng(seed)
    side, vertices = 16, 12
    screen = np.concatenate([rng.uniform(-3, side + 3, (vertices, 2)), rng.uniform(0.9, 1.1, (vertices, 1))], 1).astype(
        np.float32
    )
    triangles = np.array([rng.permutation(vertices)[:3] for _ in range(9)], np.int32)
    material = np.full(9, SKIN, np.int8)
    faces, nearest = np.empty((side, side), np.int32), np.empty((side, side), np.float32)
    place = np.zeros((vertices, 3), np.float32)
    rasterizer.rasterise(screen, triangles, material, place, np.zeros((1, 1), np.float32), side, faces, nearest)
    for i in range(side):
        for j in range(side):
            best, edge, depths = (0.0, -1), False, []
            for t, corners in enumerate(triangles):
                p = screen[corners].astype(float)
                both = np.array([p[:, 0], p[:, 1], np.ones(3)])
                if np.linalg.det(both) > -1e-6:  # seen from behind
                    continue
                w = np.linalg.solve(both, [j + 0.5, i + 0.5, 1])
                edge |= bool(np.abs(w).min() < 1e-3)
                depths += [w @ p[:, 2]] if w.min() >= 0 else []
                if w.min() >= 0 and w @ p[:, 2] > best[0]:
                    best = (w @ p[:, 2], t)
            if not edge and np.diff(sorted(depths)[-2:]).min(initial=1) > 1e-4:
                assert faces[i, j] == best[1] and np.isclose(nearest[i, j], best[0], atol=1e-4)


@pytest.mark.slow
def test_standard_crop_fills_the_picture(drawn):
    for _, move, frame in drawn:
        x, y, half = standard_crop(frame.landmarks)
        zoom, aside, down = move["jitter"]
        centre = SIZE * 1.25 / 2
        assert np.allclose(
            [x - centre, y - centre, half], [aside * SIZE / 2, down * SIZE / 2, (1 + zoom) * SIZE / 2], atol=0.05
        )


def test_a_turned_head_looks_where_the_pose_says(drawn):
    person, move, _ = drawn[0]

    def nose(*pose):
        marks = people.render(person, {**move, "pose": list(pose), "jitter": [0, 0, 0]}, SIZE).landmarks
        eyes = marks[:2].mean(0)
        return marks[2] - eyes, marks[1] - marks[0]

    (ahead, _), (right, _), (up, _), (_, rolled) = nose(0, 0, 0), nose(25, 0, 0), nose(0, 15, 0), nose(0, 0, 10)
    assert (
        right[0] > ahead[0] + 5
        and up[1] < ahead[1] - 3
        and np.isclose(np.degrees(np.arctan2(rolled[1], rolled[0])), 10, atol=3)
    )


def test_depth_and_normals_agree(drawn):
    """The normals that were interpolated from the mesh against finite differences of the depth map."""
    for _, _, frame in drawn:
        depth = frame.truth[..., 12].astype(np.float64)
        side = len(depth)
        # -1 and 1 are the centres of the crop's border pixels; a stored frame reaches further
        steps = (np.arange(side) - (side - 1) / 2) / ((SIZE - 1) / 2)
        points = (
            np.stack([*np.meshgrid(steps * HALF_WIDTH, steps * HALF_WIDTH), np.ones_like(depth)], -1) * depth[..., None]
        )
        along_x, along_y = points[1:-1, 2:] - points[1:-1, :-2], points[2:, 1:-1] - points[:-2, 1:-1]
        flat = (np.abs(along_x[..., 2]) < 0.006) & (np.abs(along_y[..., 2]) < 0.006)
        differences = np.cross(along_y, along_x)
        differences /= np.linalg.norm(differences, axis=-1, keepdims=True) + 1e-12
        skin = inside(frame.cover[..., 0] > 0.99, 3)[1:-1, 1:-1] & flat
        cosine = (differences * frame.truth[1:-1, 1:-1, 9:12]).sum(-1)[skin].clip(-1, 1)
        assert (
            skin.sum() > 2000
            and np.degrees(np.arccos(np.median(cosine))) < 3
            and np.degrees(np.arccos(cosine)).mean() < 5
        )
        there = frame.cover.sum(-1) >= 0.5
        assert frame.truth[..., 9:12][there][:, 2].mean() < -0.5
        assert depth[there].min() > 0.85 and np.quantile(depth[there], 0.9) < 1.12


def test_the_nose_is_near(drawn):
    _, _, frame = drawn[0]
    marks = frame.landmarks[2]
    depth = frame.truth[..., 12]
    row, column = int(marks[1]), int(marks[0])
    assert depth[row, column] < np.median(depth[depth > 0]) - 0.02, "the tip of the nose is the nearest part of a face"


def test_albedo_times_shading_is_the_picture(drawn):
    for _, _, frame in drawn:
        albedo, shading, gloss = (frame.truth[..., k : k + 3] for k in (0, 3, 6))
        error = np.abs(albedo * shading + gloss - frame.picture)
        face = inside(frame.cover[..., 0] > 0.99, 1)
        assert error[face].mean() < 2e-3 and np.quantile(error[face], 0.98) < 0.02
        assert albedo[face].min() >= 0 and albedo[face].max() <= 1 and shading[face].min() >= 0


def test_glasses_stand_round_the_eyes_before_the_face():
    head = load()
    who = {**identity(head, stream(9, 1, "identity")), "hair": "shaved"}
    move = {**clip_factors(head, 1, 9, 1)[0], "pose": [0, 0, 0], "jitter": [0, 0, 0]}
    bare, worn = (
        people.render(people.build({**who, "glasses": on}, stream(9, 1, "paint")), move, SIZE) for on in (0, 1)
    )
    assert bare.cover[..., 1].max() == 0 and np.array_equal(bare.landmarks, worn.landmarks)
    rows, columns = np.nonzero(worn.cover[..., 1] > 0.5)
    eyes = worn.landmarks[:2]
    apart = abs(eyes[1, 0] - eyes[0, 0])
    assert len(rows) > 60 and np.abs(rows - eyes[:, 1].mean()).max() < 0.5 * apart
    assert columns.min() < eyes[:, 0].min() - 0.2 * apart and columns.max() > eyes[:, 0].max() + 0.2 * apart
    front = worn.cover[..., 1] > 0.99
    assert (worn.truth[..., 12] < bare.truth[..., 12])[front].mean() > 0.9
    for eye in eyes.round().astype(int):  # the glass itself is clear
        assert worn.cover[eye[1], eye[0], 1] == 0


def test_only_hair_is_softened():
    """Against a convolution written out; far from hair nothing moves."""
    rng = np.random.default_rng(3)
    scene, cover = rng.uniform(size=(16, 16, 3)).astype(np.float32), np.zeros((16, 16, 2), np.float32)
    cover[4:6, 7, 1] = [1, 0.5]
    out = soften(scene, cover)
    changed = np.abs(out - scene).max(-1) > 0
    assert set(zip(*np.nonzero(changed), strict=True)) == {(i, j) for i in range(3, 7) for j in range(6, 9)}
    kernel = np.outer([1, 2, 1], [1, 2, 1])[..., None] / 16
    for i, most in ((3, 1), (5, 1), (6, 0.5)):
        blurred = (scene[i - 1 : i + 2, 6:9] * kernel).sum((0, 1))
        assert np.allclose(out[i, 7], scene[i, 7] + (blurred - scene[i, 7]) * 0.85 * most, atol=1e-6)


def test_light_is_found_again():
    rng = np.random.default_rng(0)
    normal = rng.normal(size=(400, 3))
    normal[:, 2] = -np.abs(normal[:, 2])
    normal = (normal / np.linalg.norm(normal, axis=1, keepdims=True)).astype(np.float32)
    for light in ([0.4, 0.5, 0.3, -0.6], [0.7, 0.2, -0.8, 0.1]):
        direction = np.array([*light[2:], 1]) / np.linalg.norm([*light[2:], 1])
        shading = light[0] + light[1] * np.maximum(0, -(normal @ direction))
        assert np.allclose(single_light(shading.astype(np.float32), normal), light, atol=0.02)


def test_expression_moves_and_identity_stays():
    head = load()
    who = identity(head, stream(3, 1, "identity"))
    assert np.array_equal(control(head, who), control(head, who))
    moves = clip_factors(head, 8, 3, 1)
    assert all(0 <= v <= 1 for m in moves for v in m["expression"].values()) and set(moves[0]["expression"]) <= set(
        head.actions
    )
    smooth = [abs(np.diff([m["pose"][k] for m in moves], n=1)).max() for k in range(3)]
    assert max(smooth) < 45 and len(head.actions) == 52
    backs = background(stream(3, 1, "background"), 40, 3)
    assert backs[0].shape == (40, 40, 3) and backs[0].min() >= 0 and backs[0].max() <= 1


def test_factors_of_different_kinds_are_independent():
    """With 600 clips a correlation scatters by .04 on its own, the largest of 200 by .15; benchmarks/people.py does
    20,000 against .05."""
    from benchmarks.people import correlations

    assert correlations(600) < 0.17


@pytest.mark.slow
def test_workers_and_order_do_not_change_the_bytes(tmp_path):
    """A clip depends on nothing but its number; how a kill is survived is the engine's own test."""
    people.people_shards(3, 2, 24, 77, tmp_path / "one", 1)
    people.people_shards(3, 2, 24, 77, tmp_path / "two", 2)
    names = sorted(p.name for p in (tmp_path / "one").iterdir())
    assert names == sorted(p.name for p in (tmp_path / "two").iterdir()) and "00000.tar" in names
    assert all((tmp_path / "one" / n).read_bytes() == (tmp_path / "two" / n).read_bytes() for n in names)
    assert people.Clip(77, 2, 24, first=2)(0) == people.Clip(77, 2, 24)(2)
    with pytest.raises(ShardsError, match="other arguments"):
        people.people_shards(3, 2, 24, 78, tmp_path / "two")


def test_truth_set(tmp_path):
    truth.truth_shards(24, tmp_path, 1, people=2)
    for part, first in (("validation", 0), ("test", 400)):
        clips = read_shards(tmp_path / part, 24)
        assert len(clips.factors) == 16 and {f["set"] for f in clips.factors} == {part}
        assert {f["person"] for f in clips.factors} == {f"{truth.SEED}-{n:06d}" for n in (first, first + 1)}
        swaps = read_shards(tmp_path / part / "swaps", 24)
        by_key = {f"{f['person'].split('-')[1]}.{f['frame']:02d}": f for f in clips.factors}
        for swap in swaps.factors:
            mine, theirs = by_key[swap["swap"]["identity"]], swap["swap"]["expression"]
            assert swap["pose"] == mine["pose"] and swap["shapes"] == mine["shapes"] and swap["lamps"] == mine["lamps"]
            if theirs in by_key:
                assert swap["expression"] == by_key[theirs]["expression"]
    with pytest.raises(ValueError, match="seed"):
        people.people_shards(1, 1, 24, truth.SEED, tmp_path / "no")


def test_stored_truth():
    _, images, factors, arrays = people.Clip(77, 2, 24)(0)
    picture = np.asarray(Image.open(io.BytesIO(images[0])))
    stored = np.load(io.BytesIO(arrays[0]), allow_pickle=False)
    side = len(picture)
    assert side == 30 and {k: (stored[k].dtype, stored[k].shape) for k in stored} == {
        "depth": (np.uint16, (side, side)), "normal": (np.int8, (side, side, 3)),
        "albedo": (np.uint8, (side, side, 3)), "mask": (np.uint8, (side, side)),
    }  # fmt: skip
    head = stored["mask"] > 0
    assert set(np.unique(stored["mask"])) <= {0, 1, 2} and ((stored["depth"] > 0) == head).all()
    z = DEPTH_NEAR + DEPTH_RANGE * stored["depth"][head] / 65535
    assert 0.85 < z.min() < z.max() < 1.2
    assert np.abs(np.linalg.norm(stored["normal"][head] / 127, axis=-1) - 1).max() < 0.02
    assert len(factors) == 2 and len(factors[0]["light"]) == 4 and len(factors[0]["landmarks"]) == 5
