"""How much fine detail a picture has."""

import torch.nn.functional as F
from torch import Tensor

WINDOW = 8
"""Side in pixels of the squares in which `local_detail` is averaged."""


def gradient_energy(image: Tensor, mask: Tensor) -> Tensor:
    """Mean squared difference of neighbouring pixels, along x and y, where both are in a mask.

    Args:
        image: B x 3 x S x S.
        mask: B x 1 x S x S, 0 or 1.

    Returns:
        Scalar; 0 for an empty mask.
    """
    total, count = image.new_zeros(()), image.new_zeros(())
    for dim in (-1, -2):
        length = image.shape[dim] - 1
        both = mask.narrow(dim, 0, length) * mask.narrow(dim, 1, length)
        total = total + (image.diff(dim=dim).square().mean(1, keepdim=True) * both).sum()
        count = count + both.sum()
    return total / count.clamp(min=1)


def local_detail(image: Tensor) -> Tensor:
    """Mean absolute difference of neighbouring pixels in squares of WINDOW pixels, on a logarithmic scale.

    Two pictures of the same sharpness agree in it, even where their edges lie some pixels apart.

    Args:
        image: B x 3 x S x S in [-1, 1].

    Returns:
        B x 1 x S / WINDOW x S / WINDOW.
    """
    grey = F.pad(image.mean(1, keepdim=True), (0, 1, 0, 1), mode="replicate")
    steps = grey[..., :-1].diff(dim=-2).abs() + grey[..., :-1, :].diff(dim=-1).abs()
    return (F.avg_pool2d(steps, WINDOW) + 0.01).log()
