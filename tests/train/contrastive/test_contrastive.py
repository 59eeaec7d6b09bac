"""PCL and SimCLR: every loss against plain loops, random views against plain loops, toy runs."""

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from latentface.checkpoints import load_network
from latentface.pcl import PCL, Backbone, Features
from tests.helpers import drawn_clips
from tests.train.test_trainers import Interrupt, assert_bit_equal, curve
from train import losses
from train.__main__ import main
from train.common.run import append_curve, load_state
from train.contrastive import augment, pcl, simclr
from train.contrastive.balance import Balance
from train.contrastive.config import ContrastiveConfig
from train.contrastive.probes import nearest, ridge_correlation
from train.contrastive.trainer import learning_rate
from train.data.clips import Clips, People, another_frame
from train.data.shards import MARGIN, write_shards
from train.release import ship

TOY = {"pcl": replace(pcl.PRESETS["toy"], model={"size": 16, "width": 8}, images=256),
       "simclr": replace(simclr.PRESETS["toy"], model={"size": 16, "width": 8}, images=256)}  # fmt: skip
TRAIN = {"pcl": pcl.train, "simclr": simclr.train}
SAVED = {"pcl": ("pcl", PCL), "simclr": ("backbone", Backbone)}


def numbers(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def unit(vector: list[float]) -> list[float]:
    length = math.sqrt(sum(v * v for v in vector))
    return [v / length for v in vector]


def dot(a: list[float], b: list[float]) -> float:
    return sum(x * y for x, y in zip(a, b, strict=True))


def test_orthogonality_against_a_loop():
    face, pose = numbers(0, 5, 4), numbers(1, 5, 4)
    rows = []
    for f in (face, pose):
        means = [sum(float(f[b, d]) for b in range(5)) / 5 for d in range(4)]
        rows.append([unit([float(f[b, d]) - means[d] for d in range(4)]) for b in range(5)])
    entries = [sum(rows[0][b][i] * rows[1][b][j] for b in range(5)) for i in range(4) for j in range(4)]
    assert float(losses.orthogonality(face, pose)) == pytest.approx(sum(e * e for e in entries) / 16, rel=1e-5)


def test_orthogonality_of_branches_in_different_columns_is_zero():
    face, pose = numbers(0, 6, 8), numbers(1, 6, 8)
    face[:, 4:] = pose[:, :4] = 0
    one, same = losses.orthogonality(face, pose), losses.orthogonality(face, face)
    assert 0 < one < same
    half = torch.tensor([[1.0, 0], [-1, 0], [1, 0], [-1, 0]])
    assert losses.orthogonality(half, half.flip(1) * torch.tensor([[1.0], [1], [-1], [-1]])) == 0


@pytest.mark.parametrize("people", [None, [0, 1, 0, 2]])
@pytest.mark.parametrize("mixed", [False, True])
def test_info_nce_against_a_loop(mixed, people):
    count, temperature = 4, 0.3
    one, two = numbers(0, count, 5), numbers(1, count, 5)
    share, partner = torch.rand(8, generator=torch.Generator().manual_seed(2)), torch.tensor([3, 0, 6, 1, 2, 7, 4, 5])
    z = [unit(row) for row in [*one.tolist(), *two.tolist()]]
    group = [(people or range(count))[i % count] for i in range(8)]
    total = 0.0
    for i in range(8):
        positive = math.exp(dot(z[i], z[(i + 4) % 8]) / temperature)
        negatives = [math.exp(dot(z[i], z[j]) / temperature) for j in range(8) if group[j] != group[i]]
        for j in range(8) if mixed else ():
            if group[i] not in (group[j], group[partner[j]]):
                mixture = unit(
                    [float(share[j]) * a + (1 - float(share[j])) * b for a, b in zip(z[j], z[partner[j]], strict=True)]
                )
                negatives.append(math.exp(dot(z[i], mixture) / temperature))
        total -= math.log(positive / (positive + sum(negatives)))
    found = losses.info_nce(
        one, two, temperature, (share, partner) if mixed else None, None if people is None else torch.tensor(people)
    )
    assert float(found) == pytest.approx(total / 8, rel=1e-5)


def test_mixed_negatives_make_the_task_harder():
    one, two = numbers(0, 16, 8), numbers(1, 16, 8)
    mix = losses.mixture(32, torch.Generator().manual_seed(0))
    assert losses.info_nce(one, two, 0.1, mix) > losses.info_nce(one, two, 0.1)


@pytest.mark.parametrize("shape", [1.6, 4.0])
def test_shares_of_mixtures_follow_beta(shape):
    share, partner = losses.mixture(40_000, torch.Generator().manual_seed(0), shape)
    assert partner.sort().values.equal(torch.arange(40_000)) and share.min() > 0 and share.max() < 1
    assert float(share.mean()) == pytest.approx(0.5, abs=0.01)
    assert float(share.var()) == pytest.approx(1 / (4 * (2 * shape + 1)), rel=0.03)
    again = losses.mixture(40_000, torch.Generator().manual_seed(0), shape)
    assert torch.equal(share, again[0]) and torch.equal(partner, again[1])


@pytest.mark.parametrize("kept", [1, 3])
def test_pose_contrast_against_a_loop(kept):
    anchor, positive, negatives = numbers(0, 4, 5), numbers(1, 4, 5), numbers(2, 4, kept, 5)
    total = 0.0
    for a, p, many in zip(anchor.tolist(), positive.tolist(), negatives.tolist(), strict=True):
        near = math.exp(dot(unit(a), unit(p)) / 0.2)
        far = sum(math.exp(dot(unit(a), unit(n)) / 0.2) for n in many) * 100 / kept
        total -= math.log(near / (near + far))
    assert float(losses.pose_contrast(anchor, positive, negatives, 0.2)) == pytest.approx(total / 4, rel=1e-5)


def test_pose_contrast_of_all_negatives_is_plain_and_of_equal_ones_does_not_depend_on_their_number():
    anchor, positive, negative = numbers(0, 3, 5), numbers(1, 3, 5), numbers(2, 3, 1, 5)
    values = [losses.pose_contrast(anchor, positive, negative.expand(-1, k, -1), 0.1) for k in (1, 2, 100)]
    torch.testing.assert_close(values[0], values[1])
    torch.testing.assert_close(values[0], values[2])


def test_reconstruction_against_the_four_terms():
    f_s, p_s, f_f, p_f = (numbers(i, 2, 12) for i in range(4))
    s, f = numbers(5, 2, 3, 2, 2), numbers(6, 2, 3, 2, 2)

    def decode(face, pose):
        return (2 * face - pose).view(-1, 3, 2, 2)

    terms = [(f_f, p_s, s), (f_s, p_f, f), (f_s, p_s, s), (f_f, p_f, f)]
    expected = 0.0
    for face, pose, target in terms:
        wrong = [
            abs(a - b) for a, b in zip(decode(face, pose).flatten().tolist(), target.flatten().tolist(), strict=True)
        ]
        expected += sum(wrong) / len(wrong)
    assert float(losses.reconstruction(decode, (f_s, p_s), (f_f, p_f), s, f)) == pytest.approx(expected, rel=1e-5)


def test_every_loss_has_finite_gradients_at_its_extremes():
    same = torch.ones(4, 6, requires_grad=True)
    image = torch.zeros(4, 3, 2, 1)
    total = losses.info_nce(same, same, 0.07) + losses.pose_contrast(same, same, same[:, None], 0.07)
    total = total + losses.orthogonality(same, same)
    total = total + losses.reconstruction(
        lambda f, p: (f - p).view(-1, 3, 2, 1), (same, same), (same, same), image, image
    )
    total.backward()
    assert torch.isfinite(same.grad).all()


def test_dynamic_weights_against_a_loop():
    balance, rng = Balance(["face", "pose"], window=3), torch.Generator().manual_seed(0)
    told = [(1 + float(torch.rand((), generator=rng)), 1 + float(torch.rand((), generator=rng))) for _ in range(11)]
    for step, pair in enumerate(told):
        whole = step // 3
        if whole < 2:
            expected = [1.0, 1.0]
        else:
            means = [
                [sum(row[k] for row in told[3 * w : 3 * w + 3]) / 3 for w in (whole - 2, whole - 1)] for k in (0, 1)
            ]
            raw = [math.exp(last / before / 2.0) for before, last in means]
            expected = [2 * r / sum(raw) for r in raw]
        assert list(balance.weights().values()) == pytest.approx(expected)
        balance.update(dict(zip(("face", "pose"), pair, strict=True)))
    other = Balance(["face", "pose"], window=3)
    other.load_state_dict(balance.state_dict())
    assert other.weights() == balance.weights()


def test_the_loss_that_falls_slowest_weighs_most():
    balance = Balance(["face", "pose"], window=1)
    for face, pose in ((4.0, 4.0), (2.0, 3.9)):
        balance.update({"face": face, "pose": pose})
    weights = balance.weights()
    assert weights["pose"] > 1 > weights["face"] and sum(weights.values()) == pytest.approx(2)


def stored(count: int = 2, side: int = 40) -> torch.Tensor:
    return torch.randint(0, 256, (count, 3, side, side), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)


@pytest.mark.parametrize("box", [(0.0, 0.0, 1.0), (0.1, -0.2, -0.6), (-0.5, 0.5, 0.3)])
@pytest.mark.parametrize("blur", [0.0, 1.3])
def test_resample_against_a_loop(box, blur):
    frames, size, side = stored(1), 8, 40
    found = augment.resample(frames, torch.tensor([box]), torch.tensor([blur]), size).float()
    scale = abs(box[2]) / MARGIN * side / size
    reach = math.sqrt(6) * math.hypot(max(0.3 * scale, 0.42), blur * scale)

    def weights(centre: float, half: float, i: int) -> list[float]:
        at = (centre + half * ((i + 0.5) / size * 2 - 1)) / MARGIN * side / 2 + side / 2 - 0.5
        raw = [max(0.0, 1 - abs(k - at) / reach) for k in range(side)]
        return [r / sum(raw) for r in raw]

    for y, x in ((0, 0), (3, 5), (7, 2)):
        down, across = weights(box[1], abs(box[2]), y), weights(box[0], box[2], x)
        for c in range(3):
            value = sum(
                down[i] * across[j] * float(frames[0, c, i, j])
                for i in range(side)
                if down[i]
                for j in range(side)
                if across[j]
            )
            assert float(found[0, c, y, x]) == pytest.approx(value, abs=2.5)  # bfloat16


def test_the_whole_box_is_the_standard_crop_and_a_negative_one_its_mirror_image():
    ramp = torch.arange(40, dtype=torch.uint8).mul(6).expand(1, 3, 40, 40).contiguous()
    plain = augment.resample(ramp, torch.tensor([[0.0, 0, 1]]), torch.zeros(1), 16).float()
    mirrored = augment.resample(ramp, torch.tensor([[0.0, 0, -1]]), torch.zeros(1), 16).float()
    torch.testing.assert_close(plain.flip(-1), mirrored)
    expected = 6 * (4 + 2 * torch.arange(16) + 0.5)  # crop: pixels 4 to 35, averaged in pairs
    torch.testing.assert_close(plain[0, 0, 8], expected, atol=1.5, rtol=0)


def test_recolour_against_a_loop():
    image = numbers(0, 3, 3, 2, 2).abs() * 60 + 20
    factors = torch.tensor([[1.2, 0.7, 1.5, 0.1], [0.8, 1.3, 0.2, -0.2], [1.0, 1, 1, 0]])
    grey = torch.tensor([False, True, False])
    found = augment.recolour(image, factors, grey)
    luma = augment.LUMA
    for b in range(3):
        bright, contrast, saturation, hue = factors[b].tolist()
        mean = bright * sum(luma[c] * float(image[b, c].mean()) for c in range(3))
        turn, k = 2 * math.pi * hue, 1 / math.sqrt(3)
        for y in range(2):
            for x in range(2):
                rgb = [contrast * bright * float(v) + (1 - contrast) * mean for v in image[b, :, y, x]]
                level = dot(luma, rgb)
                rgb = [level + (0 if grey[b] else saturation) * (v - level) for v in rgb]
                along = sum(rgb) * k * k
                cross = [k * (rgb[2] - rgb[1]), k * (rgb[0] - rgb[2]), k * (rgb[1] - rgb[0])]
                rgb = [
                    v * math.cos(turn) + c * math.sin(turn) + along * (1 - math.cos(turn))
                    for v, c in zip(rgb, cross, strict=True)
                ]
                expected = [min(255.0, max(0.0, v)) / 127.5 - 1 for v in rgb]
                assert found[b, :, y, x].tolist() == pytest.approx(expected, abs=1e-4)
    assert float((found[1].amax(0) - found[1].amin(0)).max()) < 1e-5
    torch.testing.assert_close(found[2], (image[2].clamp(0, 255) / 127.5 - 1))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.2, 0.45))
