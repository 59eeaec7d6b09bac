"""The depth suite on ellipsoids whose depth, pose and light are known, for models whose answers are known."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from latentface.autoencoder import Codes, Scene
from latentface.camera import normals_from_depth, pixel_grid
from latentface.checkpoints import load_autoencoder
from latentface.pictures import picture
from latentface.rendering import render, view_grid
from tests.helpers import smooth, tiny_autoencoder, tiny_pipeline, webp, write_truth
from train.__main__ import main
from train.data.shards import ShardsError
from train.evaluation.depth import depth
from train.evaluation.metrics.depth import agreement, compared, eroded, halved, light_angles, mad, side
from train.evaluation.metrics.ssim import ssim
from train.evaluation.truth_frames import read_truth, truth_maps

SIZE, SIDE = 32, 40
PEOPLE, FRAMES = 3, 4


def ellipsoid(size: int = SIZE) -> torch.Tensor:
    """1 x S x S: the front of an ellipsoid about (0, 0, 1), 0.06 wide, 0.07 high, 0.08 deep, on a wall at 1.04."""
    x, y = (pixel_grid(size) * math.tan(math.radians(5))).unbind(-1)  # as if seen from far away
    inside = 1 - (x / 0.06) ** 2 - (y / 0.07) ** 2
    return torch.where(inside > 0, 1.04 - 0.08 * inside.clamp(min=0).sqrt(), 1.04)[None]


def scene(person: int, frame: int) -> Scene:
    """The true face of a frame."""
    turn = torch.tensor([[12.0 * frame - 18, 4.0 * person - 4, 2.0 * frame - 3, 0, 0, 0]])
    light = torch.tensor([[0.5 + 0.1 * person, 0.4, 0.5 - 0.3 * frame, 0.2 * person]])
    return Scene(ellipsoid(), smooth((1, 3, SIZE, SIZE), person), turn, light)


def facing(person: int, frame: int) -> Scene:
    """The same, seen from the front: the seen depth is the canonical one."""
    return replace(scene(person, frame), view=torch.zeros(1, 6))


def head(true: Scene) -> tuple[torch.Tensor, torch.Tensor]:
    """Depth in the picture's view and the head in it, S x S."""
    seen = view_grid(true.depth, true.view)[1][0]
    return seen, render((true.depth < 1.03).float()[None], true.depth, true.view)[0][0, 0] > 0.5


def arrays(true: Scene) -> dict:
    """What the engine stores of a frame, with margin."""
    seen, mask = head(true)
    edge = (SIDE - SIZE) // 2
    pad = ((edge, edge), (edge, edge))
    kind = np.where(mask.numpy(), 1, 2).astype(np.uint8)  # 2: hair and the like, not to be judged
    normal = (normals_from_depth(seen[None])[0] * 127).round().to(torch.int8).numpy()
    return {
        "depth": np.pad(((seen.numpy() - 0.8) / 0.4 * 65535).round().astype(np.uint16), pad),
        "normal": np.pad(normal, (*pad, (0, 0))),
        "albedo": np.zeros((SIDE, SIDE, 3), np.uint8),
        "mask": np.pad(kind, pad),
    }


def clips(count: int, make=scene):
    """Clips of ellipsoids with truth; what follows the people is a swap."""
    for index in range(count):
        images, factors, known = [], [], []
        for frame in range(FRAMES):
            true = make(index % PEOPLE, frame)
            crop = picture(true.render()[0][0])
            images.append(webp(Image.fromarray(np.pad(crop, ((4, 4), (4, 4), (0, 0)), mode="edge"))))
            pose, light = true.view[0, :3].tolist(), true.light[0].tolist()
            factors.append(
                {"person": f"{index % PEOPLE}", "frame": frame, "set": "validation", "pose": pose, "light": light}
            )
            if index >= PEOPLE:
                factors[-1]["swap"] = {"identity": "0", "expression": "1"}
            known.append(arrays(true))
        yield f"{index:03d}", images, factors, known


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_truth(clips(PEOPLE + 1), tmp_path_factory.mktemp("truth") / "validation")


