"""Gaussian blur of maps."""

import torch
import torch.nn.functional as F
from torch import Tensor


def blurred(maps: Tensor, deviation: float) -> Tensor:
    """Blur maps N x 1 x S x S by a Gaussian of a standard deviation in pixels; borders are carried on outwards."""
    reach = max(1, round(3 * deviation))
    line = torch.exp(-0.5 * (torch.arange(-reach, reach + 1, device=maps.device) / deviation).square()).to(maps)
    line = line / line.sum()
    maps = F.conv2d(F.pad(maps, (reach, reach, 0, 0), mode="replicate"), line.view(1, 1, 1, -1))
    return F.conv2d(F.pad(maps, (0, 0, reach, reach), mode="replicate"), line.view(1, 1, -1, 1))