def test_face_crops_lie_in_two_quadrants(seed, half):
    boxes = augment.quadrants(16, torch.Generator().manual_seed(seed), half)
    sides = []
    for box in boxes:
        assert ((box[:, 2].abs() - half).abs() < 1e-6).all()
        side = box[:, :2] > 0
        low, high = side.float() - 1, side.float()
        assert (box[:, :2] - half >= low - 1e-5).all() and (box[:, :2] + half <= high + 1e-5).all()
        sides.append(side)
    assert (sides[0] != sides[1]).any(1).all()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.05, 0.9))
def test_crops_stay_inside_and_have_their_share(seed, least):
    box = augment.crops(16, torch.Generator().manual_seed(seed), (least, 1.0))
    half = box[:, 2].abs()
    assert ((box[:, :2].abs() + half[:, None]) <= 1 + 1e-5).all() and (half**2 >= least - 1e-5).all()


def test_views_repeat_and_vary_as_asked():
    frames, box = stored(64), augment.near_whole(64, torch.Generator().manual_seed(0))
    views = [augment.view(frames, box, 16, augment.Colours(), torch.Generator().manual_seed(s)) for s in (1, 1, 2)]
    assert torch.equal(views[0], views[1]) and not torch.equal(views[0], views[2])
    assert views[0].shape == (64, 3, 16, 16) and views[0].abs().max() <= 1
    grey = ((views[0].amax(1) - views[0].amin(1)) < 0.03).flatten(1).all(1).float().mean()
    assert 0.05 < grey < 0.4
    plain = augment.view(frames, box, 16, None, torch.Generator().manual_seed(1))
    torch.testing.assert_close(
        plain.float(), augment.resample(frames, box, torch.zeros(64), 16).float() / 127.5 - 1, atol=0.02, rtol=0
    )


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(1, 4), min_size=1, max_size=6), st.integers(0, 1000))
def test_another_frame_is_another_of_the_same_person(frames, seed):
    person = torch.cat([torch.full((n,), i) for i, n in enumerate(frames)])
    person = person[torch.randperm(len(person), generator=torch.Generator().manual_seed(seed))]
    rows = torch.arange(len(person))
    other = another_frame(People(person), rows, torch.Generator().manual_seed(seed))
    assert torch.equal(person[other], person)
    assert torch.equal(other == rows, torch.tensor(frames)[person] == 1)


