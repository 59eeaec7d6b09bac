"""Trains the prior of stage 2: the distributions of identities and of expressions (see latentface/prior.py).

    python -m train prior --preset explorer --data SHARDS --checkpoint PIPELINE --out RUN [--resume]

Both networks see pairs of frames of one person. The identity of one frame is learned given that of the other, so what
is drawn "like this person" differs as much as one person's photos do; the expression of one frame is learned given the
identity of the other.
"""

from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from latentface.checkpoints import load_pipeline
from latentface.codes import Codes
from latentface.pipeline import LatentFacePipeline
from latentface.prior import ConditionalDenoiser, Prior, make_prior_scheduler
from train.common.config import require, require_arguments, require_run
from train.common.ema import Ema
from train.common.loop import Evaluation, Run
from train.common.sheets import tile
from train.data.clips import another_frame
from train.data.reading import read_shards
from train.stage2.codes import encode_clips

WARM_UP = 100
"""Steps over which the learning rate rises."""
SHOWN = 48
"""People drawn for a sheet."""


@dataclass
class PriorConfig:
    """Settings of a run of the prior."""

    model: dict = field(default_factory=dict)
    """Arguments of Prior."""
    images: int = 512_000
    """Length of the run in codes seen."""
    batch: int = 256
    """Pairs of frames a step."""
    lr: float = 1e-3
    """AdamW's peak learning rate; warm-up over 100 steps, then a cosine to zero."""
    weight_decay: float = 1e-2
    """AdamW's weight decay."""
    ema: float = 0.998
    """Decay of the averaged weights, the ones that are shipped."""
    dropped: float = 0.3
    """Share of a batch that learns without the condition."""
    seed: int = 0
    """Seed of weights and batches."""

    def __post_init__(self) -> None:
        """Refuse values that cannot be, naming their flag."""
        require_run(self)
        require_arguments(self, "model", Prior)
        require(self, "dropped", least=0, most=1)
        require(self, "weight_decay", least=0)


PRESETS = {
    "explorer": PriorConfig(model={"width": 176, "blocks": 2}),
    "toy": PriorConfig(
        model={"identity_axes": 8, "expression_axes": 4, "width": 32, "blocks": 1}, images=4_000, batch=64
    ),
}


def learning_rate(seen: int, config: PriorConfig) -> float:
    """Return the learning rate after `seen` codes: warm-up, then a cosine to zero."""
    share = 0.5 * (1 + torch.cos(torch.tensor(torch.pi * seen / config.images))).item()
    return config.lr * share * min(1.0, (seen / config.batch + 1) / WARM_UP)


def velocity_error(
    denoiser: ConditionalDenoiser,
    clean: Tensor,
    condition: Tensor,
    known: Tensor,
    alphas: Tensor,
    generator: torch.Generator,
) -> Tensor:
    """Return the squared error of the velocity at random times (Salimans and Ho 2022, appendix D).

    Args:
        denoiser: of identities or expressions.
        clean: B x K.
        condition: B x condition.
        known: B bool, where the condition is told.
        alphas: T, the schedule's products.
        generator: of times and noise.

    Returns:
        B, means over K.
    """
    t = torch.randint(len(alphas), (len(clean),), generator=generator).to(clean.device)
    noise = torch.randn(clean.shape, generator=generator).to(clean.device)
    signal, spread = alphas[t, None].sqrt(), (1 - alphas[t, None]).sqrt()
    found = denoiser(signal * clean + spread * noise, t, condition, known)
    return (found - (signal * noise - spread * clean)).square().mean(1)


