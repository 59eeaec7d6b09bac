"""What stage 1 is trained by, on one face, as maps: error, confidence and loss at every pixel (Unsup3D, eq. 1 to 4)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from latentface.codes import Scene

MIRRORED = 0.5
"""Weight of the mirrored reconstruction (Unsup3D, eq. 4)."""


@dataclass
class Likelihood:
    """One reconstruction against the photo; maps S x S."""

    drawn: Tensor
    """1 x 3 x S x S, about [-1, 1]."""
    error: Tensor
    """Mean absolute difference of the colours, from 0 to 2."""
    sigma: Tensor
    """Scale of the error that the network expects there: its confidence, turned round."""
    loss: Tensor
    """sqrt(2) error / sigma + log sigma: the negative log likelihood of a Laplace distribution, less a constant."""
    mask: Tensor
    """1 where the reconstruction draws something."""

    @property
    def mean(self) -> float:
        """Mean of the loss over the mask."""
        return float((self.loss * self.mask).sum() / self.mask.sum().clamp(min=1))

    def worst(self) -> tuple[list[float], list[float]]:
        """Find the largest error that is drawn.

        Returns:
            Its place, x and y in [0, 1]; and error, sigma and loss there.
        """
        at = int((self.error * self.mask).argmax())
        height, width = self.error.shape
        place = [at % width / (width - 1), at // width / (height - 1)]
        return place, [float(values.flatten()[at]) for values in (self.error, self.sigma, self.loss)]

    def thinned(self, side: int) -> Tensor:
        """Take error, sigma and mask at side x side places, 3 x side x side."""
        stacked = torch.stack([self.error, self.sigma, self.mask])[None]
        return F.interpolate(stacked, size=(side, side), mode="nearest")[0]


@torch.no_grad()
def likelihoods(scene: Scene, photo: Tensor, log_sigma: Tensor) -> tuple[Likelihood, Likelihood]:
    """Compare a face, and the face with depth and colour mirrored, with the photo.

    Args:
        scene: batch of one.
        photo: 1 x 3 x S x S in [-1, 1].
        log_sigma: 1 x 2 x S x S, see Autoencoder.confidence.

    Returns:
        Of the plain and of the mirrored reconstruction; both masks are the places that both of them draw.
    """
    drawn = [one.render(photo.shape[-1]) for one in (scene, scene.flip())]
    mask = (drawn[0][1] * drawn[1][1])[0, 0]
    plain, mirrored = (
        _likelihood(picture, photo, log_sigma[0, channel], mask) for channel, (picture, _) in enumerate(drawn)
    )
    return plain, mirrored


def _likelihood(drawn: Tensor, photo: Tensor, log_sigma: Tensor, mask: Tensor) -> Likelihood:
    """Compare one picture with the photo."""
    error = (drawn - photo).abs().mean(1)[0]
    sigma = log_sigma.exp()
    return Likelihood(drawn, error, sigma, math.sqrt(2) * error / sigma + log_sigma, mask)