def test_every_other_frame_is_as_likely():
    person, rows = torch.tensor([0, 1, 1, 1, 1, 2]), torch.full((6000,), 2)
    other = another_frame(People(person), rows, torch.Generator().manual_seed(0))
    assert torch.bincount(other, minlength=6).tolist() == pytest.approx([0, 2000, 0, 2000, 2000, 0], abs=150)


def test_nearest_tells_perfect_from_random():
    person = torch.arange(40) // 4
    assert nearest(numbers(0, 10, 16)[person] + 0.01 * numbers(1, 40, 16), person) == 1
    assert nearest(numbers(2, 40, 16), person) < 0.4


def test_ridge_correlation_tells_perfect_from_random():
    target, random = numbers(3, 80), numbers(2, 80, 16)
    perfect = target[:, None] * numbers(4, 1, 16) + 0.01 * numbers(5, 80, 16)
    assert ridge_correlation(perfect[:40], target[:40], perfect[40:], target[40:]) > 0.99
    assert ridge_correlation(perfect[:40], target[:40], -perfect[40:], target[40:]) < -0.9
    assert abs(ridge_correlation(random[:40], target[:40], random[40:], target[40:])) < 0.5
    assert ridge_correlation(random[:40], target[:40], random[:0], target[:0]) == 0
    assert ridge_correlation(0 * random[:40], target[:40], random[40:], target[40:]) == 0


