"""The training loop of every trainer: resume, averaged weights, curves, saving and stopping, on one or more processes.

A trainer opens a `Run`, builds its networks, gives the run what belongs to its state, and trains:

    run = Run(config, data, out, resume)
    ...
    run.restore(model=model, average=ema.average, optimizer=optimizer)
    run.train(step, evaluate, save_model, ema, every=12_800)
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar, Protocol

import torch
from accelerate import PartialState
from accelerate.utils import reduce
from PIL import Image
from torch import Tensor

from train.common.ema import Ema
from train.common.run import (
    Progress,
    append_curve,
    cut_curve,
    load_state,
    open_run,
    record,
    resumed,
    save_picture,
    save_state,
    stoppable,
    write_json,
)

SAVE_SECONDS = 55
"""Time between two saves."""


class LoopConfig(Protocol):
    """Fields of a trainer's dataclass that the loop reads."""

    __dataclass_fields__: ClassVar[dict[str, Any]]
    images: int
    batch: int
    seed: int


class Stateful(Protocol):
    """A network, an optimiser, or anything else that a run has to save."""

    def state_dict(self) -> dict[str, Any]:
        """Return tensors and plain values."""
        ...

    def load_state_dict(self, state_dict: Any, /) -> Any:  # noqa: ANN401 (torch's own classes differ here)
        """Take over such a state."""
        ...


Parts = Mapping[str, Stateful | Mapping[str, Stateful]]
"""Key in state.pt -> the part, or several parts by name."""
Metrics = Mapping[str, Tensor | float]
"""Name -> scalar."""
Evaluation = tuple[Mapping[str, float], Mapping[str, Image.Image]]
"""Numbers for the curves; pictures by name, saved as NAME_IMAGES.png."""


