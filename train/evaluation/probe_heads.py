"""What a probe fits on frozen features: linear and nearest-neighbour readers, similarity and pair classifiers.

None of them chooses anything by what it reports on: settings come from a validation part that the caller hands over.
Features are standardised by the training part's mean and deviation, which is BatchNorm's running estimate.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

PENALTIES = (1.0, 0.1, 1e-2, 1e-3, 1e-4)
"""Half the square of the linear probe's weights counts this much beside the mean cross entropy."""
STEPS = 40
"""Most L-BFGS steps of the linear probe for each penalty; each starts where the last one ended."""
RIDGES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
"""Penalties of ridge regression, in units of the number of rows."""
NEIGHBOURS = (1, 5, 10, 20, 50)
SIMILARITIES = ("raw", "centred", "standardised")
"""Cosine of features as they are, about their mean, or each number over its deviation besides; no labels are used."""
WHITENED = (32, 64, 128, 256)
"""How many principal components the whitened similarity keeps."""


@dataclass
class Scale:
    """Standardises features by the rows it was made of; a number that never changes becomes 0."""

    mean: Tensor
    std: Tensor

    @classmethod
    def of(cls, features: Tensor) -> "Scale":
        mean, std = features.mean(0), features.std(0)
        return cls(mean, torch.where(std > 1e-6 * (mean.abs() + 1), std, torch.inf))

    def __call__(self, features: Tensor) -> Tensor:
        return (features - self.mean) / self.std


def linear_probe(
    features: Tensor, labels: Tensor, validation: tuple[Tensor, Tensor], test: Tensor
) -> tuple[Tensor, float]:
    """BatchNorm -> Linear: logistic regression of standardised features, its penalty chosen on validation.

    Convex and trained to the end by L-BFGS, from the strongest penalty to weaker ones until two in a row are worse on
    validation: there is no length of training, learning rate or start to choose. Nothing is left out of wide features.
    What makes them cheap is that weights are counted along the features' principal axes, each in units of the
    curvature that the objective has there while all classes are as likely, so that a few steps do. With more numbers
    than rows, only the space that the rows span is fitted: the optimum lies in it.

    Args:
        features, labels: N x D float and N int64, which train. validation: the same, which chooses. test: M x D.

    Returns:
        The test rows' predicted classes, M int64, and the accuracy on validation.
    """
    scale, classes = Scale.of(features), int(labels.max()) + 1
    parts = [scale(features), scale(validation[0]), scale(test)]
    if features.shape[1] > len(features):
        power, axes = torch.linalg.eigh(parts[0] @ parts[0].T)
        keep = power > 1e-6 * power[-1].clamp(min=1e-12)
        basis = parts[0].T @ (axes[:, keep] / power[keep].sqrt())
        parts = [part @ basis for part in parts]
        power, axes = power[keep] / len(features), torch.eye(int(keep.sum()))
    else:
        covariance = (
            parts[0].T @ parts[0] / len(features)
        )  # in doubles: of many equal eigenvalues single precision finds none
        power, axes = (found.to(covariance.dtype) for found in torch.linalg.eigh(covariance.double()))
    x, held, test = parts
    weight, bias = torch.zeros(classes, x.shape[1]), torch.zeros(classes)
    best, right_before, worse = (-1.0, weight, bias), 0.0, 0
    for penalty in PENALTIES:
        step = (power.clamp(min=0) / classes + penalty).rsqrt()  # along each axis; classes ** 0.5 is the bias's
        along, shift = (weight @ axes / step).requires_grad_(), (bias / classes**0.5).requires_grad_()
        optimizer = torch.optim.LBFGS(
            [along, shift], max_iter=STEPS, tolerance_change=1e-5, line_search_fn="strong_wolfe"
        )

        def loss() -> Tensor:
            optimizer.zero_grad()
            moved = along * step
            scores = F.linear(x, moved @ axes.T, shift * classes**0.5)
            value = F.cross_entropy(scores, labels) + penalty / 2 * moved.square().sum()
            value.backward()
            return value

        optimizer.step(loss)
        weight, bias = ((along * step) @ axes.T).detach(), (shift * classes**0.5).detach()
        right = float((F.linear(held, weight, bias).argmax(1) == validation[1]).float().mean())
        if right > best[0]:
            best = right, weight, bias
        worse = worse + 1 if right < right_before else 0
        right_before = right
        if worse == 2:
            break
    return F.linear(test, *best[1:]).argmax(1), best[0]


def nearest(features: Tensor, queries: Tensor, most: int = max(NEIGHBOURS)) -> Tensor:
    """The nearest of N features to each of M queries by cosine, nearest first: M x min(most, N) int64."""
    scale = Scale.of(features)
    near = F.normalize(scale(features))
    parts = [F.normalize(scale(part)) @ near.T for part in queries.split(1024)]
    return torch.cat([part.topk(min(most, len(features))).indices for part in parts])


