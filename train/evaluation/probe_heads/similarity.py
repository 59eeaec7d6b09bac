"""Whether two pictures show one person: similarities, their threshold, and the features of a pair classifier."""

import torch
import torch.nn.functional as F
from torch import Tensor

from train.evaluation.probe_heads.scale import Scale

SIMILARITIES = ("raw", "centred", "standardised")
"""Cosine of features as they are, about their mean, or each number over its deviation besides; no labels are used."""
WHITENED = (32, 64, 128, 256)
"""How many principal components the whitened similarity keeps."""


def similarity(first: Tensor, second: Tensor, kind: str, others: Tensor) -> Tensor:
    """Return the cosine of pairs of features.

    Args:
        first: M x D.
        second: M x D.
        kind: one of SIMILARITIES.
        others: N x D, rows that mean and deviation are taken of.

    Returns:
        M in [-1, 1].
    """
    if kind != "raw":
        scale = Scale.of(others)
        scale = scale if kind == "standardised" else Scale(scale.mean, torch.ones_like(scale.std))
        first, second = scale(first), scale(second)
    return F.cosine_similarity(first, second)


def whitened(first: Tensor, second: Tensor, others: Tensor) -> dict[int, Tensor]:
    """Return the cosine of pairs of features after whitening by principal components (no labels).

    Args:
        first: M x D.
        second: M x D.
        others: N x D, rows that the components are those of.

    Returns:
        Number of components kept -> M cosines.
    """
    mean = others.mean(0)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        _, deviation, axes = torch.svd_lowrank(others - mean, min(WHITENED[-1], *others.shape), niter=3)
    keep = deviation > 1e-5 * deviation[0].clamp(min=1e-12)
    axes = axes[:, keep] / deviation[keep]
    a, b = (first - mean) @ axes, (second - mean) @ axes
    return {
        count: F.cosine_similarity(a[:, :count], b[:, :count])
        for count in WHITENED
        if count <= max(axes.shape[1], WHITENED[0])
    }


def threshold(scores: Tensor, same: Tensor) -> tuple[float, float]:
    """Find the score from which pairs are best called the same.

    Args:
        scores: M.
        same: M bool.

    Returns:
        The score, and the accuracy there.
    """
    order = scores.argsort(descending=True)
    ranked, hits = scores[order], same[order].long()
    right = torch.cat([torch.zeros(1, dtype=torch.long), (2 * hits - 1).cumsum(0)]) + (~same).sum()
    cuts = torch.cat([ranked[:1] + 1, (ranked[:-1] + ranked[1:]) / 2, ranked[-1:] - 1])
    right[1:-1][ranked[:-1] == ranked[1:]] = -1  # equal scores can't be parted
    best = int(right.argmax())
    return float(cuts[best]), float(right[best]) / len(scores)


def pair_features(first: Tensor, second: Tensor) -> Tensor:
    """Return [|f1 - f2|, |f1 + f2|, |f1 * f2|], the input of LatentFace's pair classifier.

    Args:
        first: M x D.
        second: M x D.

    Returns:
        M x 3D.
    """
    return torch.cat([(first - second).abs(), (first + second).abs(), (first * second).abs()], 1)