@pytest.mark.parametrize("perfect", [True, False])
def test_check_tells_a_swapper_from_a_copier(perfect):
    """Clips whose yaw is a bright bar's place and whose person is a colour; one decoder swaps, the other copies B."""

    class Drawn(torch.nn.Module):
        size = 16

        def __init__(self):
            super().__init__()
            self.still = torch.nn.Parameter(torch.zeros(1))

        def encode(self, image):
            image = torch.nn.functional.adaptive_avg_pool2d(image, 16)
            bar = image[:, 0].mean(1).argmax(1)
            colour = image.amin((2, 3))
            pose = torch.eye(16)[bar]
            return Features(torch.cat([colour, pose], 1), colour, torch.cat([pose, colour], 1))

        def decode(self, face, pose):
            colour = face if perfect else pose[:, 16:]
            image = colour[:, :, None, None].expand(-1, -1, 16, 16).clone()
            return torch.where((pose[:, :16] > 0)[:, None, None, :], torch.ones(()), image)

        def swap(self, a, b):
            return self.decode(self.encode(a).face, self.encode(b).pose)

        def forward(self, image):
            return self.swap(image, image)

    places = torch.randint(4, 28, (60,), generator=torch.Generator().manual_seed(0)) // 2 * 2
    images = torch.randint(0, 200, (12, 3, 1, 1), generator=torch.Generator().manual_seed(1), dtype=torch.uint8)
    images = images.repeat_interleave(5, 0).expand(-1, -1, 40, 40).clone()
    for image, place in zip(images, places.tolist(), strict=True):
        image[:, :, 4 + place : 6 + place] = 255
    clips = Clips(
        images,
        torch.arange(12).repeat_interleave(5),
        [{"pose": [float(p), 0, 0]} for p in places],
        torch.ones(60).bool(),
    )
    measures, sheet = pcl.check(Drawn(), clips)
    assert measures["val_l1"] < 0.01 and measures["yaw_swap"] > 0.8 and measures["nearest_face"] == 1
    assert measures["colour_of_a"] == pytest.approx(1 if perfect else 0, abs=0.1) and sheet.height == 5 * 32