class Known(nn.Module):
    """Answers with the true scenes of the frames in the order of the set, changed by `change`."""

    def __init__(self, make, change):
        super().__init__()
        self.size, self.make, self.change, self.clip = SIZE, make, change, -1
        self.weight = nn.Parameter(torch.zeros(1))

    def encode(self, image: torch.Tensor) -> Codes:
        self.clip += 1
        scenes = [self.change(self.make(self.clip, frame)) for frame in range(len(image))]
        parts = [torch.cat([getattr(s, k) for s in scenes]) for k in ("depth", "albedo", "view", "light")]
        return Codes(parts[0].flatten(1), parts[1].flatten(1), *parts[2:])  # the maps themselves are the codes

    def decode(self, codes: Codes) -> Scene:
        depth, albedo = codes.shape.unflatten(1, (SIZE, SIZE)), codes.texture.unflatten(1, (3, SIZE, SIZE))
        return Scene(depth, albedo, codes.view, codes.light)


def judged(folder, make, change=lambda scene: scene) -> dict:
    return depth(Known(make, change), read_truth(folder, SIZE))[0]


def test_the_truth_scores_perfectly(folder):
    found = judged(folder, scene)
    assert (found["n"], found["people"], found["concave"], found["covered"]) == (12, 3, 0, 1)  # the swap is left out
    assert (found["side_64"], found["mad_64_deg"]) == (found["side"], found["mad_deg"])  # a model of 32 pixels
    assert found["side"] < 1e-5 and found["mad_deg"] < 0.3  # 16 bits of depth
    assert found["mad_mesh_deg"] < 0.5  # 8 bits of normal
    for name in ("yaw", "pitch", "roll", "light"):
        assert found[f"{name}_deg"] < 1e-3 and found[f"{name}_centred_deg"] < 1e-3
    assert found["yaw_corr"] == pytest.approx(1) and found["light_x_corr"] == pytest.approx(1)
    assert found["light_constant_deg"] > 5 and found["yaw_constant_deg"] == pytest.approx(12)
    assert found["reconstruction_l1"] < 0.01 and found["ssim"] > 0.99 and found["perceptual"] < 0.02
    assert found["side_flat"] > 0.01 and found["mad_flat_deg"] > 15


@pytest.fixture(scope="module")
def frontal(tmp_path_factory):
    """A set with every face from the front."""
    return write_truth(clips(2, facing), tmp_path_factory.mktemp("frontal") / "set")


def test_changed_depths_score_what_the_formula_says(frontal):
    true, mask = ellipsoid(), eroded(ellipsoid() < 1.03)
    spread = true[mask].log().std(correction=0).item()
    slope = normals_from_depth(true)[mask][:, 2].neg().clamp(-1, 1).acos().rad2deg().mean().item()
    stretched = judged(frontal, facing, lambda s: replace(s, depth=s.depth**1.5))
    assert stretched["side"] == pytest.approx(0.5 * spread, rel=2e-3)
    farther = judged(frontal, facing, lambda s: replace(s, depth=1.02 * s.depth))
    assert farther["side"] < 1e-5 and farther["mad_deg"] < 0.3  # scale is free
    flat = judged(frontal, facing, lambda s: replace(s, depth=torch.ones_like(s.depth)))
    assert flat["side"] == pytest.approx(spread, rel=1e-3) == pytest.approx(flat["side_flat"], rel=1e-3)
    assert flat["mad_deg"] == pytest.approx(slope, rel=5e-3) == pytest.approx(flat["mad_flat_deg"], rel=5e-3)
    assert flat["concave"] == 1  # not convex, at least
    hollow = judged(frontal, facing, lambda s: replace(s, depth=2.04 - s.depth))
    assert hollow["concave"] == 1 and hollow["side"] > 1.9 * spread and hollow["mad_deg"] > 1.5 * slope
    one = judged(frontal, facing, lambda s: replace(s, depth=2.04 - s.depth if s.light[0, 2] > 0.4 else s.depth))
    assert one["concave"] == pytest.approx(1 / FRAMES)


def test_at_64_pixels_only_what_all_four_know_is_compared():
    depth = ellipsoid(128)
    mask, seen = depth < 1.03, depth.clone()
    seen[0, 64, 64] = 0  # a hole
    small_seen, small_true, small_mask = halved(seen, depth, mask)
    whole = mask[0].unfold(0, 2, 2).unfold(1, 2, 2)
    assert torch.equal(small_mask[0], whole.all(-1).all(-1)) and 0 < small_mask.sum() < whole.any(-1).any(-1).sum()
    assert (small_seen == 0).sum() == 1 and small_seen[0, 32, 32] == 0
    found_side, found_mad, shared, _ = compared(small_seen, small_true, small_mask)
    assert found_side < 1e-6 and found_mad < 1e-2 and not shared[0, 31:34, 31:34].any()
    tilted = small_true + 0.1 * torch.linspace(-1, 1, 64)  # by about as many degrees everywhere
    assert compared(tilted, small_true, small_mask)[1] == pytest.approx(
        compared(depth + 0.1 * torch.linspace(-1, 1, 128), depth, mask)[1], rel=0.1
    )


