"""Stage 2: trains the RDM's denoiser on the codes of clips (LatentFace, section 3.2).

    python -m train rdm --preset explorer --data SHARDS --autoencoder RUN --out RUN2 [--resume]

The target of a frame is the mean code of the person's *other* frames (the frame itself would leak into its target).
"""

import os
from copy import deepcopy
from pathlib import Path

import torch
from torch import Tensor

from latentface.autoencoder import Autoencoder
from latentface.checkpoints import load_autoencoder
from latentface.paper import PaperAutoencoder, PaperDenoiser
from latentface.pipeline import LatentFacePipeline
from latentface.rdm import Denoiser, make_scheduler, split
from train.common.ema import Ema
from train.common.loop import Evaluation, Run
from train.data.reading import read_shards
from train.stage1.expression_subspace import covarying_directions
from train.stage2.codes import FrameCodes, read_codes
from train.stage2.config import NETWORKS, RDMConfig
from train.stage2.expression_axes import KINDS, expression_axes
from train.stage2.least_squares import start_from_least_squares
from train.stage2.whitening import within_class_whitening

WARM_UP = 200
"""Steps over which the learning rate rises."""


def learning_rate(seen: int, config: RDMConfig) -> float:
    """Return the learning rate after `seen` codes: warm-up, then a cosine to zero."""
    share = 0.5 * (1 + torch.cos(torch.tensor(torch.pi * seen / config.images))).item()
    return config.lr * share * min(1.0, (seen / config.batch + 1) / WARM_UP)


def snr_weight(alphas_cumprod: Tensor, gamma: float) -> Tensor:
    """Weigh the clean-sample error at every timestep: min(SNR, gamma) (Hang et al. 2023, eq. 4), mean 1 over t.

    Args:
        alphas_cumprod: T.
        gamma: cap; 0 weighs all timesteps alike.

    Returns:
        T.
    """
    if not gamma:
        return torch.ones_like(alphas_cumprod)
    snr = alphas_cumprod / (1 - alphas_cumprod)
    weight = snr.clamp(max=gamma)
    return weight / weight.mean()


def denoising_target(denoiser: Denoiser | PaperDenoiser, condition: Tensor, target: Tensor) -> Tensor:
    """Return the clean sample that a denoiser learns for standardised codes, B x C.

    Args:
        denoiser: a Denoiser changes codes along its directions only.
        condition: B x C, standardised codes.
        target: B x C, standardised means of the person's other frames.

    Returns:
        B x C: `target`, or the codes with their expression replaced by the target's.
    """
    return denoiser.identity(condition, target) if isinstance(denoiser, Denoiser) else target


def held_error(denoiser: Denoiser | PaperDenoiser, code: Tensor, target: Tensor, **sampling: int) -> list[float]:
    """Measure the identities that are split off codes.

    Args:
        denoiser: the averaged denoiser.
        code: B x C codes as the autoencoder gives them.
        target: B x C, see `others_mean`.
        sampling: arguments of `split`.

    Returns:
        Mean squared errors, standardised, summed over the shape code and over the texture code.
    """
    found = denoiser.standardize(split(denoiser, make_scheduler(), code, **sampling).identity)
    error = found - denoising_target(denoiser, denoiser.standardize(code), denoiser.standardize(target))
    return error.square().unflatten(1, (2, -1)).sum(2).mean(0).tolist()


def build_denoiser(
    config: RDMConfig, model: Autoencoder | PaperAutoencoder, codes: FrameCodes, device: torch.device
) -> Denoiser | PaperDenoiser:
    """Build a denoiser and fit its scale of codes; for a Denoiser, all of `fit_denoiser` too."""
    torch.manual_seed(config.seed)
    network, arguments = NETWORKS[config.network], {**config.model, "code": codes.face.shape[-1]}
    masks = []
    if network is Denoiser and isinstance(model, Autoencoder) and any(model.config.get("changing", ())):
        masks = [model.expression_mask(kind) for kind in KINDS]
        arguments["changing"] = sum(int(mask.sum()) for mask in masks) + sum(config.more)
    denoiser = network(**arguments).to(device)
    if config.standardized:
        flat = codes.face[codes.drawn].flatten(0, 1)
        denoiser.mean.copy_(flat.mean(0))
        denoiser.std.copy_(flat.std(0).clamp(min=1e-4))
    if isinstance(denoiser, Denoiser):
        fit_denoiser(denoiser, model, codes, config.more if masks else None, config.apart)
    return denoiser


