"""Training of PCL and SimCLR: one optimiser step a loss and batch, in the common loop.

Every batch, box, colour and noise is drawn from (seed, step) alone, so a run resumed on the CPU goes on bit for bit.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import torch
from accelerate import Accelerator
from PIL import Image
from torch import Tensor, nn

from latentface.checkpoints import load_network
from latentface.pcl import PCL, Backbone
from train.common.ema import Ema
from train.common.loop import Evaluation, Run
from train.common.precision import mixed_precision
from train.contrastive.balance import Balance
from train.contrastive.config import ContrastiveConfig
from train.data.clips import Clips
from train.data.reading import read_shards

Network = TypeVar("Network", PCL, Backbone)
Config = TypeVar("Config", bound=ContrastiveConfig)


@dataclass
class Batch:
    """Frames that a loss draws its views from."""

    stored: Tensor
    """B x 3 x P x P uint8, frames as Clips holds them."""
    rows: Tensor
    """B, where they stand in `clips`."""
    clips: Clips
    generator: torch.Generator
    """Of the batch, on the CPU."""


@dataclass
class Task:
    """One loss with an optimiser of its own."""

    loss: Callable[[Batch], Tensor]
    """A batch to a scalar."""
    modules: list[nn.Module]
    """What the loss trains."""
    balanced: bool = False
    """Whether dynamic weight averaging sets its weight; otherwise it is 1."""

    def parameters(self) -> list[nn.Parameter]:
        """Return what the loss trains, as an optimiser takes it."""
        return [parameter for module in self.modules for parameter in module.parameters()]


def learning_rate(images: int, config: ContrastiveConfig) -> float:
    """Return the learning rate after `images` images: warm-up, then a cosine to zero."""
    warm = min(1.0, (images / config.batch + 1) / config.warm_up)
    return config.lr * warm * 0.5 * (1 + math.cos(math.pi * min(1.0, images / config.images)))


def start_weights(model: PCL | Backbone, start: str) -> None:
    """Load the weights of a trained model into a new one.

    Args:
        model: the new one.
        start: name or folder of the trained one.

    Raises:
        CheckpointError: where there is none, or one of another class.
        ValueError: where it is of another size.
    """
    before = load_network(start, type(model))
    if before.config["size"] != model.config["size"]:
        raise ValueError(f"--start {start} is of {before.config['size']} pixels, the run of {model.config['size']}")
    model.load_state_dict(before.state_dict())


@dataclass
class Method(Generic[Network, Config]):
    """One contrastive method: its network, its losses, its evaluation."""

    network: type[Network]
    """Saved (averaged) into a folder of its lower-cased name."""
    tasks: Callable[[Network, nn.ModuleDict, Config], dict[str, Task]]
    """Model, an empty ModuleDict for projectors, and config to losses by name."""
    check: Callable[[Network, Clips], tuple[dict[str, float], Image.Image | None]]
    """The averaged model and clips to numbers and a sheet."""

    @property
    def folder(self) -> str:
        """Name of the folder that the averaged model is saved into."""
        return self.network.__name__.lower()


class Trainer(Generic[Network, Config]):
    """Networks and optimisers of a contrastive run.

    Args:
        method: the method.
        config: its settings.
        run: the run's folder and state; restored here.
        data: shards.
    """

    def __init__(self, method: Method[Network, Config], config: Config, run: Run, data: list[str]):
        self.method, self.config, self.run = method, config, run
        self.accelerator = Accelerator(mixed_precision=mixed_precision(), cpu=not torch.cuda.is_available())
        device = self.accelerator.device
        torch.manual_seed(config.seed)
        model, average = method.network(**config.model), method.network(**config.model)
        if config.start:
            start_weights(model, config.start)
        self.ema = Ema(model, average.to(device, memory_format=torch.channels_last), config.ema)
        self.average = average
        projectors = nn.ModuleDict()
        self.tasks = method.tasks(model, projectors, config)
        model.to(device, memory_format=torch.channels_last)
        projectors.to(device)
        self.parameters = {name: task.parameters() for name, task in self.tasks.items()}
        self.optimizers = {
            name: torch.optim.Adam(parameters, config.lr, weight_decay=config.weight_decay)
            for name, parameters in self.parameters.items()
        }
        self.balance = Balance([name for name, task in self.tasks.items() if task.balanced])
        run.restore(
            model=model, average=average, projectors=projectors, optimizers=self.optimizers, balance=self.balance
        )
        self.clips = read_shards(data, model.config["size"])
        if isinstance(self.clips.images, Tensor):
            self.clips.images = self.clips.images.to(device)
        if self.clips.validation.all():
            raise ValueError("the shards hold one person only: training needs at least two, one of whom validates")

    def draw(self, generator: torch.Generator) -> Batch:
        """Draw this process's share of a batch."""
        index, share = self.accelerator.process_index, self.config.batch // self.accelerator.num_processes
        rows = self.clips.draw(self.config.batch, generator)[index * share :][:share]
        generator.manual_seed(generator.initial_seed() * 31 + index + 1)  # views of their own in every process
        stored = self.clips.images[rows.to(self.clips.images.device)].to(self.accelerator.device)
        return Batch(stored, rows, self.clips, generator)

    def step(self, seen: int, generator: torch.Generator) -> dict[str, float]:
        """Train every loss once, in turn, on one batch."""
        batch, weights = self.draw(generator), self.balance.weights()
        losses = {}
        for name, task in self.tasks.items():
            lr = learning_rate(seen, self.config) * weights.get(name, 1.0)
            losses[name] = self.descend(name, task, batch, lr)
        self.balance.update(losses)
        return losses

    def descend(self, name: str, task: Task, batch: Batch, lr: float) -> float:
        """Take one optimiser step of a loss; returns the loss, averaged over the processes.

        Adam forgets the scale of a loss: its weight goes into the learning rate.
        """
        optimizer, parameters = self.optimizers[name], self.parameters[name]
        with self.accelerator.autocast():
            loss = task.loss(batch)
        self.run.check(loss, name)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        for parameter in parameters:
            if parameter.grad is not None:
                parameter.grad = self.run.mean(parameter.grad)
        torch.nn.utils.clip_grad_norm_(parameters, self.config.clip)
        for group in optimizer.param_groups:
            group["lr"] = lr
        optimizer.step()
        return self.run.mean(loss.detach()).item()

    def evaluate(self, seen: int) -> Evaluation:
        """Measure the averaged model; returns numbers and, where the method draws one, a sheet."""
        measures, sheet = self.method.check(self.average, self.clips)
        if len(self.balance.names) > 1:
            measures |= {f"weight_{name}": weight for name, weight in self.balance.weights().items()}
        return measures, {} if sheet is None else {"sheet": sheet}

    def save(self, out: Path) -> None:
        """Save the averaged model into the run's folder."""
        self.average.save_pretrained(out / self.method.folder)


def fit(
    method: Method[Network, Config],
    config: Config,
    data: list[str],
    out: Path,
    resume: bool = False,
    every: int = 12_800,
) -> Path:
    """Train a method.

    Args:
        method: the method.
        config: its settings.
        data: shards, FOLDER[:WEIGHT] each.
        out: receives config.json, curves.jsonl, sheets, state.pt and the averaged model.
        resume: whether to go on with the run in `out`.
        every: images between two evaluations.

    Returns:
        The run's folder.

    Raises:
        FileExistsError: where the folder holds a run and `resume` is False.
        ValueError: where the shards hold one person only.
        FloatingPointError: where a loss is not finite.
    """
    run = Run(config, data, out, resume)
    trainer = Trainer(method, config, run, data)
    return run.train(trainer.step, trainer.evaluate, trainer.save, trainer.ema, every)
