"""What a probe answered about its test frames: its score, and its spread over people.

The spread is the bootstrap's (Efron & Tibshirani 1993): people are drawn anew with replacement, for the frames of one
person are no independent trials.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from train.evaluation.metrics.scores import balanced_accuracy, r2

DRAWS = 400
"""Times that people are drawn anew."""
CLASSES = ("identity", "retrieval", "expression")
"""Factors whose truth is a class; of all others it is numbers, and the score R2."""


@dataclass(frozen=True)
class Answers:
    """The answers of one cell of the matrix: one block, one factor."""

    factor: str
    rows: Tensor
    """M int64: frames that were tested."""
    truth: Tensor
    """M int64 classes, or M x K numbers."""
    said: Tensor
    """Of the same shape."""
    taken: Tensor | None = None
    """M int64: frame that shows whom each was taken for; None where the factor is no person."""

    @property
    def is_class(self) -> bool:
        """Whether the factor has classes."""
        return self.factor in CLASSES

    def score(self) -> float:
        """Give accuracy for retrieval, balanced accuracy for other classes, mean R2 for numbers."""
        if self.factor == "retrieval":
            return float((self.said == self.truth).double().mean())
        if self.is_class:
            return balanced_accuracy(self.said, self.truth)
        return float(r2(self.said, self.truth.double()).mean())

    def misses(self) -> Tensor:
        """M: 0 or 1 for classes; for numbers the squared error over the variance, averaged over them."""
        if self.is_class:
            return (self.said != self.truth).double()
        truth = self.truth.double()
        return ((self.said - truth).square() / truth.var(0, correction=0).clamp(min=1e-12)).mean(1)

    def spread(self, person: Tensor, seed: int = 0, draws: int = DRAWS) -> float:
        """Estimate the standard deviation of the score over other people like these.

        Of identity every person is a class: one who is drawn twice is two.

        Args:
            person: N int64, of all frames.
            seed: of the draws.
            draws: how many.
        """
        who, index = person[self.rows].unique(return_inverse=True)
        generator = torch.Generator().manual_seed(seed)
        chosen = torch.randint(len(who), (draws, len(who)), generator=generator)
        weight = torch.zeros(draws, len(who), dtype=torch.float64).scatter_add_(
            1, chosen, torch.ones(chosen.shape).double()
        )

        def by_person(values: Tensor) -> Tensor:
            """Sum M x C over each draw's people: draws x C."""
            return weight @ torch.zeros(len(who), values.shape[1], dtype=torch.float64).index_add_(0, index, values)

        if self.factor == "identity":
            right = torch.zeros(len(who), dtype=torch.float64).index_add_(0, index, (self.said == self.truth).double())
            scores = weight @ (right / index.bincount()) / len(who)
        elif self.factor == "retrieval":
            right = (self.said == self.truth).double()[:, None]
            scores = (by_person(right) / by_person(torch.ones_like(right)))[:, 0]
        elif self.is_class:
            classes = torch.nn.functional.one_hot(self.truth).double()
            right = by_person(classes * (self.said == self.truth)[:, None])
            scores = (right / by_person(classes)).nanmean(1)  # a class that nobody drawn shows is left out
        else:
            truth = self.truth.double()
            count = by_person(torch.ones(len(truth), 1, dtype=torch.float64))
            around = by_person(truth.square()) - by_person(truth).square() / count
            scores = (1 - by_person((self.said - truth).square()) / around.clamp(min=1e-12)).mean(1)
        return float(scores.std())
