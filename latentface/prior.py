"""The distributions that stage 2 learns beside the split: whole people, and the expressions that a person can have.

The denoiser of rdm.py answers one question: what of this frame does the person keep? Its answer is nearly the same from
any noise. Here the same diffusion is left free. An identity is drawn from noise alone, p(identity), or in the direction
of one frame, p(identity | frame); an expression is drawn for a person, p(expression | identity). One network serves
with and without its condition, which is left out of a share of the training batches; in between lies a dial
(classifier-free guidance, Ho and Salimans 2022).

Codes are diffused along their principal axes, each of unit variance, where noise looks like the data. The networks
predict the velocity v = sqrt(a) noise - sqrt(1 - a) clean (Salimans and Ho 2022, appendix D) under the cosine schedule
(Nichol and Dhariwal 2021, eq. 17).
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from diffusers.schedulers.scheduling_ddim import DDIMScheduler, DDIMSchedulerOutput
from torch import Tensor, nn

TIME_FREQUENCIES = 32
"""Pairs of sine and cosine that a network reads the time by."""
STEPS = 40
"""Denoising steps where nothing else is asked for."""


class PrincipalAxes(nn.Module):
    """Principal axes of standardised codes, whitened: K numbers of unit variance for a code of C.

    Args:
        code: length C.
        count: number K of axes; what lies off them is left out.
    """

    mean: Tensor
    std: Tensor
    directions: Tensor
    scale: Tensor

    def __init__(self, code: int, count: int):
        super().__init__()
        self.register_buffer("mean", torch.zeros(code))
        self.register_buffer("std", torch.ones(code))
        self.register_buffer("directions", torch.eye(code)[:, :count].clone())
        self.register_buffer("scale", torch.ones(count))

    def forward(self, code: Tensor) -> Tensor:
        """Return the K numbers of codes, B x C -> B x K."""
        return (code - self.mean) / self.std @ self.directions / self.scale

    def restore(self, numbers: Tensor) -> Tensor:
        """Return the codes of K numbers, B x K -> B x C."""
        return numbers * self.scale @ self.directions.T * self.std + self.mean

    @torch.no_grad()
    def fit(self, codes: Tensor) -> float:
        """Fit the axes to codes N x C.

        Args:
            codes: N x C.

        Returns:
            The share of their variance, standardised, that the axes keep.
        """
        self.mean.copy_(codes.mean(0))
        self.std.copy_(codes.std(0).clamp(min=1e-4))
        standard = ((codes - self.mean) / self.std).double()
        variance, axes = torch.linalg.eigh(standard.T @ standard / (len(codes) - 1))
        kept = variance.flip(0)[: len(self.scale)].clamp(min=1e-4)
        self.directions.copy_(axes.flip(1)[:, : len(self.scale)])
        self.scale.copy_(kept.sqrt())
        return float(kept.sum() / variance.sum())


class ConditionalDenoiser(nn.Module):
    """Predict the velocity of noisy numbers, with a condition or without: a residual MLP with a time embedding.

    Of normally distributed numbers the velocity is linear in sample and condition, with gains that change with time;
    the network starts from those gains and adds what is not linear.

    Args:
        length: K of the numbers that are diffused.
        condition: length of the condition.
        width: of the hidden layers.
        blocks: residual blocks.
    """

    def __init__(self, length: int, condition: int, width: int, blocks: int):
        super().__init__()
        self.length = length
        self.time = nn.Sequential(nn.Linear(2 * TIME_FREQUENCIES, width), nn.SiLU(), nn.Linear(width, width))
        self.inlet = nn.Linear(length, width)
        self.condition = nn.Linear(condition, width)
        self.absent, self.present = (nn.Parameter(torch.zeros(width)) for _ in range(2))
        self.gains = nn.Linear(width, 2 * length)
        self.linear = nn.Linear(condition, length, bias=False)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.LayerNorm(width), nn.SiLU(), nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))
            for _ in range(blocks)
        )
        last = nn.Linear(width, length)
        self.outlet = nn.Sequential(nn.LayerNorm(width), nn.SiLU(), last)
        for layer in (self.gains, last):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, sample: Tensor, timestep: Tensor, condition: Tensor, known: Tensor) -> Tensor:
        """Predict the velocity.

        Args:
            sample: B x K, noisy.
            timestep: B in [0, 1000).
            condition: B x condition.
            known: B bool; where False the condition has no effect.

        Returns:
            B x K.
        """
        steps = torch.arange(TIME_FREQUENCIES, device=sample.device)
        frequencies = torch.exp(-math.log(10_000) * steps / TIME_FREQUENCIES)
        angles = timestep.to(sample.dtype)[:, None] * frequencies
        condition = condition * known[:, None]
        time = self.time(torch.cat([angles.sin(), angles.cos()], -1))
        time = time + torch.where(known[:, None], self.present, self.absent)
        of_sample, of_condition = self.gains(F.silu(time)).chunk(2, -1)
        context, hidden = time + self.condition(condition), self.inlet(sample)
        for block in self.blocks:
            hidden = hidden + block(hidden + context)
        return self.outlet(hidden) + of_sample * sample + of_condition * self.linear(condition)


class Prior(ModelMixin, ConfigMixin):
    """Distributions of identity codes and of expression codes.

    Args:
        code: length C of shape and texture code together.
        identity_axes: principal axes of identities, at most C.
        expression_axes: principal axes of expressions, at most C.
        width: of the networks' hidden layers.
        blocks: residual blocks of each network.

    Raises:
        ValueError: for more axes than the code has numbers, or fewer than one.
    """

    @register_to_config
    def __init__(
        self,
        code: int = 512,
        identity_axes: int = 160,
        expression_axes: int = 48,
        width: int = 224,
        blocks: int = 3,
    ):
        super().__init__()
        if not (1 <= identity_axes <= code and 1 <= expression_axes <= code):
            raise ValueError(f"axes go from 1 to {code}, not {identity_axes} and {expression_axes}")
        self.identity_space = PrincipalAxes(code, identity_axes)
        self.expression_space = PrincipalAxes(code, expression_axes)
        self.identity = ConditionalDenoiser(identity_axes, identity_axes, width, blocks)
        self.expression = ConditionalDenoiser(expression_axes, identity_axes, width, blocks)


@dataclass
class Walk:
    """Samples on their way from noise to a code."""

    noisy: list[Tensor]
    """Before every step, B x K: along the principal axes, of unit variance."""
    clean: list[Tensor]
    """What every step takes the clean code to be, B x C."""
    result: Tensor
    """B x C codes."""


def make_prior_scheduler() -> DDIMScheduler:
    """Make the sampler: T = 1000, cosine schedule, velocity prediction, from pure noise on."""
    return DDIMScheduler(
        num_train_timesteps=1000, beta_schedule="squaredcos_cap_v2", prediction_type="v_prediction",
        clip_sample=False, set_alpha_to_one=True, timestep_spacing="trailing",
    )  # fmt: skip


def draw_noise(count: int, length: int, seed: int) -> Tensor:
    """Draw the start noise, count x length, from a seed alone: row i is the same however many are drawn."""
    return torch.stack([torch.randn(length, generator=torch.Generator().manual_seed(seed + i)) for i in range(count)])


@torch.no_grad()
def sample(
    denoiser: ConditionalDenoiser,
    axes: PrincipalAxes,
    noise: Tensor,
    condition: Tensor | None = None,
    guidance: float = 1.0,
    steps: int = STEPS,
) -> Walk:
    """Sample codes by DDIM without new noise on the way (eta 0).

    Args:
        denoiser: of identities or of expressions.
        axes: of the same.
        noise: B x K, the start.
        condition: B x condition, or None.
        guidance: 0 leaves the condition out, 1 is the distribution given the condition, more exaggerates it.
        steps: denoising steps.

    Returns:
        The samples, with every step.

    Raises:
        ValueError: for steps below 1 or above 1000.
    """
    scheduler = make_prior_scheduler()
    if not 1 <= steps <= scheduler.config["num_train_timesteps"]:
        raise ValueError(f"steps go from 1 to {scheduler.config['num_train_timesteps']}, not {steps}")
    scheduler.set_timesteps(steps)
    batch = len(noise)
    told = noise.new_zeros(batch, denoiser.condition.in_features) if condition is None else condition
    yes, no = (torch.full((batch,), value, device=noise.device) for value in (True, False))
    current, noisy, clean = noise, [], []
    for t in scheduler.timesteps.tolist():
        time = torch.full((batch,), t, device=noise.device)
        velocity = denoiser(current, time, told, no)
        if condition is not None and guidance:
            velocity = velocity + guidance * (denoiser(current, time, told, yes) - velocity)
        out = scheduler.step(velocity, t, current, eta=0.0)
        if not isinstance(out, DDIMSchedulerOutput) or out.pred_original_sample is None:
            raise TypeError("the scheduler must be a DDIMScheduler")
        noisy.append(current)
        clean.append(axes.restore(out.pred_original_sample))
        current = out.prev_sample
    return Walk(noisy, clean, axes.restore(current))