def knn_classes(
    features: Tensor, labels: Tensor, validation: tuple[Tensor, Tensor], test: Tensor
) -> tuple[Tensor, float, int]:
    """Majority of the k nearest, k chosen on validation: predicted classes of test, validation accuracy, k."""
    classes = int(labels.max()) + 1

    def votes(queries: Tensor) -> Tensor:
        near = F.one_hot(labels[nearest(features, queries)], classes).cumsum(1).float()
        # ties go to the class that was nearer: it led with one neighbour fewer
        return near + 1e-3 * torch.cat([torch.zeros_like(near[:, :1]), near[:, :-1]], 1)

    counts = [k for k in NEIGHBOURS if k <= len(features)]
    held = votes(validation[0])
    right = {k: float((held[:, k - 1].argmax(-1) == validation[1]).float().mean()) for k in counts}
    k = max(counts, key=lambda k: right[k])
    return votes(test)[:, k - 1].argmax(-1), right[k], k


def knn_values(features: Tensor, values: Tensor, validation: tuple[Tensor, Tensor], test: Tensor) -> Tensor:
    """Mean of the k nearest rows' values (N x T), k chosen on validation by the mean absolute error. Returns M x T."""

    def means(queries: Tensor, k: int, near: Tensor) -> Tensor:
        return values[near[:, :k]].mean(1)

    held, counts = nearest(features, validation[0]), [k for k in NEIGHBOURS if k <= len(features)]
    error = {k: float((means(validation[0], k, held) - validation[1]).abs().mean()) for k in counts}
    return means(test, min(counts, key=lambda k: error[k]), nearest(features, test))


def ridge(features: Tensor, values: Tensor, validation: tuple[Tensor, Tensor], *tests: Tensor) -> list[Tensor]:
    """Linear least squares with a penalty chosen on validation for every target alone.

    features: N x D; values: N x T. Returns the predictions of validation and of each of tests, M x T.
    """
    scale, mean, deviation = Scale.of(features), values.mean(0), values.std(0).clamp(min=1e-8)
    x, y = scale(features).double(), ((values - mean) / deviation).double()
    queries = [scale(part).double() for part in (validation[0], *tests)]
    dual = len(x) < x.shape[1]  # fewer rows than numbers: the same answer from the smaller matrix
    gram, cross = (x @ x.T / len(x), y / len(x)) if dual else (x.T @ x / len(x), x.T @ y / len(x))
    queries = [query @ x.T for query in queries] if dual else queries
    eye = torch.eye(len(gram), dtype=gram.dtype)
    best: list[Tensor] | None = None
    least = torch.full((values.shape[1],), torch.inf)
    for penalty in RIDGES:
        weight = torch.cholesky_solve(cross, torch.linalg.cholesky(gram + penalty * eye))
        guesses = [(query @ weight).float() * deviation + mean for query in queries]
        error = (guesses[0] - validation[1]).square().mean(0)
        better = error < least
        best = [torch.where(better, new, old) for new, old in zip(guesses, best)] if best else guesses
        least = torch.minimum(error, least)
    return best


def similarity(first: Tensor, second: Tensor, kind: str, others: Tensor) -> Tensor:
    """Cosine of pairs of features, M x D each: M. kind: of SIMILARITIES. others: rows that mean and deviation are taken of."""
    if kind != "raw":
        scale = Scale.of(others)
        scale = scale if kind == "standardised" else Scale(scale.mean, torch.ones_like(scale.std))
        first, second = scale(first), scale(second)
    return F.cosine_similarity(first, second)


def whitened(first: Tensor, second: Tensor, others: Tensor) -> dict[int, Tensor]:
    """Cosine after whitening by the principal components of `others` (no labels): components kept -> M."""
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
    """The score from which pairs (M scores, M bool) are best called the same, and the accuracy there."""
    order = scores.argsort(descending=True)
    ranked, hits = scores[order], same[order].long()
    right = torch.cat([torch.zeros(1, dtype=torch.long), (2 * hits - 1).cumsum(0)]) + (~same).sum()
    cuts = torch.cat([ranked[:1] + 1, (ranked[:-1] + ranked[1:]) / 2, ranked[-1:] - 1])
    right[1:-1][ranked[:-1] == ranked[1:]] = -1  # equal scores can't be parted
    best = int(right.argmax())
    return float(cuts[best]), float(right[best]) / len(scores)


def pair_features(first: Tensor, second: Tensor) -> Tensor:
    """[|f1 - f2|, |f1 + f2|, |f1 * f2|] of features M x D each (LatentFace's pair classifier): M x 3D."""
    return torch.cat([(first - second).abs(), (first + second).abs(), (first * second).abs()], 1)


def f1(predicted: Tensor, true: Tensor) -> Tensor:
    """F1 of M x T bool each, for every column: T. A column in which nothing is true or predicted scores 0."""
    hits = (predicted & true).sum(0)
    return 2 * hits / (predicted.sum(0) + true.sum(0)).clamp(min=1)


def correlation(a: Tensor, b: Tensor) -> Tensor:
    """Pearson's correlation of the columns of M x T each: T; 0 where one does not vary."""
    a, b = a - a.mean(0), b - b.mean(0)
    scale = a.norm(dim=0) * b.norm(dim=0)
    return torch.where(scale > 1e-12, (a * b).sum(0) / scale.clamp(min=1e-12), torch.zeros_like(scale))
