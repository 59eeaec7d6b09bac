"""InfoNCE over two views of every image, for PCL's face branch (with mixed negatives) and for SimCLR (without).

SimCLR's NT-Xent: Chen et al., ICML 2020, eq. 1.
"""

import torch
import torch.nn.functional as F
from torch import Tensor


def mixture(count: int, generator: torch.Generator, shape: float = 1.6) -> tuple[Tensor, Tensor]:
    """Draw the shares and partners by which projections are mixed into new negatives.

    Shares follow Beta(shape, shape). They are drawn from uniform numbers by inverting the cumulative distribution on a
    grid, since torch's own sampler takes no generator.

    Args:
        count: projections, and new negatives.
        generator: on the CPU.
        shape: both parameters of the Beta distribution.

    Returns:
        Shares (count, in [0, 1]) and partners (count, a permutation).
    """
    grid = torch.linspace(0, 1, 1025, dtype=torch.float64)
    middle = (grid[1:] + grid[:-1]) / 2
    cumulative = F.pad((middle * (1 - middle)).pow(shape - 1).cumsum(0), (1, 0))
    draw = torch.rand(count, generator=generator, dtype=torch.float64) * cumulative[-1]
    above = torch.searchsorted(cumulative, draw, right=True).clamp(max=1024)
    low, high = cumulative[above - 1], cumulative[above]
    share = grid[above - 1] + (draw - low) / (high - low) / 1024
    return share.float(), torch.randperm(count, generator=generator)


def info_nce(
    one: Tensor, two: Tensor, temperature: float, mix: tuple[Tensor, Tensor] | None = None, person: Tensor | None = None
) -> Tensor:
    """Compute the cross-entropy of finding an image's other view among all views, by cosine over temperature.

    Every one of the 2B views is an anchor in turn.

    Args:
        one: B x C projections of the first views.
        two: B x C projections of the second views.
        temperature: divides the cosines.
        mix: (share 2B in [0, 1], partner 2B), see `mixture`; adds the negatives share * z + (1 - share) * z[partner],
            scaled to length 1, to those anchors whose image is in neither part.
        person: B; with it, other images of the anchor's person are no negatives.

    Returns:
        A scalar.
    """
    count = len(one)
    z = F.normalize(torch.cat([one, two]).float(), dim=1)
    image = torch.arange(count, device=z.device).repeat(2)
    group = image if person is None else person.to(z.device).repeat(2)
    same = group[:, None] == group
    logits = z @ z.T / temperature
    other = torch.arange(2 * count, device=z.device).roll(count)
    rows = torch.arange(2 * count, device=z.device)
    positive = logits[rows, other]
    negatives = logits.masked_fill(same, -torch.inf)
    if mix is not None:
        share, partner = (m.to(z.device) for m in mix)
        mixed = F.normalize(torch.lerp(z[partner], z, share[:, None]), dim=1)
        negatives = torch.cat(
            [negatives, (z @ mixed.T / temperature).masked_fill(same | same[:, partner], -torch.inf)], 1
        )
    return (torch.cat([positive[:, None], negatives], 1).logsumexp(1) - positive).mean()