def test_a_constant_offset_is_told_from_an_error(folder):
    turned = judged(folder, scene, lambda s: replace(s, view=s.view + torch.tensor([[5.0, 0, -3, 0, 0, 0]])))
    assert turned["yaw_deg"] == pytest.approx(5, abs=1e-3) == pytest.approx(turned["yaw_offset_deg"], abs=1e-3)
    assert turned["yaw_centred_deg"] < 1e-3 and turned["roll_offset_deg"] == pytest.approx(-3, abs=1e-3)
    assert turned["side"] > 1e-3 and turned["pitch_deg"] < 1e-3
    mirrored = judged(folder, scene, lambda s: replace(s, view=-s.view, light=s.light * torch.tensor([1, 1, -1, 1])))
    assert mirrored["yaw_corr"] == pytest.approx(-1) == pytest.approx(mirrored["light_x_corr"])
    assert mirrored["light_deg"] > 15


def test_frames_are_spread_over_the_clip(folder):
    truth = list(read_truth(folder, SIZE, frames=2))
    assert [[f["frame"] for f in clip.factors] for clip in truth] == [[0, 3]] * PEOPLE
    assert [[f["frame"] for f in clip.factors] for clip in read_truth(folder, SIZE)] == [[0, 1, 2, 3]] * PEOPLE


def test_pieces_of_truth_land_in_their_pixels():
    rng = np.random.default_rng(0)
    stored = {
        "depth": rng.integers(1, 65535, (40, 40)).astype(np.uint16),
        "normal": rng.integers(-90, 90, (40, 40, 3)).astype(np.int8),
        "mask": np.ones((40, 40), np.uint8),
    }
    stored["mask"][4, 4] = 2  # hair in the crop's first pixel
    stored["depth"][35, 35] = 0  # a hole in its last
    z, normal, mask = truth_maps(stored, 16)
    assert z[3, 5].item() == pytest.approx(0.8 + 0.4 * stored["depth"][10:12, 14:16].mean() / 65535, rel=1e-6)
    mean = stored["normal"][10:12, 14:16].reshape(4, 3).mean(0)
    np.testing.assert_allclose(normal[3, 5], mean / np.linalg.norm(mean), rtol=1e-5)
    assert not mask[0, 0] and not mask[-1, -1] and mask.sum() == 16 * 16 - 2
    assert truth_maps(stored, 64)[0].shape == (64, 64)  # a bigger model than the frames


# Naive twins


def random_faces(seed: int = 0):
    generator = torch.Generator().manual_seed(seed)
    one, two = 0.9 + 0.2 * torch.rand(2, 2, 6, 6, generator=generator, dtype=torch.float64)
    return one, two, torch.rand(2, 6, 6, generator=generator) > 0.4


def test_side_and_mad_against_loops():
    one, two, mask = random_faces()
    normals = [
        torch.nn.functional.normalize(torch.rand(2, 6, 6, 3, dtype=torch.float64) - 0.5, dim=-1) for _ in range(2)
    ]
    for face in range(2):
        places = [(y, x) for y in range(6) for x in range(6) if mask[face, y, x]]
        logs = [math.log(one[face, y, x]) - math.log(two[face, y, x]) for y, x in places]
        mean = sum(logs) / len(logs)
        expected = math.sqrt(sum((value - mean) ** 2 for value in logs) / len(logs))
        assert side(one, two, mask)[face].item() == pytest.approx(expected, rel=1e-9)
        dots = [sum((normals[0][face, y, x] * normals[1][face, y, x]).tolist()) for y, x in places]
        expected = sum(math.degrees(math.acos(dot)) for dot in dots) / len(dots)
        assert mad(*normals, mask)[face].item() == pytest.approx(expected, rel=1e-9)
    nothing = torch.zeros_like(mask)
    assert side(one, two, nothing).isnan().all() and mad(*normals, nothing).isnan().all()