def fit_denoiser(
    denoiser: Denoiser,
    model: Autoencoder | PaperAutoencoder,
    codes: FrameCodes,
    more: tuple[int, int] | None,
    apart: float = 0.0,
) -> None:
    """Fit a denoiser's whitening, expression subspace and least-squares start.

    Args:
        denoiser: changed in place; its scale is set already.
        model: the stage 1 network.
        codes: of all frames.
        more: see RDMConfig; None where the denoiser has no expression subspace.
        apart: see RDMConfig.
    """
    device = denoiser.mean.device
    frames = denoiser.standardize(codes.face[:, 0].to(device)).cpu()
    person, drawn = codes.person[codes.learning], codes.drawn
    halves = frames[codes.learning].chunk(2, 1)  # each by itself: side by side, cosines know fewer photos again
    denoiser.steady.copy_(torch.block_diag(*(within_class_whitening(half, person) for half in halves)))
    if more is not None and isinstance(model, Autoencoder):
        person, known = codes.person[drawn], codes.known[drawn]
        axes = expression_axes(model, denoiser, frames[drawn], person, more, known, apart)
        denoiser.readings.copy_(axes)
        denoiser.directions.copy_(covarying_directions(frames[drawn], person, axes, known))
    condition, target = frames[codes.rows].to(device), denoiser.standardize(codes.target[codes.rows].to(device))
    start_from_least_squares(denoiser, condition, target)


class Trainer:
    """Denoiser, optimiser and codes of a stage 2 run.

    Args:
        config: settings.
        model: the stage 1 network, on its device.
        data: shards.
        run: the run's folder and state; restored here.
    """

    def __init__(self, config: RDMConfig, model: Autoencoder | PaperAutoencoder, data: list[str], run: Run):
        self.config, self.model, self.run = config, model, run
        self.device = next(model.parameters()).device
        self.clips = read_shards(data, model.size)
        self.codes = read_codes(model, self.clips, config.views, config.seed)
        self.denoiser = build_denoiser(config, model, self.codes, self.device)
        self.average = deepcopy(self.denoiser)
        self.ema = Ema(self.denoiser, self.average, config.ema)
        kind = torch.optim.AdamW if config.decoupled else torch.optim.Adam
        self.optimizer = kind(self.denoiser.parameters(), config.lr, weight_decay=config.weight_decay)
        run.restore(denoiser=self.denoiser, average=self.average, optimizer=self.optimizer)
        self.scheduler = make_scheduler()
        self.alphas = self.scheduler.alphas_cumprod.to(self.device)
        self.weight = snr_weight(self.alphas, config.snr_gamma)

    def step(self, seen: int, generator: torch.Generator) -> dict[str, Tensor]:
        """Learn the clean targets of one batch at random timesteps."""
        config, codes, denoiser = self.config, self.codes, self.denoiser
        rows = self.clips.draw(config.batch, generator, codes.rows)
        view = torch.randint(config.views, (config.batch,), generator=generator)
        t = torch.randint(1000, (config.batch,), generator=generator).to(self.device)
        condition = denoiser.standardize(codes.face[rows, view].to(self.device))
        target = denoising_target(denoiser, condition, denoiser.standardize(codes.target[rows].to(self.device)))
        noise = torch.randn(target.shape, generator=generator).to(self.device)
        noisy = self.alphas[t, None].sqrt() * target + (1 - self.alphas[t, None]).sqrt() * noise
        error = (denoiser(noisy, t, condition) - target).square().mean(1)
        loss = (self.weight[t] * 2 * error).mean()  # shape's plus texture's, as the authors add them up
        self.run.check(loss)
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(seen, config)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(denoiser.parameters(), 1.0)
        self.optimizer.step()
        return {"loss": loss.detach()}

    def evaluate(self, seen: int) -> Evaluation:
        """Measure the averaged denoiser on people held out, see `held_error`; there is nothing to draw."""
        held = self.codes.held
        if not len(held):
            return {}, {}
        code, target = (part[held].to(self.device) for part in (self.codes.face[:, 0], self.codes.target))
        errors = held_error(self.average, code, target)
        return {f"val_{kind}": error for kind, error in zip(KINDS, errors, strict=True)}, {}

    def save(self, out: Path) -> None:
        """Save the whole pipeline with the averaged denoiser."""
        LatentFacePipeline(self.model, self.average, self.scheduler).save_pretrained(out / "pipeline")


def train(config: RDMConfig, data: list[str], autoencoder: Path, out: Path, resume: bool = False) -> Path:
    """Run stage 2 on a stage 1 run and write the whole pipeline to `out/pipeline`.

    Args:
        config: settings.
        data: shards, FOLDER[:WEIGHT] each. They should show each person with any expression, as parametric people do:
            where a person always smiles, the smile is taken for theirs. Shards of weight 0 are left out of all but the
            signature, for which every kind of face is welcome.
        autoencoder: a stage 1 run, or its `autoencoder` folder.
        out: receives config.json, curves.jsonl, state.pt and the pipeline.
        resume: whether to go on with the run in `out`.

    Returns:
        The run's folder.

    Raises:
        FileExistsError: where the folder holds a run and `resume` is False.
        ValueError: as one of several processes, or where nobody to train on has two frames.
        FloatingPointError: where the loss is not finite.
    """
    if int(os.environ.get("WORLD_SIZE", 1)) > 1:
        raise ValueError(
            "stage 2 takes minutes and runs as one process: start it without torchrun or accelerate launch"
        )
    run = Run(config, data, out, resume, unit="codes")
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model = load_autoencoder(autoencoder).to(device, memory_format=torch.channels_last)
    trainer = Trainer(config, model, data, run)
    every = max(config.batch, config.images // 20 // config.batch * config.batch)
    return run.train(trainer.step, trainer.evaluate, trainer.save, trainer.ema, every)
