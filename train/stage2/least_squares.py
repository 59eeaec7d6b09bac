"""Start of the denoiser: the linear guess of a person's other frames that errs least."""

import torch
from torch import Tensor

from latentface.rdm import Denoiser


@torch.no_grad()
def start_from_least_squares(denoiser: Denoiser, condition: Tensor, target: Tensor, ridge: float = 1e-4) -> None:
    """Set a denoiser to the ridge regression of targets on codes.

    Directions of little variance tell something of a person's other frames, and gradients take very long to find them:
    the network starts here and learns the rest.

    Args:
        denoiser: changed in place: its skip connection is fitted, its residual outlet set to zero.
        condition: N x C, standardised codes.
        target: N x C, standardised targets.
        ridge: added to the variance of every number the denoiser sees.
    """
    kept = (condition - denoiser.expression_part(condition)).double()
    wanted, seen = target.double().mean(0), kept.mean(0)
    damped = (kept - seen).T @ (kept - seen) / len(kept) + ridge * torch.eye(kept.shape[1]).to(kept)
    weight = torch.linalg.solve(damped, (kept - seen).T @ (target.double() - wanted) / len(kept)).T
    denoiser.skip.weight.copy_(weight)
    denoiser.skip.bias.copy_(wanted - weight @ seen)
    for parameter in denoiser.outlet[-1].parameters():
        parameter.zero_()
