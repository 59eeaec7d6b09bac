"""PCL's pose contrast (Liu et al., CVPR 2023): an image against its mirror image, the same face at another pose."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor


def pose_contrast(anchor: Tensor, positive: Tensor, negatives: Tensor, temperature: float, count: int = 100) -> Tensor:
    """Compute the InfoNCE of two augmentations of an image against augmentations of its mirror image.

    The paper's sum over 100 negatives an image estimates their mean over all augmentations, times 100. So does the sum
    over K here, times count / K.

    Args:
        anchor: B x C projections.
        positive: B x C projections of the same images.
        negatives: B x K x C projections of their mirror images.
        temperature: divides the cosines.
        count: negatives of the paper.

    Returns:
        A scalar.
    """
    a, p, n = (F.normalize(f.float(), dim=-1) for f in (anchor, positive, negatives))
    near = (a * p).sum(1) / temperature
    far = torch.einsum("bc,bkc->bk", a, n) / temperature + math.log(count / n.shape[1])
    return (torch.cat([near[:, None], far], 1).logsumexp(1) - near).mean()
