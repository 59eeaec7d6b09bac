"""The discriminator that judges patches of rendered faces, and its losses."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm


class Discriminator(nn.Sequential):
    """Tells patches of photos from rendered ones, B x 3 x S x S -> B x 1 x S/8 x S/8; high is like a photo.

    A PatchGAN (Isola et al., CVPR 2017) under spectral normalisation (Miyato et al., ICLR 2018).

    Args:
        base: channels at half the size.
    """

    def __init__(self, base: int = 64):
        layers: list[nn.Module] = []
        channels = 3
        for width in (base, 2 * base, 4 * base):
            layers += [spectral_norm(nn.Conv2d(channels, width, 4, 2, 1)), nn.LeakyReLU(0.2)]
            channels = width
        layers += [spectral_norm(nn.Conv2d(channels, channels, 3, 1, 1)), nn.LeakyReLU(0.2)]
        super().__init__(*layers, spectral_norm(nn.Conv2d(channels, 1, 3, 1, 1)))


def discriminator_loss(discriminator: Discriminator, image: Tensor, rendered: Tensor) -> Tensor:
    """Hinge loss of the discriminator (Lim & Ye 2017).

    Args:
        discriminator: the network.
        image: photos B x 3 x S x S in [-1, 1].
        rendered: pictures of the same shape.

    Returns:
        Scalar; 0 where it tells all of them apart with a margin of 1.
    """
    photo, made = discriminator(torch.cat([image, rendered])).float().chunk(2)
    return (F.relu(1 - photo).mean() + F.relu(1 + made).mean()) / 2


def gradient_balance(reconstruction: Tensor, adversarial: Tensor, weight: Tensor) -> Tensor:
    """Ratio of two losses' gradients at a weight, at most 100 (Esser et al., CVPR 2021, eq. 7).

    Args:
        reconstruction: scalar loss of the numerator.
        adversarial: scalar loss of the denominator.
        weight: the generator's last weights.

    Returns:
        Scalar without gradients.
    """
    first, second = (
        torch.autograd.grad(loss, weight, retain_graph=True)[0].norm() for loss in (reconstruction, adversarial)
    )
    return (first / (second + 1e-6)).clamp(max=100).detach()
