"""Linear probes with a closed form: what of a factor can be read off a code by a hyperplane.

Ridge regression for numbers, linear discriminant analysis for classes (it stays linear with more classes than
dimensions). Their one setting, how strongly weights are held small, is chosen by cross-validation inside the training
rows, never on the rows that are reported.
"""

import torch
from torch import Tensor

STRENGTHS = tuple(10.0**k for k in range(-4, 4))
"""Candidates: added to the mean eigenvalue-scaled diagonal of the covariance."""
FOLDS = 4


def ridge(train: Tensor, target: Tensor, groups: Tensor, test: Tensor) -> Tensor:
    """Predictions M x K for the rows `test` of a ridge regression.

    train: N x D, test: M x D. target: N x K. groups: N int64; rows of one group (a person) are left out together when
    the strength is chosen.
    """

    def errors(fit: Tensor, held: Tensor) -> list[float]:
        answers = _ridge(train[fit], target[fit], train[held], STRENGTHS)
        scale = target[fit].var(0, correction=0).clamp(min=1e-12)
        return [float(((answer - target[held]) ** 2 / scale).mean()) for answer in answers]

    return _ridge(train, target, test, [STRENGTHS[_best(errors, groups)]])[0]


def _ridge(train: Tensor, target: Tensor, test: Tensor, strengths) -> list[Tensor]:
    x, mean, std = _standardised(train)
    y = target.double()
    values, vectors = torch.linalg.eigh(x.T @ x / len(x))
    turned = vectors.T @ (x.T @ (y - y.mean(0)) / len(x))
    held = ((test.double() - mean) / std) @ vectors
    return [held @ (turned / (values.clamp(min=0) + strength)[:, None]) + y.mean(0) for strength in strengths]


def discriminant(train: Tensor, label: Tensor, groups: Tensor, test: Tensor) -> Tensor:
    """Classes M int64 of the rows `test` by linear discriminant analysis with equal priors.

    train: N x D, test: M x D. label: N int64 from 0; classes without a training row are never answered. groups: as in
    `ridge`.
    """

    def errors(fit: Tensor, held: Tensor) -> list[float]:
        answers = _discriminant(train[fit], label[fit], train[held], STRENGTHS)
        return [-balanced_accuracy(answer, label[held]) for answer in answers]

    return _discriminant(train, label, test, [STRENGTHS[_best(errors, groups)]])[0]


def _discriminant(train: Tensor, label: Tensor, test: Tensor, strengths) -> list[Tensor]:
    x, mean, std = _standardised(train)
    present, index = label.unique(return_inverse=True)
    count = torch.bincount(index).double()[:, None]
    means = torch.zeros(len(present), x.shape[1], dtype=x.dtype).index_add_(0, index, x) / count
    within = x - means[index]
    values, vectors = torch.linalg.eigh(within.T @ within / len(x))
    centres, held = means @ vectors, ((test.double() - mean) / std) @ vectors
    answers = []
    for strength in strengths:
        weighted = centres / (values.clamp(min=0) + strength)
        answers.append(present[(held @ weighted.T - (weighted * centres).sum(1) / 2).argmax(1)])
    return answers


def _standardised(train: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Rows with zero mean and unit variance, and the mean and deviation; a constant column stays zero."""
    mean, std = train.double().mean(0), train.double().std(0, correction=0)
    std = torch.where(std > 1e-8, std, 1.0)
    return (train.double() - mean) / std, mean, std


def _best(errors, groups: Tensor) -> int:
    """Index of the strength with the least error over folds of groups; the stronger of equals."""
    names, index = groups.unique(return_inverse=True)
    folds, total = min(FOLDS, len(names)), torch.zeros(len(STRENGTHS), dtype=torch.float64)
    for fold in range(folds if folds > 1 else 0):
        held = index % folds == fold
        total += torch.tensor(errors(~held, held), dtype=torch.float64)
    return len(total) - 1 - int(total.flip(0).argmin())


def r2(predicted: Tensor, true: Tensor) -> Tensor:
    """Share of the variance of each column that is explained: K; 0 for always the mean, negative below that."""
    rest = (predicted - true).square().sum(0)
    return 1 - rest / (true - true.mean(0)).square().sum(0).clamp(min=1e-12)


def correlation(predicted: Tensor, true: Tensor) -> Tensor:
    """Pearson correlation of each column: K; 0 where one of them is constant."""
    a, b = predicted - predicted.mean(0), true - true.mean(0)
    spread = (a.square().sum(0) * b.square().sum(0)).sqrt()
    return torch.where(spread > 1e-9, (a * b).sum(0) / spread.clamp(min=1e-12), torch.zeros_like(spread))


def balanced_accuracy(predicted: Tensor, true: Tensor) -> float:
    """Share of right answers, averaged over the true classes: chance is one over their number."""
    return float(torch.stack([(predicted[true == name] == name).double().mean() for name in true.unique()]).mean())
