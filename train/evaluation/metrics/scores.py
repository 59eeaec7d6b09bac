"""Scores of predictions against the truth, column by column or class by class."""

import torch
from torch import Tensor


def r2(predicted: Tensor, true: Tensor) -> Tensor:
    """Return the explained share of each column's variance.

    Args:
        predicted: M x K.
        true: M x K.

    Returns:
        K: 1 for a perfect prediction, 0 for always the mean, negative below that.
    """
    rest = (predicted - true).square().sum(0)
    return 1 - rest / (true - true.mean(0)).square().sum(0).clamp(min=1e-12)


def correlation(a: Tensor, b: Tensor) -> Tensor:
    """Return Pearson's correlation of each pair of columns.

    Args:
        a: M x K.
        b: M x K.

    Returns:
        K in [-1, 1]; 0 where one of the columns is constant.
    """
    a, b = a - a.mean(0), b - b.mean(0)
    scale = a.norm(dim=0) * b.norm(dim=0)
    return torch.where(scale > 1e-9, (a * b).sum(0) / scale.clamp(min=1e-12), torch.zeros_like(scale))


def f1(predicted: Tensor, true: Tensor) -> Tensor:
    """Return the F1 score of each column.

    Args:
        predicted: M x K bool.
        true: M x K bool.

    Returns:
        K in [0, 1]; 0 where nothing is true or predicted.
    """
    hits = (predicted & true).sum(0)
    return 2 * hits / (predicted.sum(0) + true.sum(0)).clamp(min=1)


def balanced_accuracy(predicted: Tensor, true: Tensor) -> float:
    """Return the share of right answers, averaged over the true classes.

    Args:
        predicted: M int64.
        true: M int64.

    Returns:
        A number in [0, 1]; chance is one over the number of classes.
    """
    return float(torch.stack([(predicted[true == name] == name).double().mean() for name in true.unique()]).mean())
