"""How much fine detail a picture has."""

from torch import Tensor


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
