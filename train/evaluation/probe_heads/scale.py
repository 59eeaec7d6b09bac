"""Standardised features: zero mean and unit deviation on the training rows, as BatchNorm's running estimate has it."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass
class Scale:
    """Mean and deviation that standardise features; a number that never changes becomes 0."""

    mean: Tensor
    """D."""
    std: Tensor
    """D; infinite where a number never changes."""

    @classmethod
    def of(cls, features: Tensor, correction: int = 1) -> "Scale":
        """Measure the rows that train.

        Args:
            features: N x D.
            correction: taken off N in the variance's denominator.

        Returns:
            The scale of these rows.
        """
        mean, std = features.mean(0), features.std(0, correction=correction)
        return cls(mean, torch.where(std > 1e-6 * (mean.abs() + 1), std, torch.inf))

    def __call__(self, features: Tensor) -> Tensor:
        """Standardise features M x D."""
        return (features - self.mean) / self.std
