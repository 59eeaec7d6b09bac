"""The training loop on a network of one weight: averages, curves, resume, stopping."""

import json
import random
import signal
from dataclasses import dataclass
from functools import partial

import pytest
import torch
from torch import nn

from benchmarks.recovery import survive
from train.common import loop
from train.common.ema import Ema
from train.common.loop import Run
from train.common.run import load_state


@dataclass
class Config:
    """Smallest settings of a run."""

    images: int = 64
    batch: int = 8
    seed: int = 3
    ema: float = 0.9


def begin(out, resume=False, stop_at=-1, fails_at=-1, config=None, settle=None):
    """A run that fits one weight to random numbers of the batches' generators."""
    config = config or Config()
    run = Run(config, ["data"], out, resume)
    model, ema_model = nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False)
    nn.init.zeros_(model.weight)
    ema = Ema(model, ema_model, config.ema)
    optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9)
    run.restore(model=model, average=ema.average, optimizers={"only": optimizer})

    def step(seen, generator):
        loss = (model.weight - torch.randn((), generator=generator)).square().mean()
        if seen == fails_at:
            loss = loss / 0
        run.check(loss)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if seen == stop_at:
            signal.raise_signal(signal.SIGINT)
        return {"loss": loss.detach(), "seen": float(seen)}

    def evaluate(seen):
        return {"weight": float(ema.average.weight)}, {}

    def save_model(folder):
        torch.save(ema.average.state_dict(), folder / "model.pt")

    run.train(step, evaluate, save_model, ema, every=16, before_step=settle or (lambda seen: True))
    return run


def rows(out) -> list[dict]:
    return [
        {k: v for k, v in json.loads(line).items() if k != "rate"}
        for line in (out / "curves.jsonl").read_text().splitlines()
    ]


def test_a_stopped_run_goes_on_as_if_it_had_not_been(tmp_path, capsys):
    begin(tmp_path / "whole")
    begin(tmp_path / "parts", stop_at=24)
    assert "stopped after 32 images; --resume goes on from here" in capsys.readouterr().out
    begin(tmp_path / "parts", resume=True)
    one, two = (load_state(tmp_path / name / "state.pt") for name in ("whole", "parts"))
    assert one["images"] == two["images"] == 64 and torch.equal(one["model"]["weight"], two["model"]["weight"])
    assert torch.equal(one["average"]["weight"], two["average"]["weight"])
    assert rows(tmp_path / "whole") == rows(tmp_path / "parts")
    assert [row["images"] for row in rows(tmp_path / "whole")] == [16, 32, 48, 64]
    assert rows(tmp_path / "whole")[0]["seen"] == 4  # mean of 0 and 8


def test_a_run_stopped_between_two_rows_tells_the_same_means(tmp_path):
    begin(tmp_path / "whole")
    begin(tmp_path / "parts", stop_at=16)
    assert load_state(tmp_path / "parts" / "state.pt")["steps"] == 1
    begin(tmp_path / "parts", resume=True)
    assert rows(tmp_path / "whole") == rows(tmp_path / "parts") and len(rows(tmp_path / "parts")) == 4


def test_a_run_killed_in_its_writes_ends_with_the_same_bytes(tmp_path, monkeypatch):
    """As `python -m benchmarks.recovery` does it with all that is trained, drawn and imported."""
    monkeypatch.setattr(loop, "SAVE_SECONDS", 0)
    work = partial(begin, resume=True, config=Config(images=240))
    assert survive("loop", work, tmp_path, kills=4, rng=random.Random(0)) == 4


def test_the_average_against_a_loop(tmp_path):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    ema = Ema(model, nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3)), 0.3)
    expected = {k: v.clone() for k, v in model.state_dict().items()}
    for step in range(4):
        nn.init.normal_(model[0].weight)
        model(torch.randn(5, 2))
        ema.update(step)
        decay = min(0.3, (1 + step) / (10 + step))
        for name, value in model.state_dict().items():
            if value.is_floating_point():
                expected[name] = decay * expected[name] + (1 - decay) * value
    for name, value in ema.average.state_dict().items():
        torch.testing.assert_close(value, expected[name])
    none = Ema(model, nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3)), 0.0)
    nn.init.normal_(model[0].weight)
    none.update(7)
    assert torch.equal(none.average[0].weight, model[0].weight)


def test_a_loss_that_is_not_finite_never_reaches_the_state(tmp_path):
    begin(tmp_path, stop_at=8)
    before = load_state(tmp_path / "state.pt")
    with pytest.raises(FloatingPointError, match=r"the loss is inf after 40 images; --resume goes on .* lower --lr"):
        begin(tmp_path, resume=True, fails_at=40)
    assert torch.equal(load_state(tmp_path / "state.pt")["model"]["weight"], before["model"]["weight"])


def test_a_phase_between_two_steps_may_stop_the_run(tmp_path):
    run = begin(tmp_path, settle=lambda seen: seen < 40)
    assert run.seen == 40 and load_state(tmp_path / "state.pt")["images"] == 40


def test_a_state_of_another_trainer_is_refused(tmp_path):
    begin(tmp_path, stop_at=8)
    with pytest.raises(ValueError, match="holds no critic: another trainer's run"):
        Run(Config(), [], tmp_path, resume=True).restore(critic=nn.Linear(1, 1))
    run = Run(Config(), [], tmp_path, resume=True)
    run.restore(optional=("critic",), critic=nn.Linear(1, 1))
    assert run.seen == 16
