"""Loss of stage 1 on clips, four frames of each person: identity and expression are kept apart from here on.

The scenes are of mixed codes (see mixing.py): identity numbers come, in nine tenths of a batch, from the person's other
frames. As those show the face from elsewhere, depth and view have to be right for its texture to fall into place; a
frame rendered from its own texture looks right under any. Expression numbers are noisy, pulled to a standard normal,
kept from following the view, and from telling people apart.

One face cannot tell its fine relief from its paint. The average relief is one map that all faces teach, so it may be
sharp, and the relief that a face adds is held smooth. Turning tells more of relief than shading does, which is why only
a share of the shading's gradient reaches depth.
"""

from dataclasses import replace
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from latentface.autoencoder import COARSE, Autoencoder
from latentface.camera import FAR, NEAR
from latentface.codes import Scene
from latentface.ray_march import marched_grid
from latentface.shading import shading
from train import losses
from train.common.perceptual import LiteFeatures
from train.stage1.config import AutoencoderConfig
from train.stage1.congealing import bending
from train.stage1.discriminator import Discriminator, gradient_balance
from train.stage1.image_objective import Mean
from train.stage1.mixing import FRAMES, KINDS
from train.stage1.networks import Outputs


class ClipLoss(NamedTuple):
    """Loss of one batch of clips."""

    loss: Tensor
    """Scalar."""
    terms: dict[str, Tensor]
    """Its terms without gradients, with the plain L1 beside them."""
    rendered: Tensor
    """B x 3 x S x S without gradients: the pictures, with the photo's pixels where nothing is rendered."""


