"""Errors of depth, normals, pose and light: SIDE and MAD of Wu et al. (CVPR 2020, section 4.1), and agreement."""

import torch
import torch.nn.functional as F
from torch import Tensor

from latentface.camera import normals_from_depth


def eroded(mask: Tensor) -> Tensor:
    """Masks B x S x S bool without the pixels that touch, at a side or corner, one outside, or the border."""
    return -F.max_pool2d(-F.pad(mask.float()[:, None], (1, 1, 1, 1)), 3, 1)[:, 0] > 0.5


def side(predicted: Tensor, true: Tensor, mask: Tensor) -> Tensor:
    """Scale-invariant depth error of each face, B: the standard deviation of the difference of log depths in the mask.

    predicted, true: B x S x S, positive inside the mask. mask: B x S x S bool; an empty one gives NaN. Unsup3D, section
    4.1, prints it x 100.
    """
    difference = torch.where(mask, predicted, 1).log() - torch.where(mask, true, 1).log()
    count = mask.sum((1, 2))
    mean = (difference * mask).sum((1, 2)) / count
    return (((difference - mean[:, None, None]) * mask).square().sum((1, 2)) / count).sqrt()


def angles(one: Tensor, two: Tensor) -> Tensor:
    """Degrees between unit vectors ... x 3. By sine and cosine, so that an angle near 0 keeps its digits."""
    sine = torch.linalg.cross(one, two).norm(dim=-1)
    return torch.rad2deg(torch.atan2(sine, (one * two).sum(-1)))


def mad(predicted: Tensor, true: Tensor, mask: Tensor) -> Tensor:
    """Mean angle in degrees between unit normals B x S x S x 3 over the mask B x S x S, of each face, B."""
    return (angles(predicted, true) * mask).sum((1, 2)) / mask.sum((1, 2))


def agreement(predicted: Tensor, true: Tensor) -> dict[str, float]:
    """How a predicted number N follows the true one N.

    error: mean absolute. offset: mean of predicted - true. centred: mean absolute after taking the offset off, since a
    self-supervised model's zero is its own choice. corr, slope: of predicted over true; 0 where one is constant.
    constant: error of always saying the true mean.
    """
    difference, spread = predicted - true, true - true.mean()
    covariance = (spread * (predicted - predicted.mean())).mean()
    variance, own = spread.square().mean(), predicted.var(correction=0)
    return {
        "error": float(difference.abs().mean()),
        "offset": float(difference.mean()),
        "centred": float((difference - difference.mean()).abs().mean()),
        "corr": float(covariance / (variance * own).sqrt()) if variance * own > 0 else 0.0,
        "slope": float(covariance / variance) if variance > 0 else 0.0,
        "constant": float(spread.abs().mean()),
    }


def direction(light: Tensor) -> Tensor:
    """Unit direction N x 3 in which light N x 4 (see Codes.light) travels."""
    return F.normalize(torch.cat([light[:, 2:], torch.ones_like(light[:, :1])], 1), dim=1)


def light_angles(predicted: Tensor, true: Tensor) -> tuple[Tensor, Tensor]:
    """Degrees between directions of lights N x 4: N as they are, and N with predicted x, y shifted to the true mean."""
    moved = predicted.clone()
    moved[:, 2:] += (true - predicted)[:, 2:].mean(0)
    return angles(direction(predicted), direction(true)), angles(direction(moved), direction(true))


def compared(seen: Tensor, true: Tensor, mask: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """SIDE and MAD of each face, B each, on which pixels, B x S x S bool, and the predicted normals, B x S x S x 3.

    seen: B x S x S predicted depth in the picture's view, 0 where there is none. true: B x S x S. mask: B x S x S bool.
    """
    shared, normals = eroded(mask) & eroded(seen > 0), normals_from_depth(seen.clamp(min=0.1))
    return side(seen, true, shared), mad(normals, normals_from_depth(true), shared), shared, normals


def halved(seen: Tensor, true: Tensor, mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The same maps (see compared) at half the size, B x S/2 x S/2: means of four pixels, where all four are known."""
    whole = [F.avg_pool2d(known.float(), 2) == 1 for known in (seen > 0, mask)]
    return F.avg_pool2d(seen, 2) * whole[0], F.avg_pool2d(true, 2), whole[1]
