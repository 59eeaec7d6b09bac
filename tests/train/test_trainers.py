"""Toy runs of both trainers: they learn, stop, and go on bit for bit."""

import json
import os
import shutil
import signal
import subprocess
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path

import pytest
import torch
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook

from latentface.autoencoder import Autoencoder
from latentface.checkpoints import load_pipeline
from latentface.rdm import Denoiser, make_scheduler, split
from tests.helpers import TINY, drawn_clips, random_codes, tiny_autoencoder, tiny_denoiser
from train.__main__ import main
from train.common.run import append_curve, load_state
from train.data.clips import Clips
from train.data.reading import read_shards
from train.data.shards import write_shards
from train.release.ship import ship
from train.stage1 import trainer as autoencoder
from train.stage1.config import AutoencoderConfig
from train.stage1.expression_subspace import covarying_directions, expression_directions, feature_motion
from train.stage1.mixing import FRAMES
from train.stage1.trainer import learning_rate
from train.stage2 import trainer as rdm
from train.stage2.codes import encode_clips, others_mean
from train.stage2.config import RDMConfig
from train.stage2.least_squares import start_from_least_squares
from train.stage2.trainer import denoising_target, held_error, snr_weight
from train.stage2.whitening import within_class_whitening

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
LAID_OUT = {**TINY, "layout_grid": 4, "layout_base": 8, "changing": [1, 3, 4]}
STAGE_1 = AutoencoderConfig(
    model=LAID_OUT,
    images=64,
    batch=8,
    perceptual=0.0,
    warm_up=40,
    lr=2e-3,
    basis=24,
    level=32,
    align=16,
    layout=96,
    adversarial=0.1,
)
STAGE_2 = RDMConfig(model={"width": 16, "blocks": 1}, more=(0, 0), images=256, batch=32, views=2)
ON_CLIPS = (
    "average_laplacian", "bending", "gate", "following",
    "unsteady_shape", "unsteady_texture", "habits_shape", "habits_texture",
)  # fmt: skip
STANDS_STILL = {"average_depth", "average_share"}
"""What of a model is measured when its frame is settled, and not learned."""


@pytest.fixture(scope="module")
def shards(tmp_path_factory) -> str:
    folder = tmp_path_factory.mktemp("shards")
    write_shards(drawn_clips(21, 3, 40), folder, {"source": "drawn"})
    return str(folder)


