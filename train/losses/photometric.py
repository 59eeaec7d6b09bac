"""Losses of stage 1 (Unsup3D, sections 3.1 to 3.4), one function a term, all means over pixels of the mask."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor


def laplace(prediction: Tensor, target: Tensor, log_sigma: Tensor, mask: Tensor) -> Tensor:
    """Negative log likelihood of a Laplace distribution per pixel: sqrt(2) |d| / sigma + log sigma (Unsup3D, eq. 3).

    Args:
        prediction: B x 3 x S x S.
        target: B x 3 x S x S; the difference d is averaged over colours.
        log_sigma: B x 1 x S x S.
        mask: B x 1 x S x S.

    Returns:
        Scalar.
    """
    error = (prediction - target).abs().mean(1, keepdim=True)
    return masked_mean(math.sqrt(2) * error * (-log_sigma).exp() + log_sigma, mask)


def masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    """Mean of values over a mask of the same or a broadcastable shape; 0 for an empty mask."""
    mask = mask.expand_as(values)
    return (values * mask).sum() / mask.sum().clamp(min=1)


def gradient_l1(prediction: Tensor, target: Tensor, mask: Tensor, levels: int = 3) -> Tensor:
    """L1 between finite differences of pictures along x and y.

    Args:
        prediction: B x 3 x S x S.
        target: B x 3 x S x S.
        mask: B x 1 x S x S.
        levels: halvings of the pictures to average over.

    Returns:
        Scalar.
    """
    total = prediction.new_zeros(())
    for level in range(levels):
        difference = (prediction - target) * mask
        total = total + difference.diff(dim=-1).abs().mean() + difference.diff(dim=-2).abs().mean()
        if level + 1 < levels:
            prediction, target, mask = (F.avg_pool2d(t, 2) for t in (prediction, target, mask))
    return total / levels


def laplacian_l1(depth: Tensor) -> Tensor:
    """Mean absolute Laplacian of depth maps B x S x S, borders left out: keeps the surface from growing a grid."""
    inner = depth[:, 1:-1, 1:-1]
    around = depth[:, 2:, 1:-1] + depth[:, :-2, 1:-1] + depth[:, 1:-1, 2:] + depth[:, 1:-1, :-2]
    return (around - 4 * inner).abs()[..., 2:-2].mean()


def feature_l2(prediction: list[Tensor], target: list[Tensor]) -> Tensor:
    """Perceptual distance of LPIPS (Zhang et al., CVPR 2018, eq. 1) with unit weights.

    Args:
        prediction: features B x C x H x W of several layers.
        target: likewise.

    Returns:
        Squared distance of channel-normalised features, summed over channels, averaged over places and layers.
    """
    terms = [
        (F.normalize(p.float(), dim=1) - F.normalize(t.float(), dim=1)).square().sum(1).mean()
        for p, t in zip(prediction, target, strict=True)
    ]
    return torch.stack(terms).mean()


def gaussian_feature(prediction: Tensor, target: Tensor, log_sigma: Tensor, mask: Tensor) -> Tensor:
    """Negative log likelihood of a Gaussian per place of a feature map: d^2 / (2 sigma^2) + log sigma (Unsup3D, 3.4).

    Args:
        prediction: features B x C x H x W of the reconstruction.
        target: of the photo; d^2 is averaged over channels.
        log_sigma: B x 1 x H x W.
        mask: B x 1 x S x S of the picture, averaged down to the features' size.

    Returns:
        Scalar.
    """
    error = (prediction.float() - target.float()).square().mean(1, keepdim=True)
    share = F.adaptive_avg_pool2d(mask, (error.shape[-2], error.shape[-1]))
    return masked_mean(error / 2 * (-2 * log_sigma).exp() + log_sigma, share)
