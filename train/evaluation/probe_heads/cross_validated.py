"""Linear probes whose penalty is chosen by folds of people inside the training rows: ridge regression and LDA.

Linear discriminant analysis is ours: scikit-learn's weighs each class's covariance by the prior, here the covariance is
that of all rows about their class means, and one eigendecomposition serves all penalties. For classes of equal size
both give the same answers, which a test compares.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from train.evaluation.metrics.scores import balanced_accuracy
from train.evaluation.probe_heads.ridge import ridge_path
from train.evaluation.probe_heads.scale import Scale

PENALTIES = tuple(10.0**k for k in range(-4, 4))
"""Candidates, added to the diagonal of the standardised rows' covariance."""
FOLDS = 4


def ridge_by_folds(train: Tensor, target: Tensor, groups: Tensor, test: Tensor) -> Tensor:
    """Predict numbers by ridge regression.

    Args:
        train: N x D.
        target: N x K.
        groups: N int64; rows of one group (a person) are left out together when the penalty is chosen.
        test: M x D.

    Returns:
        Predictions M x K.
    """

    def errors(fit: Tensor, held: Tensor) -> list[float]:
        answers = ridges(train[fit], target[fit], train[held], PENALTIES)
        scale = target[fit].var(0, correction=0).clamp(min=1e-12)
        return [float(((answer - target[held]) ** 2 / scale).mean()) for answer in answers]

    return ridges(train, target, test, [PENALTIES[_best(errors, groups)]])[0]


def ridges(train: Tensor, target: Tensor, test: Tensor, penalties: Sequence[float]) -> list[Tensor]:
    """Predict numbers by ridge regression for each penalty.

    Args:
        train: N x D.
        target: N x K.
        test: M x D.
        penalties: added to the covariance's diagonal.

    Returns:
        Predictions M x K of each penalty.
    """
    train, test, y = train.double(), test.double(), target.double()
    scale, mean = Scale.of(train, correction=0), y.mean(0)
    path = ridge_path(scale(train), y - mean, [scale(test)], penalties)
    return [answer + mean for (answer,) in path]


def discriminant_by_folds(train: Tensor, label: Tensor, groups: Tensor, test: Tensor) -> Tensor:
    """Predict classes by linear discriminant analysis with equal priors.

    Args:
        train: N x D.
        label: N int64 from 0; classes without a training row are never answered.
        groups: N int64, as in `ridge_by_folds`.
        test: M x D.

    Returns:
        Classes M int64.
    """

    def errors(fit: Tensor, held: Tensor) -> list[float]:
        answers = discriminants(train[fit], label[fit], train[held], PENALTIES)
        return [-balanced_accuracy(answer, label[held]) for answer in answers]

    return discriminants(train, label, test, [PENALTIES[_best(errors, groups)]])[0]


def discriminants(train: Tensor, label: Tensor, test: Tensor, penalties: Sequence[float]) -> list[Tensor]:
    """Predict classes by linear discriminant analysis for each penalty.

    Args:
        train: N x D.
        label: N int64.
        test: M x D.
        penalties: added to the within-class covariance's diagonal.

    Returns:
        Classes M int64 of each penalty.
    """
    train, test = train.double(), test.double()
    scale = Scale.of(train, correction=0)
    x = scale(train)
    present, index = label.unique(return_inverse=True)
    count = torch.bincount(index).double()[:, None]
    means = torch.zeros(len(present), x.shape[1], dtype=x.dtype).index_add_(0, index, x) / count
    within = x - means[index]
    values, vectors = torch.linalg.eigh(within.T @ within / len(x))
    centres, held = means @ vectors, scale(test) @ vectors
    answers = []
    for penalty in penalties:
        weighted = centres / (values.clamp(min=0) + penalty)
        answers.append(present[(held @ weighted.T - (weighted * centres).sum(1) / 2).argmax(1)])
    return answers


def _best(errors: Callable[[Tensor, Tensor], list[float]], groups: Tensor) -> int:
    """Return the index of the penalty with the least error over folds of groups; the stronger of equals."""
    names, index = groups.unique(return_inverse=True)
    folds, total = min(FOLDS, len(names)), torch.zeros(len(PENALTIES), dtype=torch.float64)
    for fold in range(folds if folds > 1 else 0):
        held = index % folds == fold
        total += torch.tensor(errors(~held, held), dtype=torch.float64)
    return len(total) - 1 - int(total.flip(0).argmin())