class Trainer:
    """Networks, optimiser and codes of a run of the prior.

    Args:
        config: settings.
        pipeline: a checkpoint with both stages.
        data: shards.
        run: the run's folder and state; restored here.

    Raises:
        ValueError: where nobody to learn from has two frames.
    """

    def __init__(self, config: PriorConfig, pipeline: LatentFacePipeline, data: list[str], run: Run):
        self.config, self.pipeline, self.run = config, pipeline, run
        self.device = pipeline.device
        self.clips = read_shards(data, pipeline.size)
        codes = encode_clips(pipeline.autoencoder, self.clips, 1, config.seed)
        face, empty = codes["face"][:, 0].to(self.device), torch.zeros(len(codes["face"]), 0)
        half = face.shape[1] // 2
        parts = pipeline.split(Codes(face[:, :half], face[:, half:], empty, empty))
        usable = torch.bincount(self.clips.person)[self.clips.person] > 1
        learning = ~self.clips.validation
        self.rows, self.held = ((usable & part).nonzero().flatten() for part in (learning, self.clips.validation))
        if not len(self.rows):
            raise ValueError("no person to learn from has two frames")
        torch.manual_seed(config.seed)
        with self.device:
            self.prior = Prior(**{**config.model, "code": face.shape[1]})
        self.kept = {
            "identity": self.prior.identity_space.fit(parts.identity[learning]),
            "expression": self.prior.expression_space.fit(parts.expression[learning]),
        }
        self.identity = self.prior.identity_space(parts.identity)
        self.expression = self.prior.expression_space(parts.expression)
        self.average = deepcopy(self.prior)
        self.ema = Ema(self.prior, self.average, config.ema)
        self.optimizer = torch.optim.AdamW(self.prior.parameters(), config.lr, weight_decay=config.weight_decay)
        run.restore(prior=self.prior, average=self.average, optimizer=self.optimizer)
        self.alphas = make_prior_scheduler().alphas_cumprod.to(self.device)

    def errors(self, prior: Prior, rows: Tensor, known: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        """Return squared errors of the velocity of identities and expressions, B each.

        Args:
            prior: the networks.
            rows: B frames.
            known: B bool, where the condition is told.
            generator: of partners, times and noise.
        """
        others = another_frame(self.clips.people, rows, generator)
        condition, known = self.identity[others], known.to(self.device)
        return {
            name: velocity_error(getattr(prior, name), clean[rows], condition, known, self.alphas, generator)
            for name, clean in (("identity", self.identity), ("expression", self.expression))
        }

    def step(self, seen: int, generator: torch.Generator) -> dict[str, Tensor]:
        """Learn the velocities of one batch."""
        config = self.config
        rows = self.clips.draw(config.batch, generator, self.rows)
        known = torch.rand(config.batch, generator=generator) >= config.dropped
        terms = {name: error.mean() for name, error in self.errors(self.prior, rows, known, generator).items()}
        loss = torch.stack(list(terms.values())).sum()
        self.run.check(loss)
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(seen, config)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.prior.parameters(), 1.0)
        self.optimizer.step()
        return {name: term.detach() for name, term in terms.items()}

    @torch.no_grad()
    def evaluate(self, seen: int) -> Evaluation:
        """Measure the averaged networks on people held out, and draw people from noise.

        A network that knows nothing of the codes but their mean and variance has error 1 - K^-1 or so.
        """
        measures: dict[str, float] = dict(zip(("kept_identity", "kept_expression"), self.kept.values(), strict=True))
        if len(self.held):
            rows = self.held.repeat(max(1, 4_000 // len(self.held)))
            for label, told in (("given", True), ("alone", False)):
                known = torch.full((len(rows),), told)
                found = self.errors(self.average, rows, known, torch.Generator().manual_seed(0))
                measures |= {f"val_{name}_{label}": float(error.mean()) for name, error in found.items()}
        return measures, {"people": self.sheet()}

    def sheet(self) -> Image.Image:
        """Draw people from noise, from the front."""
        pipeline = self.with_prior()
        walk = pipeline.draw_people(SHOWN)
        scene = pipeline.decode(pipeline.frontal(walk.result))
        return tile(list(scene.canonical.split(12)), max(1, 128 // pipeline.size))

    def with_prior(self) -> LatentFacePipeline:
        """Return the pipeline with the averaged prior."""
        parts = self.pipeline
        return LatentFacePipeline(parts.autoencoder, parts.denoiser, parts.scheduler, self.average)

    def save(self, out: Path) -> None:
        """Save the whole pipeline with the averaged prior."""
        self.with_prior().save_pretrained(out / "pipeline")


def train(config: PriorConfig, data: list[str], checkpoint: str, out: Path, resume: bool = False) -> Path:
    """Train the prior of a checkpoint and write the whole pipeline to `out/pipeline`.

    Args:
        config: settings.
        data: shards, FOLDER[:WEIGHT] each.
        checkpoint: a bundled name or a folder with both stages.
        out: receives config.json, curves.jsonl, sheets, state.pt and the pipeline.
        resume: whether to go on with the run in `out`.

    Returns:
        The run's folder.

    Raises:
        CheckpointError: there is no such checkpoint.
        FileExistsError: where the folder holds a run and `resume` is False.
        ValueError: where nobody to learn from has two frames.
        FloatingPointError: where the loss is not finite.
    """
    run = Run(config, data, out, resume, unit="codes")
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    trainer = Trainer(config, load_pipeline(checkpoint).to(device), data, run)
    every = max(config.batch, config.images // 10 // config.batch * config.batch)
    return run.train(trainer.step, trainer.evaluate, trainer.save, trainer.ema, every)
