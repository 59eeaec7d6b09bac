"""Training of the enlarger: the detail measure against a naive twin, a toy run, what stands still, shipping."""

import json
import signal

import pytest
import torch
from torch.optim.optimizer import register_optimizer_step_post_hook

from latentface.autoencoder import Autoencoder
from latentface.checkpoints import load_autoencoder, load_pipeline
from tests.helpers import drawn_clips, smooth, tiny_pipeline
from train.__main__ import main
from train.common.run import load_state
from train.data.shards import write_shards
from train.release import ship
from train.stage1.detail import gradient_energy
from train.stage1.enlarge import EnlargerConfig, a_window, with_enlarger


def test_gradient_energy_agrees_with_a_naive_twin():
    image = smooth((2, 3, 7, 7), 0, 7)
    mask = (torch.rand(2, 1, 7, 7, generator=torch.Generator().manual_seed(1)) > 0.3).float()
    squares = []
    for b in range(2):
        for row in range(7):
            for column in range(7):
                for other in ((row, column + 1), (row + 1, column)):
                    if max(other) < 7 and mask[b, 0, row, column] and mask[b, 0, other[0], other[1]]:
                        steps = image[b, :, row, column] - image[b, :, other[0], other[1]]
                        squares.append(float(steps.square().mean()))
    assert float(gradient_energy(image, mask)) == pytest.approx(sum(squares) / len(squares), rel=1e-5)
    assert gradient_energy(image, torch.zeros_like(mask)) == 0


def test_windows_lie_within_the_picture_and_move():
    generator = torch.Generator().manual_seed(0)
    seen = set()
    for _ in range(50):
        window = a_window(16, generator)
        assert torch.zeros(2, 3, 32, 32)[window].shape == (2, 3, 16, 16)
        seen.add((window[2].start, window[3].start))
    assert len(seen) > 30


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("enlarger")
    tiny_pipeline(size=32).save_pretrained(folder / "checkpoint")
    write_shards(drawn_clips(24, 2, 80), folder / "shards", {})
    words = ["enlarge", "--preset", "toy", "--autoencoder", str(folder / "checkpoint" / "autoencoder")]
    words += ["--data", str(folder / "shards")]
    assert main([*words, "--out", str(folder / "run")]) == 0
    return folder, words


def test_only_the_enlarger_learns(run):
    folder, _ = run
    before = load_pipeline(folder / "checkpoint").autoencoder
    after = load_autoencoder(folder / "run")
    assert isinstance(after, Autoencoder) and isinstance(before, Autoencoder)
    old, new = before.state_dict(), after.state_dict()
    assert all(torch.equal(value, new[name]) for name, value in old.items())
    assert {name.partition(".")[0] for name in set(new) - set(old)} == {"enlarger"}
    assert new["enlarger.head.weight"].abs().max() > 0
    image = smooth((2, 3, 32, 32), 3)
    with torch.no_grad():
        codes, again = before.encode(image), after.encode(image)
        assert all(
            torch.equal(one, other) for one, other in zip(vars(codes).values(), vars(again).values(), strict=True)
        )
        assert torch.equal(before.decode(codes).albedo, after.decode(codes).albedo)
        assert after.decode_fine(codes).albedo.shape == (2, 3, 64, 64)
    row = json.loads((folder / "run" / "curves.jsonl").read_text().splitlines()[-1])
    assert 0 < row["val_l1"] < 1 and row["val_energy"] > 0 and "critic" in row
    assert list((folder / "run").glob("sheet_*.png"))


def test_a_stopped_run_goes_on_bit_for_bit(run, capsys):
    folder, words = run
    parts, pressed = folder / "parts", []

    def press(optimizer: torch.optim.Optimizer, *_: object) -> None:
        """Press Ctrl-C in the fifth step of the enlarger, with the discriminator begun."""
        pressed.append(optimizer)
        if optimizer is pressed[0] and pressed.count(optimizer) == 5:
            signal.raise_signal(signal.SIGINT)

    handle = register_optimizer_step_post_hook(press)
    try:
        assert main([*words, "--out", str(parts)]) == 0
    finally:
        handle.remove()
    assert "stopped after 40 images" in capsys.readouterr().out
    assert main([*words, "--out", str(parts)]) == 2  # is not overwritten
    assert main([*words, "--out", str(parts), "--resume"]) == 0
    one, other = (load_state(folder / name / "state.pt") for name in ("run", "parts"))
    for part in ("enlarger", "average", "critic"):
        assert all(torch.equal(value, other[part][name]) for name, value in one[part].items())


def test_an_enlarger_is_shipped_into_a_checkpoint(run, monkeypatch):
    folder, _ = run
    monkeypatch.setattr(ship, "ASSETS", folder / "assets")
    tiny_pipeline(size=32).to(dtype=torch.float16).save_pretrained(folder / "assets" / "small")
    monkeypatch.setattr("latentface.checkpoints.ASSETS", folder / "assets")
    assert main(["ship", "--enlarger", str(folder / "run"), "--name", "small"]) == 0
    shipped = load_pipeline(folder / "assets" / "small").autoencoder
    assert shipped.config["enlarger_base"] == 8
    assert (folder / "assets" / "small" / "enlarger_run.json").exists()
    assert (folder / "assets" / "small" / "enlarger_curves.jsonl").exists()
    assert main(["ship", "--enlarger", "a", "--relief", "b"]) == 2


def test_a_model_is_given_an_enlarger_that_does_nothing_yet():
    model = tiny_pipeline(size=32).autoencoder
    assert isinstance(model, Autoencoder)
    wider = with_enlarger(model, 8)
    assert [name for name, part in wider.named_parameters() if part.requires_grad] == [
        name for name, _ in wider.named_parameters() if name.startswith("enlarger.")
    ]
    with torch.no_grad():
        codes = model.encode(smooth((1, 3, 32, 32), 0))
        small, large = wider.decode(codes).render()[0], wider.decode_fine(codes).render()[0]
        enlarged = torch.nn.functional.interpolate(small, (64, 64), mode="bicubic", align_corners=True)
        steps = [(x, y) for x in (-1, 0, 1) for y in (-1, 0, 1)]
        apart = [float((enlarged.roll(step, (2, 3)) - large)[..., 8:-8, 8:-8].abs().mean()) for step in steps]
        assert min(apart) == apart[steps.index((0, 0))] < 0.05 < apart[0]  # nowhere shifted, only enlarged


@pytest.mark.parametrize("wrong", [{"base": 4}, {"perceptual": -1.0}, {"images": 0}, {"adversarial": -0.1}])
def test_impossible_settings_are_refused(wrong):
    with pytest.raises(ValueError):
        EnlargerConfig(**wrong)


def test_another_network_is_refused(run, capsys):
    folder, _ = run
    words = ["enlarge", "--preset", "toy", "--data", str(folder / "shards"), "--out", str(folder / "no")]
    assert main([*words, "--autoencoder", str(folder / "nowhere")]) == 2
    assert "nowhere" in capsys.readouterr().err
