"""Structural similarity of pictures (Wang et al., IEEE TIP 2004, eq. 13)."""

import torch
import torch.nn.functional as F
from torch import Tensor

WINDOW, SIGMA = 11, 1.5
"""Side and standard deviation of the Gaussian window, in pixels."""
C1, C2 = 0.01**2, 0.03**2


def ssim(one: Tensor, two: Tensor) -> Tensor:
    """Mean structural similarity of each pair of pictures, B, at most 1.

    one, two: B x C x H x W in [0, 1], H and W at least 11. Channels apart, windows inside the picture, all averaged.
    """
    channels = one.shape[1]
    offset = torch.arange(WINDOW, device=one.device, dtype=one.dtype) - WINDOW // 2
    bell = torch.exp(-(offset**2) / (2 * SIGMA**2))
    bell = bell / bell.sum()
    across, down = (bell.view(shape).expand(channels, 1, -1, -1) for shape in ((1, 1, 1, -1), (1, 1, -1, 1)))

    def mean(x: Tensor) -> Tensor:
        return F.conv2d(F.conv2d(x, across.contiguous(), groups=channels), down.contiguous(), groups=channels)

    a, b = mean(one), mean(two)
    variance_a, variance_b, covariance = mean(one * one) - a * a, mean(two * two) - b * b, mean(one * two) - a * b
    value = (2 * a * b + C1) * (2 * covariance + C2) / ((a * a + b * b + C1) * (variance_a + variance_b + C2))
    return value.mean((1, 2, 3))
