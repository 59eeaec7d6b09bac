"""A contrast within people: two views of one frame, against another frame of the same person and all frames of all others."""

import torch
import torch.nn.functional as F
from torch import Tensor


def told_apart(one: Tensor, two: Tensor, other: Tensor, temperature: float, same: Tensor | None = None) -> Tensor:
    """Cross-entropy of finding a frame's other view among all views of the batch, by cosine over temperature.

    NT-Xent (Chen et al., ICML 2020, eq. 1) with `other` as further negatives. one, two: B x C projections of two views of every
    frame. other: B x C, of a view of another frame of each's person. same: B bool, where the person has no other frame: there
    `other` is no negative of its own row. A scalar.
    """
    count = len(one)
    z = F.normalize(torch.cat([one, two]).float(), dim=1)
    logits = z @ torch.cat([z, F.normalize(other.float(), dim=1)]).T / temperature
    rows = torch.arange(2 * count, device=z.device)
    logits[rows, rows] = -torch.inf
    if same is not None:
        alone = same.to(z.device).repeat(2).nonzero().flatten()
        logits[alone, 2 * count + alone % count] = -torch.inf
    return F.cross_entropy(logits, rows.roll(count))
