"""The loop that PCL and SimCLR share: one optimiser step a loss and batch, averaged weights, a run folder, resume.

Every batch, box, colour and noise is drawn from (seed, step) alone, so a run resumed on the CPU goes on bit for bit.
"""

import json
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from accelerate import Accelerator
from PIL import Image
from torch import Tensor, nn

from latentface.pcl import PCL, Backbone
from train.common.run import (
    Progress,
    append_curve,
    cut_curve,
    load_state,
    open_run,
    record,
    resumed,
    save_state,
    stoppable,
)
from train.data.clips import Clips
from train.data.reading import read_shards


@dataclass
class ContrastiveConfig:
    """What every preset of PCL and SimCLR sets."""

    model: dict = field(default_factory=dict)
    """Arguments of the network."""
    images: int = 300_000
    """Length of the run in images seen."""
    batch: int = 128
    """Global batch; all other images of a process's share are negatives."""
    lr: float = 1e-3
    """Adam's learning rate after the warm-up; falls to zero along a cosine."""
    warm_up: int = 100
    """Steps over which the learning rate rises."""
    weight_decay: float = 1e-4
    """Adam's (L2) weight decay."""
    clip: float = 1.0
    """Largest norm of a loss's gradient."""
    ema: float = 0.998
    """Decay of the averaged weights, the ones that are looked at and shipped."""
    temperature: float = 0.07
    """Of every contrast."""
    projection: tuple[int, int] = (1024, 256)
    """Hidden and output width of a projector."""
    seed: int = 0
    """Seed of weights and batches."""


class Projector(nn.Sequential):
    """Features to the space of a contrast, B x D -> B x out; training only, never shipped."""

    def __init__(self, length: int, hidden: int, out: int):
        super().__init__(nn.Linear(length, hidden), nn.BatchNorm1d(hidden), nn.ReLU(), nn.Linear(hidden, out))


@dataclass
class Batch:
    """What a loss draws its views from."""

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


class Balance:
    """Dynamic weight averaging (Liu et al., CVPR 2019, eq. 7): the loss that falls slowest weighs most.

    weight_k = K softmax(r_k / T) with r_k the ratio of loss k's means over the last two windows of `window` steps
    (theirs are epochs); 1 until two windows have passed.
    """

    def __init__(self, names: list[str], temperature: float = 2.0, window: int = 50):
        self.names, self.temperature, self.window = names, temperature, window
        self.means: list[list[float]] = []
        self.sums, self.steps = [0.0] * len(names), 0

    def weights(self) -> dict[str, float]:
        if len(self.means) < 2:
            return dict.fromkeys(self.names, 1.0)
        before, last = self.means
        raw = [math.exp(now / then / self.temperature) for now, then in zip(last, before)]
        return {name: len(raw) * value / sum(raw) for name, value in zip(self.names, raw)}

    def update(self, losses: dict[str, float]) -> None:
        """Takes one step's losses by name."""
        self.sums = [total + losses[name] for total, name in zip(self.sums, self.names)]
        self.steps += 1
        if self.steps == self.window:
            self.means = [*self.means, [total / self.window for total in self.sums]][-2:]
            self.sums, self.steps = [0.0] * len(self.names), 0

    def state_dict(self) -> dict:
        return {"means": self.means, "sums": self.sums, "steps": self.steps}

    def load_state_dict(self, state: dict) -> None:
        self.means, self.sums, self.steps = state["means"], state["sums"], state["steps"]


def learning_rate(images: int, config: ContrastiveConfig) -> float:
    """Learning rate after `images` images: warm-up, and a cosine to zero."""
    warm = min(1.0, (images / config.batch + 1) / config.warm_up)
    return config.lr * warm * 0.5 * (1 + math.cos(math.pi * min(1.0, images / config.images)))


