"""The arithmetic of expression sliders: directions fitted to labels, mixed until each moves its own measure alone."""

import numpy as np
import torch
from torch import Tensor

from train.stage1.expression_subspace import within_people


def fit_directions(expression: Tensor, person: Tensor, labels: Tensor, known: Tensor, ridge: float = 0.01) -> Tensor:
    """Fit how expression codes change with each label while the other labels stay.

    Labels are regressed side by side with the view and light, which follow expressions (a head nods with the eyes).

    Args:
        expression: N x C.
        person: N int64.
        labels: N x K, standard deviations within people (see names.labels).
        known: N x G, view and light.
        ridge: added to the labels' variances, which are 1.

    Returns:
        K x C, change of the code for one standard deviation of each label.
    """
    given = within_people(known.double(), person)
    given = given / given.square().mean(0).sqrt().clamp(min=1e-6)
    seen = torch.cat([labels.double(), given], 1)
    damped = seen.T @ seen / len(seen) + ridge * torch.eye(seen.shape[1], dtype=torch.float64)
    change = within_people(expression.double(), person)
    return torch.linalg.solve(damped, seen.T @ change / len(seen))[: labels.shape[1]].float()


def mixed(
    effects: np.ndarray, own: list[int], free: np.ndarray, ridge: float = 0.1, longest: float = 4.0
) -> np.ndarray:
    """Mix directions so that each moves its own measure by 1 and the others little.

    Args:
        effects: K x M, measured change of every measure for a step of 1 along each direction.
        own: index of each direction's own measure, K.
        free: K x M bool, measures that may change along with each direction.
        ridge: of the mix, against noise in the effects.
        longest: most that a direction is stretched.

    Returns:
        K x K; row k times the directions is the mixed direction k. One that hardly moves its own measure stays weak:
        no mix makes it one that does.
    """
    rows = []
    for k, measure in enumerate(own):
        weight = np.where(free[k], 0.0, 1.0)
        goal, start = np.zeros(effects.shape[1]), np.eye(len(own))[k]
        goal[measure], start = 1, start * min(1 / max(effects[k, measure], 1e-6), longest)
        left = (effects * weight) @ effects.T + ridge * np.eye(len(own))
        mix = start + np.linalg.solve(left, (effects * weight) @ (goal - start @ effects))
        moved = float(mix @ effects[:, measure])
        rows.append(mix * min(1 / max(moved, 1e-6), longest / np.abs(mix).max()))
    return np.stack(rows)


def fit_readings(expression: Tensor, person: Tensor, labels: Tensor, directions: Tensor, ridge: float = 0.01) -> Tensor:
    """Fit what reads amounts off expression codes: ridge regression of the labels.

    Args:
        expression: N x C.
        person: N int64.
        labels: N x K, see names.labels.
        directions: K x C.
        ridge: added to the codes' variances, which are 1 by then.

    Returns:
        C x K, scaled so that a step of 1 along a direction adds 1 to what is read of it.
    """
    change = within_people(expression.double(), person)
    scale = change.square().mean(0).sqrt().clamp(min=1e-6)
    change = change / scale
    damped = change.T @ change / len(change) + ridge * torch.eye(len(scale), dtype=torch.float64)
    weights = torch.linalg.solve(damped, change.T @ labels.double() / len(change)) / scale[:, None]
    own = (directions.double() * weights.T).sum(1)
    return (weights / own).float()
