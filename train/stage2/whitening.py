"""Within-class whitening of codes (Hatch et al., Interspeech 2006): a person's frames vary alike in every direction."""

import torch
from torch import Tensor

from train.stage1.expression_subspace import within_people


def within_class_whitening(codes: Tensor, person: Tensor, ridge: float = 0.3) -> Tensor:
    """Compute the inverse square root of the covariance within people, see Denoiser.signature.

    Args:
        codes: N x C, standardised.
        person: N int64.
        ridge: share of the mean variance that is added to every direction's, so that directions which hardly ever
            change do not decide alone.

    Returns:
        C x C; codes are multiplied by it from the right.
    """
    within = within_people(codes.double(), person)
    covariance = within.T @ within / len(within)
    values, axes = torch.linalg.eigh(
        covariance + ridge * covariance.diagonal().mean() * torch.eye(len(covariance), dtype=torch.float64)
    )
    return (axes / values.sqrt()).to(codes.dtype)