@torch.no_grad()
def look(model: PCL | Backbone, clips: Clips, size: int, count: int = 512) -> dict:
    """What every block of features tells on validation frames, by name of the block (trunk, face, pose).

    nearest_*: share of frames whose nearest other frame, by cosine of centred features, shows the same person. yaw_*:
    correlation of yaw (the engine's own estimate, where it has one: a pseudo-label, never trained on) with that of a
    ridge regression fitted on the first half of the people, on the other half.
    """
    rows = clips.validation.nonzero().flatten()[:count]
    parts = []
    device = next(model.parameters()).device
    with torch.autocast(device.type, torch.bfloat16):
        for part in rows.split(64):
            image = clips.centre(part, size).to(device, memory_format=torch.channels_last)
            parts.append(model.encode(image))
    person, yaw, out = clips.person[rows], yaws(clips, rows), {}
    first = person <= person.median()
    for name in ("trunk", "face", "pose"):
        if getattr(parts[0], name) is None:
            continue
        features = torch.cat([getattr(part, name) for part in parts]).float().cpu()
        out[f"nearest_{name}"] = nearest(features, person)
        if yaw is not None:
            out[f"yaw_{name}"] = ridge_correlation(features[first], yaw[first], features[~first], yaw[~first])
    return out


def yaws(clips: Clips, rows: Tensor) -> Tensor | None:
    """Yaw in degrees of the frames `rows`, as their engine wrote it; None where it did not for all."""
    poses = [clips.factors[i].get("pose") for i in rows.tolist()]
    return torch.tensor([pose[0] for pose in poses]) if all(poses) else None


def nearest(features: Tensor, person: Tensor) -> float:
    """Share of rows (B x D) whose nearest other row, by cosine of centred features, is of the same person (B)."""
    unit = nn.functional.normalize(features - features.mean(0), dim=1)
    found = (unit @ unit.T).fill_diagonal_(-torch.inf).argmax(1)
    return float((person[found] == person).float().mean())


def ridge_correlation(features: Tensor, target: Tensor, other: Tensor, truth: Tensor) -> float:
    """Correlation of `truth` (M) with what a ridge regression, fitted on features (N x D) and target (N), says of
    other (M x D).

    The ridge is a hundredth of the features' mean squared length. Zero where a side is empty or still.
    """
    if len(features) < 2 or len(other) < 2:
        return 0.0
    x = features - features.mean(0)
    gram = x @ x.T
    ridge = (0.01 * gram.diag().mean()).clamp(min=1e-6)
    dual = torch.linalg.solve(gram + ridge * torch.eye(len(x)), target - target.mean())
    guess = (other - features.mean(0)) @ x.T @ dual
    value = float(torch.corrcoef(torch.stack([guess, truth]))[0, 1])
    return value if math.isfinite(value) else 0.0


