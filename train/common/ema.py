"""Averaged weights: the exponential moving average of a network that trains."""

import torch
from torch import nn


class Ema:
    """Exponential moving average of a network's weights and floating-point buffers.

    The decay after `step` steps is min(ema, (1 + step) / (10 + step)): a short memory at first, as in TensorFlow's and
    diffusers' warm-up. An ema of 0 makes the average the weights themselves. diffusers' own `EMAModel` leaves buffers
    out (batch normalisation has some) and rounds otherwise, so that runs begun earlier would not go on bit for bit.

    Args:
        model: the network that trains.
        average: a network of the same class; starts as a copy of `model`, in evaluation mode and without gradients.
        decay: largest decay, 0 <= decay < 1.
    """

    def __init__(self, model: nn.Module, average: nn.Module, decay: float):
        self.model, self.average, self.decay = model, average.requires_grad_(False).eval(), decay
        self.copy()

    def copy(self) -> None:
        """Set the average to the network as it is, buffers included."""
        self.average.load_state_dict(self.model.state_dict())

    @torch.no_grad()
    def update(self, step: float) -> None:
        """Move the average towards the network after `step` earlier steps."""
        decay = min(self.decay, (1 + step) / (10 + step))
        pairs = zip(self.average.state_dict().values(), self.model.state_dict().values(), strict=True)
        floating = [(own, new) for own, new in pairs if own.is_floating_point()]
        averages, weights = [own for own, _ in floating], [new for _, new in floating]
        torch._foreach_lerp_(averages, weights, 1 - decay)  # pyright: ignore[reportPrivateImportUsage]
