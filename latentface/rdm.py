"""Stage 2: the representation diffusion model (LatentFace, section 3.2).

A denoiser learns the distribution of what a person keeps over time, given one frame's code. Its sample is the identity; what the
frame's code holds beyond it is the expression: expression = code - identity. The authors have one denoiser for shape and one for
texture, each blind to the other; ours sees both side by side, as an expression shows in both: closed eyes are a layout and a colour.
"""

import math
from dataclasses import dataclass

import torch
from diffusers import ConfigMixin, DDIMScheduler, ModelMixin, SchedulerMixin
from diffusers.configuration_utils import register_to_config
from diffusers.schedulers.scheduling_ddim import DDIMSchedulerOutput
from torch import Tensor, nn


class Standardized:
    """A denoiser's scale of codes: `mean` and `std` (C each) travel with its weights; 0 and 1 leave codes as they are."""

    def register_scale(self, code: int) -> None:
        """Adds the two buffers for codes of this length."""
        self.register_buffer("mean", torch.zeros(code))
        self.register_buffer("std", torch.ones(code))

    def standardize(self, code: Tensor) -> Tensor:
        """B x C code as the autoencoder gives it -> zero mean, unit variance over the training codes."""
        return (code - self.mean) / self.std

    def restore(self, code: Tensor) -> Tensor:
        """Inverse of `standardize`."""
        return code * self.std + self.mean


class Denoiser(Standardized, ModelMixin, ConfigMixin):
    """Predicts the clean identity code from a noisy one, the time and the frame's own code.

    The authors' denoiser is a UNet on 1 x 1 maps, which is a residual MLP with a time embedding; this is that MLP.
    It works on codes standardised by the `mean` and `std` of the training codes, which it carries along.
    code: length of shape and texture code together. width: of the hidden layers. blocks: residual blocks.
    changing: rank of the expression. With 0, the authors' way, every direction of the code is split: a least-squares
    guess pulls each towards the mean of all people, and what it takes off, some of who they are in every direction, is
    left to the expression. With more, `readings` (code x changing) read the expression off a code, and `directions` (as large;
    readings^T directions = 1) say how a code moves with each: with the numbers that stage 1 lets change from frame to frame, and
    with what of the others goes along with these within people. The denoiser sees a code without its expression, guesses from that
    what a person keeps of the expression, and leaves the rest as it is.
    It carries `steady` too (code x code), see `signature`.
    """

    @register_to_config
    def __init__(self, code: int = 512, width: int = 256, blocks: int = 3, changing: int = 0):
        super().__init__()
        for name in ("readings", "directions"):
            self.register_buffer(name, torch.zeros(code, changing), persistent=changing > 0)
        self.time = nn.Sequential(nn.Linear(64, width), nn.SiLU(), nn.Linear(width, width))
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
        """sample, condition: B x C standardised. timestep: B in [0, 1000). Returns the predicted clean sample, B x C."""
        kept = condition - self.moving(condition)
        frequencies = torch.exp(-math.log(10_000) * torch.arange(32, device=sample.device) / 32)
        angles = timestep.to(sample.dtype)[:, None] * frequencies
        time = self.time(torch.cat([angles.sin(), angles.cos()], -1))
        hidden = self.inlet(torch.cat([sample, kept], -1))
        for block in self.residuals:
            hidden = hidden + block(hidden + time)
        guess = self.outlet(hidden) + self.skip(kept)
        return self.identity(kept, guess)

    def identity(self, code: Tensor, guess: Tensor) -> Tensor:
        """Standardised codes, B x C, with what changes in them taken from `guess`."""
        return code - self.moving(code) + self.moving(guess) if self.config.changing else guess

    def signature(self, code: Tensor) -> Tensor:
        """Who someone is, for comparing: codes B x C as the autoencoder gives them, in units in which all directions of shape, and all of
        texture, vary alike from frame to frame of one person, so that cosines heed what stays (within-class covariance
        normalisation, Hatch et al., Interspeech 2006).
        """
        return self.standardize(code) @ self.steady

    def moving(self, code: Tensor) -> Tensor:
        """The expression's part of standardised codes, B x C: what `readings` read, put on along `directions`; zero without any."""
        return code @ self.readings @ self.directions.T


