"""Stage 2: the representation diffusion model, RDM (LatentFace, section 3.2).

A denoiser learns the distribution of what a person keeps over time, given the code of one frame. Its sample is the
identity; the rest of the frame's code is the expression. Beside the paper, with C the length of shape and texture code
together:

| symbol           | name here          | shape | where              | differs from the paper                |
| ---------------- | ------------------ | ----- | ------------------ | ------------------------------------- |
| z = (z_d, z_a)   | code, `Codes.face` | B x C | LatentFace 3.2     | both in one network, not one each     |
| x_t, t           | sample, timestep   | B x C | DDPM, T = 1000     | as there                              |
| x_0(x_t, t, z)   | `Denoiser.forward` | B x C | LatentFace 3.2     | MLP; keeps all but the expression's   |
| z_id             | `Split.identity`   | B x C | LatentFace 3.2     | mean over several start noises        |
| z_exp = z - z_id | `Split.expression` | B x C | LatentFace 3.2     | as there                              |
| -                | `readings`         | C x R | -                  | ours: read the expression off a code  |
| -                | `directions`       | C x R | -                  | ours: covarying directions, see below |
| -                | `steady`           | C x C | Hatch et al., 2006 | ours: within-class whitening          |

Both codes go through one network because an expression shows in both: closed eyes are a warp and a colour. R, the rank
of the expression subspace, is `changing` in shipped configs.
"""

import math
from dataclasses import dataclass
from typing import Any

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from diffusers.schedulers.scheduling_ddim import DDIMScheduler, DDIMSchedulerOutput
from diffusers.schedulers.scheduling_utils import SchedulerMixin
from torch import Tensor, nn

TIME_FREQUENCIES = 32
"""Pairs of sine and cosine that a denoiser reads the time by."""


class Standardized(nn.Module):
    """The scale of a denoiser's codes: `mean` and `std` (C each) travel with its weights; 0 and 1 change nothing."""

    mean: Tensor
    std: Tensor

    def register_scale(self, code: int) -> None:
        """Add the two buffers for codes of a length."""
        self.register_buffer("mean", torch.zeros(code))
        self.register_buffer("std", torch.ones(code))

    def standardize(self, code: Tensor) -> Tensor:
        """Scale codes B x C of the autoencoder to zero mean and unit variance over the training codes."""
        return (code - self.mean) / self.std

    def restore(self, code: Tensor) -> Tensor:
        """Undo `standardize`."""
        return code * self.std + self.mean


class Denoiser(Standardized, ModelMixin, ConfigMixin):
    """Predict the clean identity code from a noisy one, the time and the frame's own code.

    The authors' denoiser is a UNet on 1 x 1 maps, which is a residual MLP with a time embedding; this is that MLP.

    With rank 0, the authors' way, every direction of the code is split: a least-squares guess pulls each towards the
    mean of all people, and takes some of the identity in every direction for expression. With more, `readings` read
    the expression off a code, and `directions` (readings^T directions = 1) say how a code moves with each: along the
    numbers that stage 1 lets change from frame to frame, and along those that covary with them within people. The
    denoiser sees a code without its expression, guesses the part of the expression that the person keeps, and leaves
    the rest as it is.

    Args:
        code: length of shape and texture code together.
        width: of the hidden layers.
        blocks: residual blocks.
        changing: rank of the expression subspace.
    """

    readings: Tensor
    directions: Tensor
    steady: Tensor

    @register_to_config
    def __init__(self, code: int = 512, width: int = 256, blocks: int = 3, changing: int = 0):
        super().__init__()
        for name in ("readings", "directions"):
            self.register_buffer(name, torch.zeros(code, changing), persistent=changing > 0)
        self.time = nn.Sequential(nn.Linear(2 * TIME_FREQUENCIES, width), nn.SiLU(), nn.Linear(width, width))
        self.inlet = nn.Linear(2 * code, width)
        self.residuals = nn.ModuleList(
            nn.Sequential(nn.LayerNorm(width), nn.SiLU(), nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))
            for _ in range(blocks)
        )
        self.outlet = nn.Sequential(nn.LayerNorm(width), nn.SiLU(), nn.Linear(width, code))
        self.skip = nn.Linear(code, code)
        self.register_scale(code)
        self.register_buffer("steady", torch.eye(code))

    def forward(self, sample: Tensor, timestep: Tensor, condition: Tensor) -> Tensor:
        """Predict the clean sample (x_0 of DDPM).

        Args:
            sample: B x C standardised, noisy.
            timestep: B in [0, 1000).
            condition: B x C standardised, the frame's own code.

        Returns:
            B x C standardised.
        """
        kept = condition - self.expression_part(condition)
        steps = torch.arange(TIME_FREQUENCIES, device=sample.device)
        frequencies = torch.exp(-math.log(10_000) * steps / TIME_FREQUENCIES)
        angles = timestep.to(sample.dtype)[:, None] * frequencies
        time = self.time(torch.cat([angles.sin(), angles.cos()], -1))
        hidden = self.inlet(torch.cat([sample, kept], -1))
        for block in self.residuals:
            hidden = hidden + block(hidden + time)
        guess = self.outlet(hidden) + self.skip(kept)
        return self.identity(kept, guess)

    def identity(self, code: Tensor, guess: Tensor) -> Tensor:
        """Replace the expression's part of standardised codes, B x C, by that of a guess; with rank 0, all of them."""
        if not self.config["changing"]:
            return guess
        return code - self.expression_part(code) + self.expression_part(guess)

    def signature(self, code: Tensor) -> Tensor:
        """Whiten codes within people, for comparing who is who.

        All directions of shape, and all of texture, then vary alike from frame to frame of one person, so that cosines
        heed the lasting differences (within-class covariance normalisation, Hatch et al., Interspeech 2006).

        Args:
            code: B x C as the autoencoder gives it.

        Returns:
            B x C.
        """
        return self.standardize(code) @ self.steady

    def expression_part(self, code: Tensor) -> Tensor:
        """Project standardised codes, B x C, onto the expression subspace; zero with rank 0."""
        return code @ self.readings @ self.directions.T