def test_erosion_against_loops():
    _, _, mask = random_faces(1)
    mask = mask | (torch.arange(6) > 2)
    for face in range(2):
        for y in range(6):
            for x in range(6):
                around = [(y + dy, x + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
                expected = all(0 <= r < 6 and 0 <= c < 6 and bool(mask[face, r, c]) for r, c in around)
                assert eroded(mask)[face, y, x] == expected
    assert eroded(mask).any()


def test_ssim_against_loops():
    generator = torch.Generator().manual_seed(2)
    one = torch.rand(2, 2, 13, 12, generator=generator, dtype=torch.float64)
    two = (one + 0.2 * torch.rand(one.shape, generator=generator, dtype=torch.float64)).clamp(0, 1)
    weight = np.array([[math.exp(-((y - 5) ** 2 + (x - 5) ** 2) / 4.5) for x in range(11)] for y in range(11)])
    weight /= weight.sum()
    for face in range(2):
        values = []
        for c in range(2):
            for y in range(3):
                for x in range(2):
                    a, b = (t[face, c, y : y + 11, x : x + 11].numpy() for t in (one, two))
                    ma, mb = (weight * a).sum(), (weight * b).sum()
                    va, vb = (weight * (a - ma) ** 2).sum(), (weight * (b - mb) ** 2).sum()
                    both = (weight * (a - ma) * (b - mb)).sum()
                    values.append(
                        (2 * ma * mb + 1e-4) * (2 * both + 9e-4) / ((ma**2 + mb**2 + 1e-4) * (va + vb + 9e-4))
                    )
        assert ssim(one, two)[face].item() == pytest.approx(np.mean(values), rel=1e-9)
    assert ssim(one, one).tolist() == pytest.approx([1, 1])


def test_agreement_against_numpy():
    rng = np.random.default_rng(3)
    true = rng.normal(0, 10, 50)
    predicted = 0.8 * true + rng.normal(0, 2, 50) + 4
    found = agreement(torch.tensor(predicted), torch.tensor(true))
    slope = np.polyfit(true, predicted, 1)[0]
    gap = predicted - true
    assert found["corr"] == pytest.approx(np.corrcoef(predicted, true)[0, 1])
    assert found["slope"] == pytest.approx(slope) and found["offset"] == pytest.approx(gap.mean())
    assert found["error"] == pytest.approx(abs(gap).mean()) and found["centred"] == pytest.approx(
        abs(gap - gap.mean()).mean()
    )
    assert (
        agreement(torch.zeros(4), torch.arange(4.0))["corr"]
        == 0
        == agreement(torch.arange(4.0), torch.zeros(4))["slope"]
    )


def test_light_angles_by_hand():
    ahead, aside = torch.tensor([[0.5, 0.5, 0, 0]]), torch.tensor([[0.1, 0.9, 1.0, 0]])
    plain, moved = light_angles(aside, ahead)
    assert plain.item() == pytest.approx(45, abs=1e-3) and moved.item() == pytest.approx(0, abs=0.05)


# The command


def test_the_command_measures_a_pipeline_and_a_stage_1_run(folder, tmp_path, capsys):
    tiny_pipeline(size=SIZE).save_pretrained(tmp_path / "pipeline")
    tiny_autoencoder(size=SIZE).save_pretrained(tmp_path / "run" / "autoencoder")
    written = []
    for name in ("pipeline", "run"):
        out = tmp_path / f"{name}.json"
        command = [
            "evaluate",
            "--suite",
            "depth",
            "--checkpoint",
            str(tmp_path / name),
            "--data",
            f"truth:{folder}",
            "--out",
            str(out),
        ]
        assert main(command) == 0, capsys.readouterr().err
        written.append(json.loads(out.read_text()))
        assert Image.open(out.with_suffix(".png")).size == (4 * SIZE * PEOPLE, 4 * SIZE * 6)
    one, two = ({k: v for k, v in w.items() if isinstance(v, float)} for w in written)
    assert one == two and len(one) > 30 and written[0]["n"] == 12
    assert {"side", "mad_deg", "concave", "yaw_deg", "seed", "commit", "data"} <= set(written[0])


def test_what_can_not_be_measured_is_said(folder, tmp_path):
    write_truth([("000", [webp(Image.new("RGB", (40, 40)))], [{"person": "0"}], None)], tmp_path / "plain")
    with pytest.raises(ValueError, match="no truth"):
        list(read_truth(tmp_path / "plain", SIZE))
    with pytest.raises(ShardsError, match="no shards"):
        list(read_truth(tmp_path / "none", SIZE))
    assert main(["evaluate", "--suite", "depth", "--data", f"lfw:{folder}", "--out", str(tmp_path / "r.json")]) == 2
    assert load_autoencoder("explorer").size in (64, 128)
