"""Stage 2 step by step: a person's frames, noise, denoising, the split and the swap (LatentFace, section 3.2)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from latentface.codes import Codes
from latentface.explain.blocks import Block, recorded
from latentface.pipeline import LatentFacePipeline

TIMES = (0, 50, 100, 200, 300, 400, 500, 600, 700, 800, 900, 999)
"""Times of the noise schedule that are drawn, where it has 1000; see Diffusion.times."""
SEED = 9
"""Of the noise. Noise drawn as a face is nobody, but with some seeds, 0 among them, it looks like mockery of people."""


@dataclass
class People:
    """Frames of several people on a plane, and how far apart they lie in the space of codes."""

    codes: Tensor
    """P x C: each person's mean code."""
    places: Tensor
    """P x F x 2: along the two axes in which the people's mean codes differ most."""
    means: Tensor
    """P x 2: mean of each person's frames there."""
    within: float
    """Root mean square distance of a frame from its person's mean, standardised codes, all C numbers."""
    between: float
    """Root mean square distance of the people's means from their own mean."""

    def on_page(self) -> tuple[Tensor, Tensor]:
        """Give places and means with the farthest place at 1, on either axis."""
        reach = self.places.abs().amax((0, 1)).clamp(min=1e-6)
        return self.places / reach, self.means / reach


def people(codes: Tensor) -> People:
    """Lay people's frames on a plane.

    Args:
        codes: P x F x C standardised codes, P and F at least 3.
    """
    means = codes.mean(1)
    axes = torch.linalg.svd(means - means.mean(0), full_matrices=False)[2][:2]
    within = (codes - means[:, None]).square().sum(-1).mean().sqrt()
    between = (means - means.mean(0)).square().sum(-1).mean().sqrt()
    return People(
        means, (codes - means.mean(0)) @ axes.T, (means - means.mean(0)) @ axes.T, float(within), float(between)
    )


@dataclass
class Step:
    """One denoising step; C numbers each, standardised."""

    time: int
    alpha: float
    """Share of the clean code in the noisy one's variance, alpha bar of DDPM."""
    alpha_before: float
    """The same one step later on the way to the clean code."""
    noisy: Tensor
    """1 x C before the step, x_t."""
    clean: Tensor
    """1 x C that the network takes for the clean code, x_0."""


class Diffusion:
    """One face in stage 2.

    Args:
        pipeline: the model.
        codes: batch of one.
    """

    def __init__(self, pipeline: LatentFacePipeline, codes: Codes):
        self.pipeline, self.codes = pipeline, codes
        self.parts = pipeline.split(codes)

    def noise(self, seed: int = SEED) -> Tensor:
        """Draw the start noise of a seed, 1 x C."""
        return torch.randn(1, self.codes.face.shape[1], generator=torch.Generator().manual_seed(seed))

    @property
    def times(self) -> list[int]:
        """The times that are drawn: TIMES, stretched to this schedule."""
        last = int(self.pipeline.scheduler.config["num_train_timesteps"]) - 1
        return [round(time * last / TIMES[-1]) for time in TIMES]

    def schedule(self) -> str:
        """Name the noise schedule as its settings say it."""
        about = self.pipeline.scheduler.config
        return (
            f"T = {about['num_train_timesteps']}, β from {about['beta_start']:g} to {about['beta_end']:g}, "
            f"{about['beta_schedule'].replace('_', ' ')}"
        )

    def alpha(self, time: int) -> float:
        """Give alpha bar of the noise schedule."""
        return float(self.pipeline.scheduler.alphas_cumprod[time])

    def noised(self, seed: int = SEED) -> list[Tensor]:
        """Add noise to this face's identity, standardised, 1 x C at each of `times` (DDPM's forward process)."""
        clean = self.pipeline.denoiser.standardize(self.parts.identity)
        noise = self.noise(seed)
        alphas = [self.alpha(time) for time in self.times]
        return [alpha**0.5 * clean + (1 - alpha) ** 0.5 * noise for alpha in alphas]

    @torch.no_grad()
    def denoising(self, steps: int = 5, seed: int = SEED) -> list[Step]:
        """Go from noise to the identity by DDIM, eta 0, from one start noise, and keep every step."""
        denoiser, scheduler = self.pipeline.denoiser, self.pipeline.scheduler
        sampler = type(scheduler).from_config(scheduler.config)
        assert isinstance(sampler, type(scheduler))
        sampler.set_timesteps(steps)
        condition = denoiser.standardize(self.codes.face)
        sample, found = self.noise(seed), []
        times = sampler.timesteps.tolist()
        for time, later in zip(times, [*times[1:], None], strict=True):
            clean = denoiser(sample, torch.full((1,), time), condition)
            before = 1.0 if later is None else self.alpha(later)
            found.append(Step(time, self.alpha(time), before, sample, clean))
            sample = sampler.step(clean, time, sample, eta=0.0, return_dict=False)[0]
        return found

    def is_settled(self, steps: list[Step]) -> bool:
        """Say whether all steps take the clean code for nearly the same."""
        last = steps[-1].clean
        spread = (torch.cat([step.clean for step in steps]) - last).norm(dim=1).max()
        return float(spread) < 0.1 * float(last.norm())

    def strengthened(self, strengths: list[float]) -> Tensor:
        """Give this face's expression in standard deviations, at each strength, K x C."""
        return torch.tensor(strengths)[:, None] * self.parts.expression / self.pipeline.denoiser.std

    def faces(self, standardized: Tensor) -> Codes:
        """Put standardised codes, B x C, under a view from the front and a plain light, to be drawn."""
        return self.pipeline.frontal(self.pipeline.denoiser.restore(standardized))

    def expressed(self, strengths: list[float], other: Codes | None = None) -> Codes:
        """Give this identity with more or less of an expression, from the front under a plain light.

        Args:
            strengths: factors of the expression.
            other: whose expression; None: this face's own.
        """
        expression = (self.parts if other is None else self.pipeline.split(other)).expression
        return self.pipeline.frontal(self.parts.identity + torch.tensor(strengths)[:, None] * expression)

    def loudest(self, other: Codes | None = None) -> dict[str, float]:
        """Give the number of the code in which an expression is largest, in standard deviations of that number.

        Args:
            other: whose expression; None: this face's own.

        Returns:
            Its index counted from 1, and there: this face's code, identity and expression, and the other's expression.
        """
        std = self.pipeline.denoiser.std
        theirs = (self.parts if other is None else self.pipeline.split(other)).expression / std
        at = int(theirs[0].abs().argmax())
        mine = {
            "code": self.codes.face, "identity": self.parts.identity, "expression": self.parts.expression,
        }  # fmt: skip
        units = {name: float(value[0, at] / std[at]) for name, value in mine.items()}
        return units | {"index": at + 1, "theirs": float(theirs[0, at])}

    def share(self) -> float:
        """Give the length of the expression over that of the code less the mean code, in standard deviations."""
        denoiser = self.pipeline.denoiser
        whole = denoiser.standardize(self.codes.face).norm().clamp(min=1e-12)
        return float((self.parts.expression / denoiser.std).norm() / whole)

    def block(self) -> Block:
        """Give the denoiser with the shapes that pass through it."""
        standard = self.pipeline.denoiser.standardize(self.codes.face)

        @torch.no_grad()
        def run() -> None:
            """Denoise once."""
            self.pipeline.denoiser(standard, torch.zeros(1), standard)

        return recorded({"denoiser": self.pipeline.denoiser}, run)[0]