def clip_objective(
    model: Autoencoder,
    outputs: Outputs,
    image: Tensor,
    config: AutoencoderConfig,
    features: LiteFeatures | None = None,
    discriminator: Discriminator | None = None,
    mean: Mean = lambda x: x,
) -> ClipLoss:
    """Add up the terms of one batch's loss.

    Args:
        model: the network that gave the outputs.
        outputs: of a forward pass with a mix.
        image: B x 3 x S x S in [-1, 1], every FRAMES neighbours of one person.
        config: weights of the terms.
        features: the perceptual network.
        discriminator: judges the pictures; frozen.
        mean: see image_objective.

    Returns:
        The loss, its terms and the pictures.
    """
    scene = replace(outputs.scene, shading_gradient=config.shading)
    size = image.shape[-1]
    log_sigma = outputs.confidence.clamp(*config.log_sigma)
    plain, mask = render_by_marching(scene, size)
    small, small_sigma, albedo = image, log_sigma, scene.albedo
    if size > COARSE:
        small, small_sigma, albedo = (F.avg_pool2d(map, size // COARSE) for map in (image, log_sigma, albedo))
    coarse = replace(scene, albedo=albedo, softness=max(1, scene.softness * albedo.shape[-1] // size))
    mirrored, mirrored_mask = render_by_marching(coarse.flip(), albedo.shape[-1])
    visible = torch.stack([mask.sum(), mirrored_mask.sum()])
    share, mirrored_share = visible / mean(visible).clamp(min=1)
    filled = torch.where(mask > 0, plain, image)
    assert scene.raw_depth is not None
    terms = {
        "plain": share * losses.laplace(plain, image, log_sigma[:, :1], mask),
        "mirrored": mirrored_share
        * config.mirrored
        * losses.laplace(mirrored, small, small_sigma[:, 1:], mirrored_mask),
        "gradient": config.gradient * losses.gradient_l1(plain, image, mask),
        "raw_depth": config.raw_depth * scene.raw_depth.square().mean(),
        "laplacian": config.laplacian * 10 * losses.laplacian_l1((FAR - NEAR) / 2 * scene.raw_depth),
        "average_laplacian": config.average_laplacian * 10 * losses.laplacian_l1(scene.depth),
        "bending": config.stiffness * bending(model.displacement(outputs.codes.shape)),
        **code_terms(model, outputs, config),
    }
    if features is not None and config.perceptual:
        some = slice(None, None, round(1 / config.perceptual_share))
        terms["perceptual"] = config.perceptual * losses.feature_l2(features(filled[some]), features(image[some]))
    if discriminator is not None:
        judged = -discriminator(filled).mean()
        reconstruction = terms["plain"] + terms["gradient"] + terms.get("perceptual", 0)
        weight = gradient_balance(reconstruction, judged, model.refiner.head.weight)
        terms["adversarial"] = config.adversarial * mean(weight) * judged
    shown = {name: value.detach() for name, value in terms.items()}
    shown["l1"] = share * losses.masked_mean((plain - image).abs().detach(), mask)
    return ClipLoss(sum(terms.values(), image.new_zeros(())), shown, filled.detach())


def code_terms(model: Autoencoder, outputs: Outputs, config: AutoencoderConfig) -> dict[str, Tensor]:
    """Terms that keep expression and identity numbers apart.

    Args:
        model: has the masks of the expression subspace.
        outputs: with the codes of B frames, every FRAMES neighbours of one person.
        config: weights of the terms.

    Returns:
        "gate": mean square of expression numbers. "following": how far they follow the view. Of either code "unsteady":
        identity numbers that change within people; "habits": expression numbers that tell people apart.
    """
    codes = outputs.codes
    expression = torch.cat([getattr(codes, kind)[:, model.expression_mask(kind)] for kind in KINDS], 1)
    terms = {
        "gate": config.gate * expression.square().sum() / max(1, expression.numel()),
        "following": config.following * view_correlation(expression, codes.view),
    }
    for kind in KINDS:
        within, between = variance_shares(getattr(codes, kind))
        mask = model.expression_mask(kind)
        terms[f"unsteady_{kind}"] = config.unsteady * (within * ~mask).sum() / (~mask).sum()
        terms[f"habits_{kind}"] = config.habits * (between * mask).sum() / mask.sum().clamp(min=1)
    return terms


def render_by_marching(scene: Scene, size: int) -> tuple[Tensor, Tensor]:
    """Render a scene at its view by marching rays at the depth's size, interpolated in between.

    Args:
        scene: albedo may be larger than depth.
        size: side of the picture.

    Returns:
        Picture B x 3 x size x size and mask B x 1 x size x size.
    """
    side = scene.depth.shape[-1]
    light = shading(scene.lit_depth, scene.light, max(1, scene.softness * side // size))
    if side != size:
        light = F.interpolate(light, (size, size), mode="bilinear")
    canonical = (scene.albedo + 1) * light - 1
    grid, seen = marched_grid(scene.depth, scene.view)
    mask = seen[:, None]
    if side != size:
        maps = F.interpolate(grid.permute(0, 3, 1, 2), (size, size), mode="bilinear", align_corners=True)
        grid = maps.permute(0, 2, 3, 1)
        mask = (F.interpolate(mask, (size, size), mode="bilinear", align_corners=True) > 0.999).float()
    return F.grid_sample(canonical, grid, align_corners=True, padding_mode="border") * mask, mask


def variance_shares(code: Tensor) -> tuple[Tensor, Tensor]:
    """Divide each number's variance into its parts within and between people.

    The part between people is that of the means of their frames, less the share of it that comes of change within; it
    may come out below 0. Scaling a number changes nothing.

    Args:
        code: B x C, every FRAMES neighbours of one person.

    Returns:
        Shares within and between, C each, together 1.
    """
    clips = code.unflatten(0, (-1, FRAMES))
    means = clips.mean(1)
    within = (clips - means[:, None]).square().sum((0, 1)) / max(1, len(means) * (FRAMES - 1))
    between = (means - means.mean(0)).square().sum(0) / max(1, len(means) - 1) - within / FRAMES
    total = (within + between).clamp(min=1e-6)
    return within / total, between / total


def view_correlation(code: Tensor, view: Tensor) -> Tensor:
    """Mean squared correlation of numbers with the numbers of the view and with their squares.

    Args:
        code: B x C.
        view: B x 6; gets no gradient.

    Returns:
        Scalar in [0, 1].
    """
    known = torch.cat([view, view.square()], 1).detach()
    code, known = (F.normalize(values - values.mean(0), dim=0, eps=1e-4) for values in (code, known))
    with torch.autocast(code.device.type, enabled=False):
        return (code.mT @ known).square().sum() / max(1, code.shape[1] * known.shape[1])