@dataclass
class Split:
    """A code split; identity + expression = code."""

    identity: Tensor
    """B x C."""
    expression: Tensor
    """B x C."""
    steps: list[Tensor]
    """The predicted clean identity after every denoising step, B x C each, first to last."""


class LegacyDDIMScheduler(DDIMScheduler, SchedulerMixin):  # diffusers' loader wants the base's name in this module
    """DDIM as diffusers 0.14.0, the release the authors used, computed it for clean-sample prediction, eta 0.

    Its "direction pointing to x_t" took the predicted clean sample for the predicted noise (diffusers issue #1486,
    mended by PR #2094), and the clean sample itself was clipped to [-1, 1]. Features of the published weights came out
    this way.
    """

    def step(  # pyright: ignore[reportIncompatibleMethodOverride] (of the options, none has an effect)
        self,
        model_output: Tensor,
        timestep: int,
        sample: Tensor,
        eta: float = 0.0,
        **unused: Any,  # noqa: ANN401 (the base's options)
    ) -> DDIMSchedulerOutput:
        """Go one step from noise towards the clean sample.

        Args:
            model_output: the predicted clean sample, B x C.
            timestep: the current one.
            sample: the noisy sample; only its type and device are used, as in that release.
            eta: must be 0.
            unused: options of the base class, without effect.

        Returns:
            The sample of the step before, and the clipped clean sample.

        Raises:
            ValueError: eta is above 0, or set_timesteps was not called.
        """
        if eta or self.num_inference_steps is None:
            raise ValueError("the legacy sampler has eta 0 and needs set_timesteps first")
        before = int(timestep) - self.config["num_train_timesteps"] // self.num_inference_steps
        alpha = (self.alphas_cumprod[before] if before >= 0 else self.final_alpha_cumprod).to(sample)
        clean = model_output.clamp(-1, 1)
        return DDIMSchedulerOutput(alpha.sqrt() * clean + (1 - alpha).sqrt() * model_output, clean)


def make_scheduler(legacy_ddim: bool = False) -> DDIMScheduler:
    """Make the sampler over the authors' noise schedule: T = 1000, linear betas 1e-4 .. 0.02, clean-sample prediction.

    Args:
        legacy_ddim: sample as the authors' release of diffusers did, see LegacyDDIMScheduler.
    """
    return (LegacyDDIMScheduler if legacy_ddim else DDIMScheduler)(
        num_train_timesteps=1000, beta_start=1e-4, beta_end=0.02, beta_schedule="linear",
        prediction_type="sample", clip_sample=legacy_ddim, set_alpha_to_one=True, timestep_spacing="leading",
    )  # fmt: skip


@torch.no_grad()
def split(
    denoiser: Standardized, scheduler: DDIMScheduler, code: Tensor, steps: int = 5, samples: int = 8, seed: int = 0
) -> Split:
    """Split codes by DDIM sampling given the codes, averaged over several start noises (LatentFace, section 3.2).

    The start noises depend on the seed alone and are the same for every row, so a face's split does not depend on its
    neighbours in the batch.

    Args:
        denoiser: Denoiser or PaperDenoiser.
        scheduler: see make_scheduler.
        code: B x C as the autoencoder gives it.
        steps: denoising steps.
        samples: start noises.
        seed: of the start noises.

    Returns:
        Identity and expression, and the identity as predicted after every step.

    Raises:
        ValueError: steps or samples are below 1.
    """
    if steps < 1 or samples < 1:
        raise ValueError("steps and samples must be at least 1")
    batch, length = code.shape
    condition = denoiser.standardize(code).repeat(samples, 1)
    noise = torch.randn(samples, 1, length, generator=torch.Generator().manual_seed(seed)).to(code)
    sample = noise.expand(-1, batch, -1).reshape(-1, length)
    sampler = type(scheduler).from_config(scheduler.config)  # the step counter is this call's own
    if not isinstance(sampler, DDIMScheduler):
        raise TypeError("the scheduler must be a DDIMScheduler")
    sampler.set_timesteps(steps, device=code.device)
    clean = []
    for t in sampler.timesteps.tolist():
        prediction = denoiser(sample, torch.full((len(sample),), t, device=code.device), condition)
        out = sampler.step(prediction, t, sample, eta=0.0)
        if not isinstance(out, DDIMSchedulerOutput) or out.pred_original_sample is None:
            raise TypeError("the scheduler must be a DDIMScheduler")
        sample = out.prev_sample
        clean.append(denoiser.restore(out.pred_original_sample.view(samples, batch, length).mean(0)))
    identity = denoiser.restore(sample.view(samples, batch, length).mean(0))
    if isinstance(denoiser, Denoiser) and denoiser.config["changing"]:
        # outside the expression subspace the identity is the code to the last bit, else rounding would be expression
        identity = code + denoiser.std * denoiser.expression_part((identity - code) / denoiser.std)
    return Split(identity, code - identity, clean)