class Run:
    """A run's folder and its progress.

    Args:
        config: the trainer's dataclass.
        data: shards as given on the command line, for the record.
        out: the folder; receives config.json, curves.jsonl, state.pt and what the trainer saves.
        resume: whether to go on with the run in `out`, where there is one.
        unit: name of the things counted by `seen`.

    Raises:
        FileExistsError: where `out` holds a run and `resume` is False.
        ValueError: where state.pt is not whole.
    """

    def __init__(self, config: LoopConfig, data: list[str], out: Path, resume: bool = False, unit: str = "images"):
        self.config, self.data, self.out, self.unit = config, data, out, unit
        self.state_file, self.curves = open_run(out, resume)
        self.processes = PartialState(cpu=not torch.cuda.is_available())
        self.parts: Parts = {}
        self.state = load_state(self.state_file) if resume and self.state_file.exists() else {}
        self.seen: int = self.state.get("images", 0)
        """Images seen so far."""
        self.history = resumed(out / "config.json", asdict(config)) if self.state else []
        self._pressed: Callable[[], bool] = lambda: False
        self._sums: dict[str, Tensor | float] = self.state.get("sums", {}) if self.processes.num_processes == 1 else {}
        self._steps: int = self.state.get("steps", 0) if self._sums else 0

    # ---- state: what a resumed run takes over, and what is saved

    def restore(self, optional: tuple[str, ...] = (), **parts: Stateful | Mapping[str, Stateful]) -> None:
        """Name the parts of the state and, in a resumed run, load them.

        Args:
            optional: parts that may begin anew where an earlier state lacks them.
            parts: key in state.pt -> the part, or several parts by name.

        Raises:
            ValueError: where the state lacks a part.
        """
        self.parts = parts
        if not self.state:
            return
        for name, part in parts.items():
            if name not in self.state and name in optional:
                continue
            if name not in self.state:
                raise ValueError(f"{self.state_file} holds no {name}: another trainer's run? Choose another --out")
            for one, state in _pairs(part, self.state[name]):
                one.load_state_dict(state)
        self.state = {}
        cut_curve(self.curves, self.seen)

    def _save(self, save_model: Callable[[Path], None], state: str = "training") -> None:
        """Write state, model and record."""
        whole = {name: _state(part) for name, part in self.parts.items()}
        save_state(self.state_file, {**whole, "images": self.seen, "sums": self._sums, "steps": self._steps})
        save_model(self.out)
        self._record(state)

    def _record(self, state: str) -> None:
        """Write config.json, with what the run is at: "training", "ended" or "stopped"."""
        about = record(asdict(self.config), data=self.data, images=self.seen, unit=self.unit, history=self.history)
        write_json(self.out / "config.json", {**about, "state": state})

    # ---- several processes

    def mean(self, value: Tensor) -> Tensor:
        """Average a tensor over the processes."""
        if self.processes.num_processes == 1:
            return value
        return reduce(value, "mean")  # type: ignore[return-value]

    def stopping(self) -> bool:
        """Tell whether any process was asked to stop: they leave the loop together, or one waits for ever."""
        if self.processes.num_processes == 1:
            return self._pressed()
        return bool(self.mean(torch.tensor(float(self._pressed()), device=self.processes.device)) > 0)

    # ---- the loop

    def check(self, loss: Tensor, name: str = "the loss") -> None:
        """Refuse a loss that is not finite, before it reaches the weights.

        Raises:
            FloatingPointError: with what to do.
        """
        if not torch.isfinite(loss):
            raise FloatingPointError(
                f"{name} is {loss.item()} after {self.seen:,} {self.unit}; --resume goes on from the last save, "
                "with a lower --lr if it happens again"
            )

    def train(
        self,
        step: Callable[[int, torch.Generator], Metrics],
        evaluate: Callable[[int], Evaluation],
        save_model: Callable[[Path], None],
        ema: Ema,
        every: int,
        before_step: Callable[[int], bool] = lambda _: True,
    ) -> Path:
        """Train until `config.images`, or until Ctrl-C, and save.

        Args:
            step: images seen and the batch's generator (on the CPU, from seed and step alone) to metrics; moves the
                weights. Tensors are averaged over the processes, once a row of the curves; floats are taken as equal.
            evaluate: images seen to metrics and pictures of the averaged model; called on the main process.
            save_model: writes the averaged model into a folder.
            ema: the averaged weights, updated after every step.
            every: images between two rows of the curves.
            before_step: called with the images seen before every step, outside the rate; False stops the run.

        Returns:
            The run's folder.
        """
        main, batch, total = self.processes.is_main_process, self.config.batch, self.config.images
        progress = Progress(total, self.seen, self.unit)
        if main:
            self._record("training")  # at once, so that who looks knows how far the run is to go
        saved = since = time.monotonic()
        timed = 0
        with stoppable() as self._pressed:
            while self.seen < total and not self.stopping():
                paused = time.monotonic()
                if not before_step(self.seen):
                    break
                since += time.monotonic() - paused
                generator = torch.Generator().manual_seed(self.config.seed * 1_000_003 + self.seen // batch)
                for name, value in step(self.seen, generator).items():
                    self._sums[name] = self._sums.get(name, 0) + value
                ema.update(self.seen / batch)
                self.seen, self._steps, timed = self.seen + batch, self._steps + 1, timed + 1
                if self.seen % every < batch or self.seen >= total:
                    sums = {k: float(self.mean(v) if isinstance(v, Tensor) else v) for k, v in self._sums.items()}
                    means = {name: value / self._steps for name, value in sums.items()}
                    rate = timed * batch / (time.monotonic() - since)  # without evaluation
                    if main:
                        self._report(means, rate, evaluate, progress)
                    self._sums, self._steps, timed, since = {}, 0, 0, time.monotonic()
                elif main:
                    progress(self.seen, line=False)
                if main and time.monotonic() - saved > SAVE_SECONDS:
                    self._save(save_model)
                    saved = time.monotonic()
        if main:
            if self.seen < total:
                print(f"\nstopped after {self.seen:,} {self.unit}; --resume goes on from here", flush=True)
            self._save(save_model, "ended" if self.seen >= total else "stopped")
        self.processes.wait_for_everyone()
        return self.out

    def _report(
        self, means: dict[str, float], rate: float, evaluate: Callable[[int], Evaluation], progress: Progress
    ) -> None:
        """Add a row to the curves, print it and save the pictures."""
        measures, pictures = evaluate(self.seen)
        row = {"images": self.seen, **means, **measures}
        append_curve(self.curves, {**row, "rate": rate})
        progress(self.seen, " ".join(f"{name} {value:.4f}" for name, value in row.items() if name != "images"))
        for name, picture in pictures.items():
            save_picture(self.out / f"{name}_{self.seen:07d}.png", picture)


def _pairs(part: Stateful | Mapping[str, Stateful], state: dict) -> list[tuple[Stateful, dict]]:
    """A part or several, each with its state."""
    if isinstance(part, Mapping):
        return [(one, state[name]) for name, one in part.items()]
    return [(part, state)]


def _state(part: Stateful | Mapping[str, Stateful]) -> dict:
    """State of a part or of several."""
    if isinstance(part, Mapping):
        return {name: one.state_dict() for name, one in part.items()}
    return part.state_dict()
