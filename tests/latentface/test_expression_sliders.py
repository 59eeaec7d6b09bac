"""Expression sliders: what apply, read and random do, and that the reader takes nothing else for sliders."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from latentface.checkpoints import ASSETS, CheckpointError
from latentface.expression_sliders import LIMIT, TABLE, TENSORS, ExpressionSliders, Slider, load_sliders
from tests.helpers import random_codes

LENGTH = 32


def slider(name: str, effect: float = 0.9) -> Slider:
    return Slider(name, "low", "high", effect, 0.95, 40, "brow", -0.2)


def made(spread: torch.Tensor | None = None) -> ExpressionSliders:
    """Two sliders along the axes 0 (of the shape code) and 20 (of the texture code)."""
    axes = torch.eye(LENGTH)[[0, 20]]
    spread = torch.eye(2) if spread is None else spread
    return ExpressionSliders((slider("smile"), slider("jaw", 0.5)), 2 * axes, axes.T / 2, spread, {"seed": 0})


def test_amounts_move_codes_along_their_directions():
    codes = random_codes(3)
    found = made().apply(codes, {"smile": 1.5, "jaw": -1})
    assert torch.allclose((found.shape - codes.shape)[:, 0], torch.tensor(3.0))
    assert torch.allclose((found.texture - codes.texture)[:, 4], torch.tensor(-2.0))
    assert torch.equal(found.shape[:, 1:], codes.shape[:, 1:]) and torch.equal(found.view, codes.view)
    still = made().apply(codes, {})
    assert torch.equal(still.shape, codes.shape) and torch.equal(still.texture, codes.texture)


def test_amounts_end_at_the_limit_and_have_known_names():
    codes, sliders = random_codes(1), made()
    assert torch.equal(sliders.apply(codes, {"smile": 99}).shape, sliders.apply(codes, {"smile": LIMIT}).shape)
    assert torch.equal(sliders.apply(codes, {"smile": -99}).shape, sliders.apply(codes, {"smile": -LIMIT}).shape)
    for wrong in ({"blink": 1.0}, {"smile": float("nan")}):
        with pytest.raises(ValueError, match="smile, jaw"):
            sliders.apply(codes, wrong)


def test_reading_undoes_moving():
    sliders, codes = made(), random_codes(2)
    moved = sliders.apply(codes, {"smile": 1.25, "jaw": -0.5})
    change = {n: v - sliders.read(codes.face)[n] for n, v in sliders.read(moved.face).items()}
    torch.testing.assert_close(change, {"smile": torch.full((2,), 1.25), "jaw": torch.full((2,), -0.5)})


def test_random_expressions_vary_as_those_of_people():
    spread = torch.tensor([[0.8, 0.0], [0.6, 0.2]])
    sliders = made(spread)
    assert sliders.random(3) == sliders.random(3) != sliders.random(4)
    drawn = torch.tensor([list(sliders.random(seed).values()) for seed in range(3000)])
    assert drawn.abs().max() <= LIMIT
    torch.testing.assert_close(drawn.T @ drawn / len(drawn), spread @ spread.T, atol=0.05, rtol=0)


def test_the_figure_is_a_sentence():
    assert made().figures["jaw"] == (
        "Measured on 40 people it was not found on: a step of 1 moves it by 0.50 standard deviations of people's "
        "expressions, the right way on 95%. Moves along most: brow (-0.20)."
    )


def test_written_and_read_again(tmp_path):
    sliders = made(torch.tensor([[1.0, 0.0], [0.5, 0.25]]))
    sliders.save(tmp_path)
    found = load_sliders(tmp_path, LENGTH)
    assert found is not None and found.sliders == sliders.sliders and found.record == {"seed": 0}
    for name in ("directions", "readings", "spread"):
        assert torch.equal(getattr(found, name), getattr(sliders, name)), name


def test_a_checkpoint_without_sliders_has_none(tmp_path):
    assert load_sliders(tmp_path, LENGTH) is None and load_sliders("someone/elsewhere", LENGTH) is None


def _table(folder, change):
    table = json.loads((folder / TABLE).read_text())
    change(table)
    (folder / TABLE).write_text(json.dumps(table))


def _tensors(folder, change):
    tensors = load_file(folder / TENSORS)
    change(tensors)
    save_file(tensors, folder / TENSORS)


SPOILED = {
    "no JSON": lambda folder: (folder / TABLE).write_text("{"),
    "no tensors": lambda folder: (folder / TENSORS).unlink(),
    "cut tensors": lambda folder: (folder / TENSORS).write_bytes((folder / TENSORS).read_bytes()[:40]),
    "one too few": lambda folder: _table(folder, lambda t: t["sliders"].pop()),
    "another key": lambda folder: _table(folder, lambda t: t["sliders"][0].update(more=1)),
    "no word": lambda folder: _table(folder, lambda t: t["sliders"][0].update(name=3)),
    "no figure": lambda folder: _table(folder, lambda t: t["sliders"][0].update(effect="much")),
    "not finite": lambda folder: _tensors(folder, lambda t: t["directions"].fill_(float("nan"))),
    "one tensor more": lambda folder: _tensors(folder, lambda t: t.update(extra=torch.zeros(1))),
}


@pytest.mark.parametrize("spoil", SPOILED.values(), ids=list(SPOILED))
def test_other_files_are_refused(tmp_path, spoil):
    made().save(tmp_path)
    spoil(tmp_path)
    with pytest.raises(CheckpointError, match="expression sliders in .* can't be used"):
        load_sliders(tmp_path, LENGTH)


def test_sliders_of_other_codes_are_refused(tmp_path):
    made().save(tmp_path)
    with pytest.raises(CheckpointError, match="codes of 32 numbers, not 512"):
        load_sliders(tmp_path, 512)


def test_sliders_fit_together():
    sliders = made()
    with pytest.raises(ValueError, match="do not fit"):
        ExpressionSliders(sliders.sliders[:1], sliders.directions, sliders.readings, sliders.spread, {})


@pytest.mark.parametrize("name", ["explorer", "explorer-cc0"])
def test_bundled_sliders_do_what_their_names_say(name):
    """Of the shipped files; the figures in them are the command's, measured on people it was not found on."""
    config = json.loads((ASSETS / name / "denoiser" / "config.json").read_text())
    sliders = load_sliders(ASSETS / name, config["code"])
    assert sliders is not None and {"smile", "mouth open", "brows up", "eyes shut"} <= set(sliders.names)
    for one in sliders.sliders:
        assert one.effect >= 0.3 and one.agreed >= 0.9 and one.people >= 30 and one.low and one.high, one
    codes = random_codes(1, length=config["code"] // 2)
    before = sliders.read(codes.face)
    for moved in sliders.names:
        after = sliders.read(sliders.apply(codes, {moved: 1.0}).face)
        assert abs(float(after[moved] - before[moved]) - 1) < 0.03, "its own reading rises by the amount"