@dataclass
class Split:
    """A code taken apart; identity + expression = code."""

    identity: Tensor
    """B x C."""
    expression: Tensor
    """B x C."""
    steps: list[Tensor]
    """The predicted clean identity after every denoising step, B x C each, first to last."""


class LegacyDDIMScheduler(DDIMScheduler, SchedulerMixin):  # diffusers' loader wants the base's name in this module
    """DDIM as diffusers 0.14.0, the release the authors used, computed it for clean-sample prediction, eta 0.

    Its "direction pointing to x_t" took the predicted clean sample for the predicted noise (diffusers issue #1486, mended
    by PR #2094), and the clean sample itself was clipped to [-1, 1]. Features of the published weights came out this way.
    """

    def step(self, model_output: Tensor, timestep: int, sample: Tensor, eta: float = 0.0) -> DDIMSchedulerOutput:
        """model_output: the predicted clean sample; same shape as sample. The noisy sample itself has no say.

        Raises ValueError for eta above 0, or before set_timesteps.
        """
        if eta or self.num_inference_steps is None:
            raise ValueError("the legacy sampler has eta 0 and needs set_timesteps first")
        before = int(timestep) - self.config.num_train_timesteps // self.num_inference_steps
        alpha = (self.alphas_cumprod[before] if before >= 0 else self.final_alpha_cumprod).to(sample)
        clean = model_output.clamp(-1, 1)
        return DDIMSchedulerOutput(alpha.sqrt() * clean + (1 - alpha).sqrt() * model_output, clean)


def make_scheduler(legacy_ddim: bool = False) -> DDIMScheduler:
    """DDIM over the authors' noise schedule: T = 1000, linear betas 1e-4 .. 0.02, clean-sample prediction, no clipping.

    legacy_ddim: sample as the authors' release of diffusers did, see LegacyDDIMScheduler.
    """
    return (LegacyDDIMScheduler if legacy_ddim else DDIMScheduler)(
        num_train_timesteps=1000, beta_start=1e-4, beta_end=0.02, beta_schedule="linear",
        prediction_type="sample", clip_sample=legacy_ddim, set_alpha_to_one=True, timestep_spacing="leading",
    )  # fmt: skip


@torch.no_grad()
def split(
    denoiser: Denoiser, scheduler: DDIMScheduler, code: Tensor, steps: int = 5, samples: int = 8, seed: int = 0
) -> Split:
    """Splits codes by DDIM sampling given the codes, averaged over `samples` start noises.

    code: B x C as the autoencoder gives it. The start noises depend on the seed alone and are the same for every row,
    so a face's split does not depend on who is beside it. Raises ValueError for steps or samples below 1.
    """
    if steps < 1 or samples < 1:
        raise ValueError("steps and samples must be at least 1")
    batch, length = code.shape
    condition = denoiser.standardize(code).repeat(samples, 1)
    noise = torch.randn(samples, 1, length, generator=torch.Generator().manual_seed(seed)).to(code)
    sample = noise.expand(-1, batch, -1).reshape(-1, length)
    scheduler = type(scheduler).from_config(scheduler.config)  # the step counter is this call's own
    scheduler.set_timesteps(steps, device=code.device)
    clean = []
    for t in scheduler.timesteps:
        prediction = denoiser(sample, t.expand(len(sample)), condition)
        out = scheduler.step(prediction, t, sample, eta=0.0)
        sample = out.prev_sample
        clean.append(denoiser.restore(out.pred_original_sample.view(samples, batch, length).mean(0)))
    identity = denoiser.restore(sample.view(samples, batch, length).mean(0))
    if denoiser.config.get(
        "changing"
    ):  # what does not change is the code's to the last bit, or its rounding would pass for expression
        identity = code + denoiser.std * denoiser.moving((identity - code) / denoiser.std)
    return Split(identity, code - identity, clean)
