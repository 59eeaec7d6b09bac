"""Nearest neighbours by the cosine of standardised features: classes by majority, numbers by the mean."""

import torch
import torch.nn.functional as F
from sklearn.neighbors import NearestNeighbors
from torch import Tensor

from train.evaluation.probe_heads.scale import Scale

COUNTS = (1, 5, 10, 20, 50)
"""Numbers of neighbours that validation chooses from."""


def nearest(features: Tensor, queries: Tensor, most: int = max(COUNTS)) -> Tensor:
    """Find the nearest features of each query.

    Args:
        features: N x D.
        queries: M x D.
        most: the most that are looked for.

    Returns:
        M x min(most, N) int64, rows of `features`, nearest first.
    """
    scale = Scale.of(features)
    search = NearestNeighbors(n_neighbors=min(most, len(features)), metric="cosine", algorithm="brute")
    search.fit(scale(features).numpy())
    return torch.from_numpy(search.kneighbors(scale(queries).numpy(), return_distance=False))


def knn_classes(
    features: Tensor, labels: Tensor, validation: tuple[Tensor, Tensor], test: Tensor
) -> tuple[Tensor, float, int]:
    """Take the majority of the k nearest, k chosen on validation.

    Args:
        features: N x D.
        labels: N int64.
        validation: features and labels that choose.
        test: M x D.

    Returns:
        The predicted classes M int64, the accuracy on validation, and k.
    """
    classes = int(labels.max()) + 1

    def votes(queries: Tensor) -> Tensor:
        near = F.one_hot(labels[nearest(features, queries)], classes).cumsum(1).float()
        # ties go to the class that was nearer: it led with one neighbour fewer
        return near + 1e-3 * torch.cat([torch.zeros_like(near[:, :1]), near[:, :-1]], 1)

    counts = [k for k in COUNTS if k <= len(features)]
    held = votes(validation[0])
    right = {k: float((held[:, k - 1].argmax(-1) == validation[1]).float().mean()) for k in counts}
    k = max(counts, key=lambda k: right[k])
    return votes(test)[:, k - 1].argmax(-1), right[k], k


def knn_values(features: Tensor, values: Tensor, validation: tuple[Tensor, Tensor], test: Tensor) -> Tensor:
    """Take the mean of the k nearest rows' values, k chosen on validation by the mean absolute error.

    Args:
        features: N x D.
        values: N x T.
        validation: features and values that choose.
        test: M x D.

    Returns:
        Predictions M x T.
    """
    held, counts = nearest(features, validation[0]), [k for k in COUNTS if k <= len(features)]
    error = {k: float((values[held[:, :k]].mean(1) - validation[1]).abs().mean()) for k in counts}
    best = min(counts, key=lambda k: error[k])
    return values[nearest(features, test)[:, :best]].mean(1)
