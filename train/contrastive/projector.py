"""Projector between features and a contrastive loss (SimCLR: Chen et al., ICML 2020, section 2.1)."""

from torch import nn


class Projector(nn.Sequential):
    """Two-layer perceptron from features B x D to the space of a contrast B x out; used in training only.

    Args:
        length: D.
        hidden: width of the hidden layer.
        out: width of the projection.
    """

    def __init__(self, length: int, hidden: int, out: int):
        super().__init__(nn.Linear(length, hidden), nn.BatchNorm1d(hidden), nn.ReLU(), nn.Linear(hidden, out))