def test_learning_rate():
    config = ContrastiveConfig(images=100_000, batch=10, lr=1.0)
    assert learning_rate(0, config) == pytest.approx(1 / 100) and learning_rate(490, config) == pytest.approx(
        0.5, rel=1e-3
    )
    assert learning_rate(50_000, config) == pytest.approx(0.5) and learning_rate(100_000, config) == pytest.approx(0)


@pytest.fixture(scope="module")
def shards(tmp_path_factory) -> str:
    folder = tmp_path_factory.mktemp("shards")
    write_shards(drawn_clips(21, 3, 40), folder, {"source": "drawn"})
    return str(folder)


@pytest.mark.slow
@pytest.mark.parametrize("trainer", ["pcl", "simclr"])
def test_a_stopped_run_goes_on_bit_for_bit(trainer, shards, tmp_path, capsys):
    train, config = TRAIN[trainer], TOY[trainer]
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    train(config, [shards], whole, every=64)
    with Interrupt(5, "after"):  # in the middle of PCL's second batch: the other two losses still take their step
        train(config, [shards], parts, every=64)
    images = load_state(parts / "state.pt")["images"]
    assert images == {"pcl": 64, "simclr": 160}[trainer] and f"stopped after {images} " in capsys.readouterr().out
    append_curve(parts / "curves.jsonl", {"images": images + 32})  # told, then lost in a crash
    train(config, [shards], parts, resume=True, every=64)
    assert load_state(whole / "state.pt")["images"] == 256
    assert_bit_equal(load_state(whole / "state.pt"), load_state(parts / "state.pt"))
    assert [row["images"] for row in curve(parts)] == [row["images"] for row in curve(whole)]
    name = SAVED[trainer][0]
    one, two = ((out / name / "diffusion_pytorch_model.safetensors").read_bytes() for out in (whole, parts))
    assert one == two
    with pytest.raises(FileExistsError, match="holds a run already: add --resume"):
        train(config, [shards], whole)


