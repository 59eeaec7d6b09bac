"""PCL's orthogonality of the two branches (Liu et al., CVPR 2023)."""

import torch.nn.functional as F
from torch import Tensor


def orthogonality(face: Tensor, pose: Tensor) -> Tensor:
    """Compute the mean squared entry of A^T B, of features centred over a batch and then scaled to length 1.

    The D x D entries are never made: their squares sum to (A A^T) * (B B^T), B x B.

    Args:
        face: B x D, A before centring.
        pose: B x D, B before centring.

    Returns:
        A scalar, about B / D^2 for unrelated features.
    """
    a, b = (F.normalize(f.float() - f.float().mean(0), dim=1) for f in (face, pose))
    return ((a @ a.T) * (b @ b.T)).sum() / (face.shape[1] * pose.shape[1])