@pytest.fixture(scope="module")
def stage_1(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("stage_1")
    model = tiny_autoencoder(**LAID_OUT)
    torch.nn.init.normal_(model.layout.displacement.weight, std=0.05)
    model.save_pretrained(folder / "autoencoder")
    return folder


@pytest.fixture(scope="module")
def start(shards, stage_1):
    """start(trainer, out, resume): one of the trainers, eight steps long."""

    def start(trainer: str, out: Path, resume: bool = False, **changes) -> Path:
        if trainer == "autoencoder":
            return autoencoder.train(replace(STAGE_1, **changes), [shards], out, resume, every=16)
        return rdm.train(replace(STAGE_2, **changes), [shards], stage_1, out, resume)

    return start


@pytest.fixture(scope="module")
def undisturbed(start, tmp_path_factory):
    """undisturbed(trainer): the folder of a run that nothing stopped; nobody writes into it."""
    return cache(lambda trainer: start(trainer, tmp_path_factory.mktemp(trainer) / "whole"))


def curve(out: Path) -> list[dict]:
    return [json.loads(line) for line in (out / "curves.jsonl").read_text().splitlines()]


def flat(state, prefix: str = "") -> dict:
    """A nested state as {path: leaf}."""
    if isinstance(state, dict):
        return {k: v for key, value in state.items() for k, v in flat(value, f"{prefix}/{key}").items()}
    if isinstance(state, (list, tuple)):
        return {k: v for i, value in enumerate(state) for k, v in flat(value, f"{prefix}/{i}").items()}
    return {prefix: state}


def assert_bit_equal(one: dict, two: dict) -> None:
    one, two = flat(one), flat(two)
    assert one.keys() == two.keys() and len(one) > 50
    for name, value in one.items():
        same = torch.equal(value, two[name]) if isinstance(value, torch.Tensor) else value == two[name]
        assert same, name


class Interrupt:
    """Presses Ctrl-C in the middle of a training step: just before or after the optimizer has moved the weights."""

    def __init__(self, step: int, when: str):
        self.left = step
        self.register = {"before": register_optimizer_step_pre_hook, "after": register_optimizer_step_post_hook}[when]

    def __enter__(self):
        self.handle = self.register(self.hook)

    def __exit__(self, *_):
        self.handle.remove()

    def hook(self, *_):
        self.left -= 1
        if self.left == 0:
            signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(
    "trainer, step, done",
    [("autoencoder", 4, 3), ("autoencoder", 8, 3), ("autoencoder", 11, 5), ("autoencoder", 14, 7), ("rdm", 4, 4)],
)
def test_a_stopped_run_goes_on_bit_for_bit(start, undisturbed, tmp_path, trainer, step, done, when, capsys):
    """The autoencoder's steps 4 to 9 settle the frame, the last three its warp; step 14 is the discriminator's first.

    Stopped in the middle of settling, the run is as it was before.
    """
    whole, parts = undisturbed(trainer), tmp_path / "parts"
    batch, total = (8, 64) if trainer == "autoencoder" else (32, 256)
    with Interrupt(step, when):
        start(trainer, parts)
    images = load_state(parts / "state.pt")["images"]
    assert (
        images in ((done - (step != 4)) * batch, done * batch) and f"stopped after {images} " in capsys.readouterr().out
    )
    append_curve(parts / "curves.jsonl", {"images": images + batch})  # told, then lost in a crash before the next save
    start(trainer, parts, resume=True)
    state = load_state(whole / "state.pt")
    assert state["images"] == total and (trainer == "rdm" or state["critic_optimizer"]["state"][0]["step"] == 2)
    assert_bit_equal(state, load_state(parts / "state.pt"))
    assert [row["images"] for row in curve(parts)] == [row["images"] for row in curve(whole)]
    last, other = (
        {k: v for k, v in curve(out)[-1].items() if k.startswith(("val", "yaw", "relief"))} for out in (whole, parts)
    )
    assert last == other and last
    weights = "autoencoder" if trainer == "autoencoder" else "pipeline/denoiser"
    one, two = ((out / weights / "diffusion_pytorch_model.safetensors").read_bytes() for out in (whole, parts))
    assert one == two


@pytest.mark.parametrize("trainer", ["autoencoder", "rdm"])
def test_a_run_is_never_overwritten(start, tmp_path, trainer):
    (tmp_path / "state.pt").write_bytes(b"a run")
    with pytest.raises(FileExistsError, match="holds a run already: add --resume"):
        start(trainer, tmp_path)
    assert (tmp_path / "state.pt").read_bytes() == b"a run"


@pytest.mark.parametrize("trainer", ["autoencoder", "rdm"])
def test_resuming_a_finished_run_changes_nothing(start, undisturbed, tmp_path, trainer):
    out = Path(shutil.copytree(undisturbed(trainer), tmp_path / "run"))
    before, rows = load_state(out / "state.pt"), curve(out)
    start(trainer, out, resume=True)
    assert_bit_equal(before, load_state(out / "state.pt"))
    assert curve(out) == rows


@pytest.mark.parametrize("trainer", ["autoencoder", "rdm"])
def test_resuming_nothing_begins_a_run(start, undisturbed, tmp_path, trainer):
    start(trainer, tmp_path, resume=True)
    assert_bit_equal(load_state(tmp_path / "state.pt"), load_state(undisturbed(trainer) / "state.pt"))


def test_stage_1_learns(start, tmp_path):
    start("autoencoder", tmp_path, images=240, ema=0.9)
    rows = curve(tmp_path)
    first, last = rows[0], rows[-1]
    assert last["images"] == 240 and last["loss"] < first["loss"] - 0.1 and last["val_l1"] < 0.95 * first["val_l1"]
    terms = ("plain", "mirrored", "gradient", "raw_depth", "laplacian", *ON_CLIPS, "adversarial")
    assert all(row["loss"] == pytest.approx(sum(row.get(k, 0) for k in terms), abs=1e-3) for row in rows)
    for row in rows:  # clips from 24 images on, the critic in the second half of them
        assert all((k in row) == (row["images"] > 24) for k in ON_CLIPS)
        assert all((k in row) == (row["images"] > 132) for k in ("adversarial", "critic"))
        assert (tmp_path / f"mixed_{row['images']:07d}.png").exists() == (row["images"] > 24)
    model = Autoencoder.from_pretrained(tmp_path / "autoencoder")
    average = load_state(tmp_path / "state.pt")["average"]
    assert all(torch.equal(value, average[name]) for name, value in model.state_dict().items())
    about = json.loads((tmp_path / "config.json").read_text())
    assert about["images"] == 240 and about["config"]["batch"] == 8 and about["config"]["model"] == LAID_OUT
    assert {"command", "commit", "torch", "python", "hardware", "data"} <= about.keys()
    assert (tmp_path / "sheet_0000240.png").exists()


@pytest.mark.parametrize("changing", [(0, 0, 0), (1, 2, 3)])
def test_stage_2_learns_and_writes_a_pipeline(shards, tmp_path, changing):
    model = tiny_autoencoder(**{**LAID_OUT, "changing": changing})
    model.save_pretrained(tmp_path / "stage_1")
    config = replace(STAGE_2, images=6400, ema=0.9, lr=5e-3)
    rows = curve(rdm.train(config, [shards], tmp_path / "stage_1", tmp_path))
    assert rows[-1]["images"] == 6400 and rows[-1]["loss"] < 0.85 * rows[0]["loss"]  # from the least-squares guess on
    pipeline, clips = load_pipeline(tmp_path / "pipeline"), read_shards([shards], 16)
    codes, denoiser = encode_clips(model, clips, config.views, config.seed)["face"], pipeline.denoiser
    code, target = (denoiser.standardize(part) for part in (codes[:, 0], others_mean(codes, clips.person)))
    error = (
        denoising_target(denoiser, code, target) - denoising_target(denoiser, code, torch.zeros_like(target))
    ).square()  # of the average face
    for kind, own in zip(("shape", "texture"), error[clips.validation].chunk(2, 1), strict=True):
        if not any(changing):  # from 20 people little of what moves can be guessed
            assert rows[-1][f"val_{kind}"] < float(own.sum(1).mean())
    assert torch.equal(
        denoiser.readings,
        torch.eye(32)[:, torch.cat([model.expression_mask("shape"), model.expression_mask("texture")])],
    )
    parts = pipeline.split(random_codes(4))
    expression = parts.expression / denoiser.std
    assert not any(changing) or torch.allclose(denoiser.expression_part(expression), expression, atol=1e-4)
    assert all(part.abs().max() > 0.01 for part in expression.chunk(2, 1))
    assert rows[-1]["loss"] < 0.3 * 2 * float(error[~clips.validation].mean())
    assert torch.isfinite(parts.identity).all() and denoiser.std.min() > 0


def test_more_directions_of_the_expression_lie_beside_the_changing_numbers(shards, stage_1, tmp_path):
    """Those in which the other numbers change most, as a face shows it."""
    rdm.train(replace(STAGE_2, images=32, views=1, more=(1, 2), apart=0.5), [shards], stage_1, tmp_path)
    model, clips = Autoencoder.from_pretrained(stage_1 / "autoencoder"), read_shards([shards], 16)
    codes, learning = encode_clips(model, clips, 1, STAGE_2.seed), ~clips.validation
    known = torch.cat([codes["view"], codes["light"], codes["view"].square()], 2)[learning, 0]
    denoiser, code = load_pipeline(tmp_path / "pipeline").denoiser, codes["face"][learning, 0]
    mean, std = code.mean(0), code.std(0).clamp(min=1e-4)
    frames, readings = (code - mean) / std, denoiser.readings
    torch.testing.assert_close(readings.T @ readings, torch.eye(4 + 1 + 4 + 2), atol=1e-5, rtol=0)
    assert not readings[16:, :5].any() and not readings[:16, 5:].any()  # each reads one of the two codes
    for kind, more, found, part in (("shape", 1, readings[:16, :5], 0), ("texture", 2, readings[16:, 5:], 1)):
        changes = model.expression_mask(kind)
        assert torch.equal(found[:, :4], torch.eye(16)[:, changes])
        shown = feature_motion(model, kind, mean.chunk(2)[part], std.chunk(2)[part])[~changes]
        own = frames.chunk(2, 1)[part][:, ~changes]
        wanted = expression_directions(own, clips.person[learning], more, known, shown, 0.5)
        same = torch.linalg.svdvals(found[~changes, 4:].T @ wanted)  # one subspace
        torch.testing.assert_close(same, torch.ones(more), atol=1e-3, rtol=0)
    along = covarying_directions(frames, clips.person[learning], readings, known)
    torch.testing.assert_close(denoiser.directions, along, atol=1e-3, rtol=0)
    assert along[16:, :5].abs().max() > 0.01  # what shape says of an expression moves texture


def test_shards_of_weight_0_count_for_signatures_alone(shards, stage_1, tmp_path):
    """Scales and the start are those of the frames that are drawn; what a signature is scaled by, of all who learn."""
    write_shards(drawn_clips(33, 5, 40), tmp_path / "more", {"source": "drawn"})
    data = [f"{tmp_path / 'more'}:0", f"{shards}:1"]
    rdm.train(replace(STAGE_2, images=32, views=1), data, stage_1, tmp_path / "run")
    pipeline, clips = load_pipeline(tmp_path / "run" / "pipeline"), read_shards(data, 16)
    codes = encode_clips(pipeline.autoencoder, clips, 1, STAGE_2.seed)
    learning = ~clips.validation
    drawn = learning & (clips.weight > 0)
    assert 0 < drawn.sum() < learning.sum()
    denoiser, code = pipeline.denoiser, codes["face"][:, 0]
    torch.testing.assert_close(denoiser.mean, code[drawn].mean(0), atol=1e-4, rtol=1e-4)
    frames = denoiser.standardize(code)
    halves = [within_class_whitening(half, clips.person[learning]) for half in frames[learning].chunk(2, 1)]
    torch.testing.assert_close(denoiser.steady, torch.block_diag(*halves), atol=1e-2, rtol=1e-2)


def test_stage_2_refuses_to_be_one_of_several_processes(start, tmp_path, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(ValueError, match="without torchrun"):
        start("rdm", tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_shipped_checkpoint_tells_nothing_of_where_it_was_made(start, undisturbed, shards, tmp_path, monkeypatch):
    first = start("autoencoder", tmp_path / "one", start=str(undisturbed("autoencoder")))
    second = rdm.train(STAGE_2, [shards], first, tmp_path / "two")
    monkeypatch.setattr("train.release.ship.ASSETS", tmp_path / "assets")
    ship(first, second, "mine")
    texts = {file.name: file.read_text() for file in (tmp_path / "assets" / "mine").rglob("*.json*")}
    assert {"model_index.json", "autoencoder_run.json", "rdm_run.json", "rdm_curves.jsonl"} <= texts.keys()
    assert not [name for name, text in texts.items() if str(tmp_path.parent) in text]
    pipeline = load_pipeline(tmp_path / "assets" / "mine")
    picture, _ = pipeline.decode(pipeline.neutral(random_codes(2))).render()
    assert picture.shape == (2, 3, 16, 16) and torch.isfinite(picture).all()


def test_the_scale_of_the_codes_comes_from_training_people(start, shards, stage_1, tmp_path):
    start("rdm", tmp_path, images=32)
    clips = read_shards([shards], 16)
    model = Autoencoder.from_pretrained(stage_1 / "autoencoder")
    codes = encode_clips(model, clips, STAGE_2.views, STAGE_2.seed)["face"]
    flat_codes = codes[~clips.validation].flatten(0, 1)
    denoiser = load_pipeline(tmp_path / "pipeline").denoiser
    torch.testing.assert_close(denoiser.mean, flat_codes.mean(0))
    torch.testing.assert_close(denoiser.std, flat_codes.std(0).clamp(min=1e-4))
    plain = model.encode(clips.centre(torch.arange(len(clips.images)), 16)).face
    torch.testing.assert_close(codes[:, 0], plain, atol=0.05, rtol=0.05)


def stop(command: list[str], sent: signal.Signals) -> tuple[int, str]:
    """Starts a training in a process of its own and stops it once it tells of its progress."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, cwd=ROOT
    )
    try:
        told = []
        for line in process.stderr:
            told.append(line)
            if " left " in line:
                process.send_signal(sent)
                break
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    return process.returncode, out + "".join(told) + err


STAGE_1_ALONE = """
import json
import sys
from pathlib import Path
from train.stage1.config import AutoencoderConfig
from train.stage1.trainer import train
train(AutoencoderConfig(**json.loads(sys.argv[3])), [sys.argv[1]], Path(sys.argv[2]), every=16)
"""


def test_ctrl_c_in_stage_1_leaves_a_state(shards, tmp_path_factory, tmp_path, python):
    script = tmp_path_factory.mktemp("script") / "run.py"
    script.write_text(STAGE_1_ALONE)
    words = [shards, str(tmp_path), json.dumps(asdict(replace(STAGE_1, images=80_000)))]
    code, told = stop([python, str(script), *words], signal.SIGINT)
    assert code == 0 and "--resume goes on from here" in told and "Traceback" not in told, told
    state = load_state(tmp_path / "state.pt")
    assert 0 < state["images"] < 80_000 and state["images"] % 8 == 0
    assert json.loads((tmp_path / "config.json").read_text())["images"] == state["images"]
    Autoencoder.from_pretrained(tmp_path / "autoencoder")
    assert not list(tmp_path.glob("*.partial"))
    total = max(32, state["images"] + 8)
    autoencoder.train(replace(STAGE_1, images=total), [shards], tmp_path, resume=True)
    assert load_state(tmp_path / "state.pt")["images"] == total


def test_a_terminated_job_saves_stage_2(shards, stage_1, tmp_path, python):
    command = [
        python,
        "-m",
        "train",
        "rdm",
        "--preset",
        "toy",
        "--data",
        shards,
        "--autoencoder",
        str(stage_1),
        "--out",
        str(tmp_path),
    ]
    code, told = stop([*command, "--images", "256000"], signal.SIGTERM)
    assert code == 0 and "--resume goes on from here" in told and "Traceback" not in told, told
    state = load_state(tmp_path / "state.pt")
    assert 0 < state["images"] < 256_000
    assert load_pipeline(tmp_path / "pipeline").size == 16


def test_command_line_errors_are_one_line(shards, stage_1, tmp_path, capsys):
    handlers = {s: signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)}
    try:
        base = ["--out", str(tmp_path / "out"), "--data"]
        for arguments, text in (
            (["autoencoder", *base, str(tmp_path / "none"), "--preset", "toy"], "holds no shards"),
            (["autoencoder", *base, shards, "--preset", "huge"], "no preset 'huge'"),
            (
                ["rdm", *base, shards, "--preset", "huge", "--autoencoder", str(stage_1)],
                "no preset 'huge' for rdm: choose explorer",
            ),
        ):
            assert main(arguments) == 2
            error = capsys.readouterr().err
            assert error.startswith("error: ") and error.count("\n") == 1 and text in error
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def test_clips_of_one_frame_teach_the_rdm_nothing(stage_1, tmp_path):
    write_shards(drawn_clips(3, 1, 40), tmp_path / "shards", {})
    with pytest.raises(ValueError, match="several frames of one person"):
        rdm.train(STAGE_2, [str(tmp_path / "shards")], stage_1, tmp_path / "out")


def test_others_mean_against_a_loop():
    generator = torch.Generator().manual_seed(0)
    person = torch.tensor([0, 0, 0, 1, 2, 2, 3])
    codes = torch.randn(7, 2, 4, generator=generator)
    means = others_mean(codes, person)
    for i in range(7):
        others = [codes[j, v] for j in range(7) if j != i and person[j] == person[i] for v in range(2)]
        expected = torch.stack(others).mean(0) if others else torch.zeros(4)
        torch.testing.assert_close(means[i], expected, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("gamma", [1.0, 5.0])
def test_snr_weight_against_a_loop(gamma):
    alphas = torch.cumprod(1 - torch.linspace(1e-4, 0.02, 1000), 0)
    raw = [min(float(a) / (1 - float(a)), gamma) for a in alphas]
    expected = torch.tensor([w / (sum(raw) / 1000) for w in raw])
    found = snr_weight(alphas, gamma)
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-6)
    assert float(found.mean()) == pytest.approx(1, abs=1e-5) and found[0] == found.max()


def test_learning_rate_warms_up_and_falls():
    config = AutoencoderConfig(images=100_000, batch=10, lr=1.0)
    assert learning_rate(0, config) == pytest.approx(1 / 300) and learning_rate(1490, config) == pytest.approx(0.5)
    assert learning_rate(2990, config) == learning_rate(75_000, config) == 1
    assert learning_rate(87_500, config) == pytest.approx(0.5) and learning_rate(99_990, config) == pytest.approx(0.05)


def test_signatures_vary_alike_within_people_in_every_direction():
    generator = torch.Generator().manual_seed(0)
    person = torch.arange(300).repeat_interleave(6)
    mixing = torch.randn(5, 5, generator=generator, dtype=torch.float64)
    who = torch.randn(300, 5, generator=generator, dtype=torch.float64)[person]
    codes = (
        who
        + torch.randn(1800, 5, generator=generator, dtype=torch.float64) * torch.tensor([3, 1, 1, 0.2, 0.01]) @ mixing
    )
    steady = within_class_whitening(codes, person, ridge=1e-9)
    found = codes @ steady
    within = torch.stack([f - f.mean(0) for f in found.split(6)]).flatten(0, 1)  # people by people, written out
    assert torch.allclose(within.T @ within / len(within), torch.eye(5, dtype=torch.float64), atol=1e-3)
    held = torch.linalg.svdvals(within_class_whitening(codes, person))
    assert held.max() / held.min() < 5 < torch.linalg.svdvals(steady).max() / torch.linalg.svdvals(steady).min()


@pytest.mark.parametrize("changing", [0, 2])
def test_a_denoiser_starts_from_the_least_squares_guess(changing):
    """Against lstsq on what it sees; targets that its codes tell in directions of little variance only."""
    generator = torch.Generator().manual_seed(0)
    denoiser = Denoiser(code=6, width=8, blocks=1, changing=changing)
    code = torch.randn(500, 6, generator=generator) * torch.tensor([1, 1, 1, 0.05, 1, 1])
    target = 3 + code @ torch.randn(6, 6, generator=generator) + 10 * code[:, 3:4]
    with torch.no_grad():
        denoiser.readings.copy_(torch.eye(6)[:, :changing])
        denoiser.directions.copy_(denoiser.readings)
        start_from_least_squares(denoiser, code, target, ridge=1e-9)
        found = denoiser(torch.randn(500, 6), torch.full((500,), 300), code)
    kept = torch.cat([code[:, changing:], torch.ones(500, 1)], 1)
    guess = kept @ torch.linalg.lstsq(kept, target).solution
    wanted = torch.cat([guess[:, :changing], code[:, changing:]], 1) if changing else guess
    torch.testing.assert_close(found, wanted, atol=1e-3, rtol=1e-3)


def test_the_aim_of_a_limited_denoiser_changes_only_along_its_directions():
    denoiser = Denoiser(code=6, width=8, blocks=1, changing=2)
    with torch.no_grad():
        for name in ("readings", "directions"):
            denoiser.get_buffer(name).copy_(torch.eye(6)[:, [1, 4]])
    condition, target = torch.randn(3, 6), torch.randn(3, 6)
    expected = condition.clone()
    expected[:, [1, 4]] = target[:, [1, 4]]
    torch.testing.assert_close(denoising_target(denoiser, condition, target), expected)
    assert torch.equal(denoising_target(Denoiser(code=6, width=8, blocks=1), condition, target), target)


def test_held_error_is_what_split_leaves():
    denoiser, code, target = tiny_denoiser(), torch.randn(4, 16), torch.randn(4, 16)
    found = split(denoiser, make_scheduler(), code, steps=3, samples=2).identity
    expected = (((found - target) / denoiser.std) ** 2).sum(0) / 4
    wanted = [float(expected[:8].sum()), float(expected[8:].sum())]
    assert held_error(denoiser, code, target, steps=3, samples=2) == pytest.approx(wanted, rel=1e-4)


def test_partners_are_frames_of_one_person(start, tmp_path, monkeypatch):
    drawn = []
    plain = Clips.jittered

    def jittered(clips, rows, *rest):
        if len(rest) == 3:  # the trainer's own, not settling's
            drawn.append((clips.person[rows], rows))
        return plain(clips, rows, *rest)

    monkeypatch.setattr(Clips, "jittered", jittered)
    start("autoencoder", tmp_path / "run", together=0.5)
    assert len(drawn) == 8 and all(len(person) == STAGE_1.batch for person, _ in drawn)
    for person, _ in drawn[:3]:
        assert torch.equal(person[::2], person[1::2])
    for person, rows in drawn[3:]:  # settled: clips, of people with three frames each
        for clip, whose in zip(rows.split(FRAMES), person.split(FRAMES), strict=True):
            assert len(set(whose.tolist())) == 1 and len(set(clip.tolist())) == 3


@pytest.mark.parametrize("changes", [{"together": 0.5, "basis": -1, "batch": 7}, {"batch": 7}, {"batch": 6}])
def test_a_batch_of_halves_of_pairs_or_clips_is_refused(start, tmp_path, changes):
    with pytest.raises(ValueError, match="shared evenly"):
        start("autoencoder", tmp_path / "run", **changes)


def test_a_start_that_is_settled_learns_on_whole_clips_whatever_its_basis(start, tmp_path):
    model = tiny_autoencoder(**LAID_OUT)
    model.average_share.fill_(1)
    model.save_pretrained(tmp_path / "before" / "autoencoder")
    with pytest.raises(ValueError, match="shared evenly"):
        start("autoencoder", tmp_path / "run", start=str(tmp_path / "before"), basis=-1, batch=6)


def test_a_run_that_ends_before_its_basis_says_so(start, tmp_path):
    with pytest.raises(ValueError, match="--basis less"):
        start("autoencoder", tmp_path / "run", basis=STAGE_1.images)


def test_a_run_that_starts_from_a_fitted_basis_keeps_it(start, undisturbed, tmp_path, monkeypatch):
    """Not fitted again: from its first step on it learns on clips, under the critic."""
    before = undisturbed("autoencoder")
    monkeypatch.setattr("train.stage1.settle.fit_basis", lambda *_, **__: pytest.fail("fitted again"))
    after = start("autoencoder", tmp_path / "second", start=str(before))
    one, two = (Autoencoder.from_pretrained(run / "autoencoder").state_dict() for run in (before, after))
    for name, value in one.items():
        assert torch.equal(two[name], value) == (name in STANDS_STILL), name
    assert curve(after)[0]["images"] == 16 and curve(after)[0].keys() >= {"critic", "adversarial", *ON_CLIPS}


def test_a_run_that_holds_moves_only_what_draws(start, undisturbed, tmp_path):
    before = undisturbed("autoencoder")
    after = start("autoencoder", tmp_path / "second", start=str(before), hold=True)
    one, two = (Autoencoder.from_pretrained(run / "autoencoder").state_dict() for run in (before, after))
    held = ("view_net", "light_net", "shape_encoder", "shape_decoder", "average_relief", *STANDS_STILL)
    for name, value in one.items():
        assert torch.equal(two[name], value) == name.startswith(held), name


def test_a_run_that_starts_from_one_that_never_settled_settles(start, tmp_path):
    before = start("autoencoder", tmp_path / "first", basis=-1)
    after = start("autoencoder", tmp_path / "second", start=str(before))
    one, two = (Autoencoder.from_pretrained(run / "autoencoder").state_dict() for run in (before, after))
    assert one["average_share"] == 0 and (one["layout.displacement.weight"] == 0).all()
    assert two["average_share"] == 1 and two["layout.displacement.weight"].abs().max() > 0


def test_settling_leaves_no_gradient_and_afterwards_everything_learns(start, tmp_path, monkeypatch):
    plain, seen = autoencoder.settle, {}

    def settle(model, *rest):
        before = model.state_dict()["layout_encoder.0.weight"].clone()
        assert torch.equal(
            before, Autoencoder.from_pretrained(tmp_path / "never" / "autoencoder").layout_encoder[0].weight
        )
        plain(model, *rest)
        assert all(
            parameter.grad is None for parameter in model.parameters()
        )  # or the next step would move it once more
        seen.update({name: value.clone() for name, value in model.state_dict().items()})

    start("autoencoder", tmp_path / "never", basis=-1, images=8)
    monkeypatch.setattr(autoencoder, "settle", settle)
    run = start("autoencoder", tmp_path / "run")
    after = load_state(run / "state.pt")["model"]
    assert {name for name in seen if torch.equal(after[name], seen[name])} == STANDS_STILL


def test_a_run_whose_basis_falls_between_two_steps_resumes_bit_for_bit(start, tmp_path):
    """Settled at 24 images, not at 20: the critic begins after half of what is left then, resumed or not."""
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    start("autoencoder", whole, basis=20, images=60)
    with Interrupt(10, "after"):
        start("autoencoder", parts, basis=20, images=60)
    assert load_state(parts / "state.pt")["images"] == 32
    start("autoencoder", parts, True, basis=20, images=60)
    assert_bit_equal(load_state(whole / "state.pt"), load_state(parts / "state.pt"))