@pytest.mark.slow
@pytest.mark.parametrize("trainer", ["pcl", "simclr"])
def test_toy_runs_learn(trainer, shards, tmp_path):
    out = TRAIN[trainer](replace(TOY[trainer], images=1600, ema=0.9), [shards], tmp_path, every=400)
    rows = curve(out)
    first, last = rows[0], rows[-1]
    assert last["images"] == 1600
    if trainer == "pcl":
        assert last["rebuild"] < 0.8 * first["rebuild"]
        assert last["face"] < first["face"] and last["pose"] < first["pose"]
        assert {
            "nearest_trunk",
            "nearest_face",
            "nearest_pose",
            "weight_face",
            "weight_pose",
            "val_l1",
            "mirror_l1",
        } <= last.keys()
        assert (out / "sheet_0001600.png").exists()
    else:
        assert last["contrast"] < 0.9 * first["contrast"] and "nearest_trunk" in last and "nearest_face" not in last
    name, kind = SAVED[trainer]
    average = load_state(out / "state.pt")["average"]
    assert all(torch.equal(value, average[key]) for key, value in load_network(out / name, kind).state_dict().items())
    about = json.loads((out / "config.json").read_text())
    assert about["images"] == 1600 and {"command", "commit", "torch", "hardware", "data", "config"} <= about.keys()


@pytest.mark.parametrize("trainer", ["pcl", "simclr"])
def test_a_run_starts_from_trained_weights(trainer, shards, tmp_path):
    train, (name, kind) = TRAIN[trainer], SAVED[trainer]
    short = replace(TOY[trainer], images=32)
    trained = train(short, [shards], tmp_path / "trained") / name
    hardly = replace(short, seed=1, lr=1e-9, ema=0.0, start=str(trained))
    again = train(hardly, [shards], tmp_path / "again") / name
    before, after = (load_network(folder, kind) for folder in (trained, again))
    for (key, one), two in zip(before.named_parameters(), after.parameters(), strict=True):
        assert torch.allclose(one, two, atol=1e-6), key
    with pytest.raises(ValueError, match="no checkpoint"):
        train(replace(short, start="explorer"), [shards], tmp_path / "other")


def test_a_start_of_another_size_is_refused(shards, tmp_path):
    with pytest.raises(ValueError, match="--start pcl is of 64 pixels, the run of 16"):
        pcl.train(replace(TOY["pcl"], start="pcl"), [shards], tmp_path)


def test_frames_of_a_clip_teach_too(shards, tmp_path):
    out = simclr.train(replace(TOY["simclr"], frames=True, images=64), [shards], tmp_path)
    assert math.isfinite(curve(out)[-1]["contrast"])


@pytest.mark.parametrize("trainer", ["pcl", "simclr"])
def test_the_command_line_trains(trainer, shards, tmp_path, capsys):
    out = str(tmp_path / "run")
    assert main([trainer, "--preset", "toy", "--data", shards, "--images", "32", "--out", out]) == 0
    assert (Path(out) / SAVED[trainer][0] / "config.json").exists()
    assert main([trainer, "--preset", "huge", "--data", shards, "--out", out]) == 2
    assert f"no preset 'huge' for {trainer}: choose explorer" in capsys.readouterr().err


def test_a_shipped_checkpoint_is_half_as_large_and_carries_its_record(shards, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(ship, "ASSETS", tmp_path / "assets")
    run = pcl.train(replace(TOY["pcl"], images=32), [shards], tmp_path / "run")
    assert main(["ship", "--pcl", str(run)]) == 0
    out = tmp_path / "assets" / "pcl"
    assert {path.name for path in out.iterdir()} == {
        "config.json", "diffusion_pytorch_model.safetensors", "run.json", "curves.jsonl", "SHA256SUMS"
    }  # fmt: skip
    weights = "diffusion_pytorch_model.safetensors"
    assert (out / weights).stat().st_size < 0.6 * (run / "pcl" / weights).stat().st_size
    one, two = (load_network(folder, PCL).state_dict() for folder in (out, run / "pcl"))
    assert all(torch.allclose(value.float(), two[name].float(), atol=1e-3, rtol=1e-3) for name, value in one.items())
    about = json.loads((out / "run.json").read_text())
    assert about["images"] == 32 and about["data"] == [Path(shards).name]
    assert main(["ship", "--pcl", str(run), "--rdm", str(run)]) == 2
    assert (
        "ship takes --autoencoder and --rdm, or --relief or --enlarger, with or without --prior, or --prior alone"
        in capsys.readouterr().err
    )
