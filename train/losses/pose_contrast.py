"""PCL's pose contrast: an image against its own mirror image, which shows the same face at another pose."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor


def pose_contrast(anchor: Tensor, positive: Tensor, negatives: Tensor, temperature: float, count: int = 100) -> Tensor:
    """InfoNCE of two augmentations of an image, with augmentations of its own mirror image as negatives.

    anchor, positive: B x C projections; negatives: B x K x C. The paper draws `count` = 100 negatives an image; that
    sum is an estimate of the mean over all augmentations, times 100, and so is the sum over K here, times count / K.
    A scalar.
    """
    a, p, n = (F.normalize(f.float(), dim=-1) for f in (anchor, positive, negatives))
    near = (a * p).sum(1) / temperature
    far = torch.einsum("bc,bkc->bk", a, n) / temperature + math.log(count / n.shape[1])
    return (torch.cat([near[:, None], far], 1).logsumexp(1) - near).mean()
