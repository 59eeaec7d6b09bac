"""The linear probe: logistic regression of standardised features."""

import torch
import torch.nn.functional as F
from torch import Tensor

from train.evaluation.probe_heads.scale import Scale

PENALTIES = (1.0, 0.1, 1e-2, 1e-3, 1e-4)
"""Half the square of the linear probe's weights counts this much beside the mean cross entropy."""
STEPS = 40
"""Most L-BFGS steps of the linear probe for each penalty; each starts where the last one ended."""


def linear_probe(
    features: Tensor, labels: Tensor, validation: tuple[Tensor, Tensor], test: Tensor
) -> tuple[Tensor, float]:
    """Fit BatchNorm -> Linear by logistic regression, its penalty chosen on validation.

    Convex and trained to the end by L-BFGS, from the strongest penalty to weaker ones until two in a row are worse on
    validation: there is no length of training, learning rate or start to choose. A few steps do, since weights are
    counted along the features' principal axes, each in units of the curvature that the objective has there while all
    classes are as likely.

    Args:
        features: N x D, which train.
        labels: N int64 from 0.
        validation: features and labels that choose.
        test: M x D.

    Returns:
        The test rows' predicted classes, M int64, and the accuracy on validation.
    """
    scale, classes = Scale.of(features), int(labels.max()) + 1
    (x, held, test), power, axes = _principal_axes([scale(features), scale(validation[0]), scale(test)])
    weight, bias = torch.zeros(classes, x.shape[1]), torch.zeros(classes)
    best, right_before, worse = (-1.0, weight, bias), 0.0, 0
    for penalty in PENALTIES:
        weight, bias = _fit(x, labels, weight, bias, penalty, power, axes)
        right = float((F.linear(held, weight, bias).argmax(1) == validation[1]).float().mean())
        if right > best[0]:
            best = right, weight, bias
        worse = worse + 1 if right < right_before else 0
        right_before = right
        if worse == 2:
            break
    return F.linear(test, best[1], best[2]).argmax(1), best[0]


def _principal_axes(parts: list[Tensor]) -> tuple[list[Tensor], Tensor, Tensor]:
    """Return the parts in the space that the first one spans, its variances there and their axes D x D.

    With more numbers than rows only the rows' span is kept: the optimum lies in it.
    """
    x = parts[0]
    if x.shape[1] > len(x):
        power, axes = torch.linalg.eigh(x @ x.T)
        keep = power > 1e-6 * power[-1].clamp(min=1e-12)
        basis = x.T @ (axes[:, keep] / power[keep].sqrt())
        return [part @ basis for part in parts], power[keep] / len(x), torch.eye(int(keep.sum()))
    covariance = x.T @ x / len(x)
    # in doubles: of many equal eigenvalues single precision finds none
    power, axes = torch.linalg.eigh(covariance.double())
    return parts, power.to(covariance.dtype), axes.to(covariance.dtype)


def _fit(
    x: Tensor, labels: Tensor, weight: Tensor, bias: Tensor, penalty: float, power: Tensor, axes: Tensor
) -> tuple[Tensor, Tensor]:
    """Minimise the penalised cross entropy from the given weights C x D and bias C; return both at the optimum."""
    classes = len(bias)
    step = (power.clamp(min=0) / classes + penalty).rsqrt()  # along each axis; classes ** 0.5 is the bias's
    along, shift = (weight @ axes / step).requires_grad_(), (bias / classes**0.5).requires_grad_()
    optimizer = torch.optim.LBFGS([along, shift], max_iter=STEPS, tolerance_change=1e-5, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        moved = along * step
        scores = F.linear(x, moved @ axes.T, shift * classes**0.5)
        value = F.cross_entropy(scores, labels) + penalty / 2 * moved.square().sum()
        value.backward()
        return value

    optimizer.step(loss)
    return ((along * step) @ axes.T).detach(), (shift * classes**0.5).detach()