def fit(
    config: ContrastiveConfig,
    data: list[str],
    out: Path,
    kind: type[PCL] | type[Backbone],
    tasks: Callable[[nn.Module, nn.ModuleDict, ContrastiveConfig], dict[str, Task]],
    check: Callable[[nn.Module, Clips], tuple[dict, Image.Image | None]],
    resume: bool,
    every: int,
) -> Path:
    """Trains a model on tasks and returns the run's folder.

    kind: class of the model, saved (averaged) into out/NAME, its lower-cased name. tasks: model, an empty ModuleDict
    for projectors, and config to tasks by name. check: numbers and a sheet of the averaged model, every `every`
    images. out receives config.json, curves.jsonl, sheets, state.pt and the model; Ctrl-C saves and stops. Raises
    FileExistsError when the folder holds a run and resume is False.
    """
    accelerator = Accelerator(mixed_precision="bf16", cpu=not torch.cuda.is_available())
    device = accelerator.device
    state_file, curves = open_run(out, resume)
    torch.manual_seed(config.seed)
    model, average = kind(**config.model), kind(**config.model).requires_grad_(False).eval()
    average.load_state_dict(model.state_dict())
    average.to(device, memory_format=torch.channels_last)
    projectors = nn.ModuleDict()
    work = tasks(model, projectors, config)
    model.to(device, memory_format=torch.channels_last)
    projectors.to(device)
    parameters = {name: [p for module in task.modules for p in module.parameters()] for name, task in work.items()}
    optimizers = {n: torch.optim.Adam(p, config.lr, weight_decay=config.weight_decay) for n, p in parameters.items()}
    balance = Balance([name for name, task in work.items() if task.balanced])
    seen, history = 0, []
    if resume and state_file.exists():
        state = load_state(state_file)
        history = resumed(out / "config.json", asdict(config))
        model.load_state_dict(state["model"])
        average.load_state_dict(state["average"])
        projectors.load_state_dict(state["projectors"])
        balance.load_state_dict(state["balance"])
        for name, optimizer in optimizers.items():
            optimizer.load_state_dict(state["optimizers"][name])
        seen = state["images"]
        cut_curve(curves, seen)
    clips = read_shards(data, model.config.size)
    if isinstance(clips.images, Tensor):
        clips.images = clips.images.to(device)
    if clips.validation.all():
        raise ValueError("the shards hold one person only: training needs at least two, one of whom validates")
    share = config.batch // accelerator.num_processes
    main = accelerator.is_main_process

    def save() -> None:
        state = {"model": model.state_dict(), "average": average.state_dict(), "projectors": projectors.state_dict()}
        state |= {"optimizers": {n: o.state_dict() for n, o in optimizers.items()}, "balance": balance.state_dict()}
        save_state(state_file, {**state, "images": seen})
        average.save_pretrained(out / kind.__name__.lower())
        (out / "config.json").write_text(
            json.dumps(record(asdict(config), data=data, images=seen, history=history), indent=1)
        )

    progress, saved, sums, steps = Progress(config.images, seen), time.monotonic(), {}, 0
    with stoppable() as stopped:
        while seen < config.images and not stopped():
            generator = torch.Generator().manual_seed(config.seed * 1_000_003 + seen // config.batch)
            rows = clips.draw(config.batch, generator)[accelerator.process_index * share :][:share]
            generator.manual_seed(generator.initial_seed() * 31 + accelerator.process_index + 1)
            batch = Batch(clips.images[rows.to(clips.images.device)].to(device), rows, clips, generator)
            weights, told = balance.weights(), {}
            for name, task in work.items():
                with accelerator.autocast():
                    loss = task.loss(batch)
                if not torch.isfinite(loss):
                    raise FloatingPointError(
                        f"{name} is {loss.item()} after {seen:,} images; --resume goes on from the last save"
                    )
                optimizers[name].zero_grad(set_to_none=True)
                loss.backward()
                if accelerator.num_processes > 1:
                    for p in parameters[name]:
                        p.grad = accelerator.reduce(p.grad, "mean")
                torch.nn.utils.clip_grad_norm_(parameters[name], config.clip)
                for group in optimizers[name].param_groups:  # Adam forgets a loss's scale: its weight goes to the step
                    group["lr"] = learning_rate(seen, config) * weights.get(name, 1.0)
                optimizers[name].step()
                told[name] = accelerator.reduce(loss.detach(), "mean").item()
            balance.update(told)
            decay = min(config.ema, (1 + seen / config.batch) / (10 + seen / config.batch))
            with torch.no_grad():
                pairs = zip(average.state_dict().values(), model.state_dict().values())
                floating = [(a, m) for a, m in pairs if a.is_floating_point()]
                torch._foreach_lerp_([a for a, _ in floating], [m for _, m in floating], 1 - decay)
            seen, steps = seen + config.batch, steps + 1
            for name, value in told.items():
                sums[name] = sums.get(name, 0) + value
            if main and (seen % every < config.batch or seen >= config.images):
                measures, sheet = check(average, clips)
                row = {
                    "images": seen,
                    **{k: v / steps for k, v in sums.items()},
                    **measures,
                    "rate": progress.rate(seen),
                }
                if len(balance.names) > 1:
                    row |= {f"weight_{k}": v for k, v in balance.weights().items()}
                append_curve(curves, row)
                progress(seen, " ".join(f"{k} {v:.3f}" for k, v in row.items() if k not in ("images", "rate")))
                if sheet is not None:
                    sheet.save(out / f"sheet_{seen:07d}.png")
                sums, steps = {}, 0
            elif main:
                progress(seen, line=False)
            if main and time.monotonic() - saved > 55:
                save()
                saved = time.monotonic()
    if stopped() and main:
        print(f"\nstopped after {seen:,} images; --resume goes on from here", flush=True)
    if main:
        save()
    return out
