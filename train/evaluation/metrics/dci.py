"""Disentanglement, completeness and informativeness (Eastwood & Williams, ICLR 2018), on blocks of a code.

Their importance of a code's dimension for a factor is here how well a probe reads the factor off the block, above
chance: on distributed codes single dimensions say little, so a block takes the place of a dimension.
"""

import math

import torch
from torch import Tensor


def dci(importance: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Disentanglement of each block (B), completeness of each factor (F), and the blocks' weights (B, sum 1).

    importance: B x F, 0 where a block says nothing of a factor. A block that speaks of one factor has disentanglement
    1, of all alike 0, of none 0 with weight 0; a factor told by one block has completeness 1, by all alike or none 0.
    """
    importance = importance.double().clamp(min=0)
    total = importance.sum().clamp(min=1e-12)
    return _purity(importance), _purity(importance.T), importance.sum(1) / total


def _purity(table: Tensor) -> Tensor:
    """1 - entropy of each row over the entropy of a uniform row; 0 for a row of zeros."""
    total = table.sum(1, keepdim=True)
    share = table / total.clamp(min=1e-12)
    entropy = -(share * share.clamp(min=1e-12).log()).sum(1)
    return torch.where(total[:, 0] > 1e-9, 1 - entropy / math.log(table.shape[1]), 0.0)
