"""Loss of stage 1 before the canonical frame is settled: single images, or pairs of one person (Unsup3D, 3.1-3.4)."""

from collections.abc import Callable
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor

from latentface.autoencoder import COARSE
from latentface.codes import Scene
from train import losses
from train.common.perceptual import LiteFeatures
from train.stage1.canonical_frame import partners
from train.stage1.config import AutoencoderConfig
from train.stage1.networks import Outputs

FEATURE_SPREAD = 13.0
"""Standard deviation of EfficientNet-Lite0's 1/4-size features on faces at 64 px: divided by it, they differ by about
the sigma that the confidence network starts from."""
Mean = Callable[[Tensor], Tensor]
"""A tensor's mean over the processes that share a batch."""


def image_objective(
    outputs: Outputs,
    image: Tensor,
    config: AutoencoderConfig,
    features: LiteFeatures | None = None,
    mean: Mean = lambda x: x,
) -> tuple[Tensor, dict[str, Tensor]]:
    """Add up the terms of one batch's loss.

    Args:
        outputs: of the network.
        image: B x 3 x S x S in [-1, 1].
        config: weights of the terms.
        features: the perceptual network.
        mean: a tensor's mean over the processes. Each holds an equal part of the batch but another number of visible
            pixels, so means over a mask are weighted to average to the mean over the whole batch.

    Returns:
        The loss, and its terms without gradients by name, with the plain L1 beside them.
    """
    scene = outputs.scene
    log_sigma = outputs.confidence.clamp(*config.log_sigma)
    plain, mask = scene.render()
    # symmetry asks for no detail: at half the size it costs a quarter
    half = config.network == "explorer" and image.shape[-1] >= COARSE
    small_image, small_sigma = (F.avg_pool2d(map, 2) if half else map for map in (image, log_sigma))
    mirrored, mirrored_mask = (scene.half() if half else scene).flip().render()
    if half:
        mirrored_mask = mirrored_mask * (F.avg_pool2d(mask, 2) == 1)
        mask = mask * F.interpolate(mirrored_mask, scale_factor=2)
    else:
        mask = mirrored_mask = mask * mirrored_mask
    visible = torch.stack([mask.sum(), mirrored_mask.sum()])
    share, mirrored_share = visible / mean(visible).clamp(min=1)  # 1 for one process
    assert scene.raw_depth is not None
    terms = {
        "plain": share * losses.laplace(plain, image, log_sigma[:, :1], mask),
        "mirrored": mirrored_share
        * config.mirrored
        * losses.laplace(mirrored, small_image, small_sigma[:, 1:], mirrored_mask),
        "gradient": config.gradient * losses.gradient_l1(plain, image, mask),
        "raw_depth": config.raw_depth * scene.raw_depth.square().mean(),
        "laplacian": config.laplacian * 10 * losses.laplacian_l1(scene.depth),
    }
    if config.together:
        terms["together"] = config.together * partner_l1(scene, image, mean)
    if features is not None and config.perceptual:
        some = slice(None, None, round(1 / config.perceptual_share))  # the same images however a batch is split
        filled = torch.where(mask[some] > 0, plain[some], image[some])
        terms["perceptual"] = config.perceptual * losses.feature_l2(features(filled), features(image[some]))
    if features is not None and config.paper_perceptual and outputs.feature_confidence is not None:
        sigmas = outputs.feature_confidence
        pairs = ((plain, sigmas[:, :1], 1.0), (mirrored, sigmas[:, 1:], config.mirrored))
        likelihoods = feature_likelihoods(features, pairs, image, mask)
        terms["paper_perceptual"] = share * config.paper_perceptual * likelihoods
    shown = {name: value.detach() for name, value in terms.items()}
    shown["l1"] = share * losses.masked_mean((plain - image).abs().detach(), mask)
    return sum(terms.values(), image.new_zeros(())), shown


def partner_l1(scene: Scene, image: Tensor, mean: Mean = lambda x: x) -> Tensor:
    """L1 of frames rendered with the depth and albedo of their partner, another frame of the person.

    Args:
        scene: of B frames, every two neighbours of one person.
        image: B x 3 x S x S in [-1, 1]; compared at 32 px at most.
        mean: a tensor's mean over the processes.

    Returns:
        Scalar; its gradient reaches depth, view and light, not albedo.
    """
    swapped, target = scene, image
    while target.shape[-1] > 32:
        swapped, target = swapped.half(), F.avg_pool2d(target, 2)
    swapped = replace(swapped, depth=partners(swapped.depth), albedo=partners(swapped.albedo).detach())
    rendered, mask = swapped.render()
    share = mask.sum() / mean(mask.sum()).clamp(min=1)
    return share * losses.masked_mean((rendered - target).abs(), mask)


def feature_likelihoods(
    features: LiteFeatures, pairs: tuple[tuple[Tensor, Tensor, float], ...], image: Tensor, mask: Tensor
) -> Tensor:
    """Weighted sum of Unsup3D's perceptual likelihoods (section 3.4).

    Args:
        features: the perceptual network.
        pairs: pictures B x 3 x S x S, their log scales B x 1 x S/4 x S/4, and weights.
        image: photos B x 3 x S x S.
        mask: B x 1 x S x S; elsewhere the photo's own pixels are compared.

    Returns:
        Scalar.
    """

    def quarter(picture: Tensor) -> Tensor:
        return features(picture)[2] / FEATURE_SPREAD

    target = quarter(image)
    terms = [
        weight * losses.gaussian_feature(quarter(torch.where(mask > 0, picture, image)), target, sigma, mask)
        for picture, sigma, weight in pairs
    ]
    return sum(terms[1:], terms[0])
