"""The texture basis: principal components of faces in the canonical frame, the linear half of the texture code.

Once view, depth and light are roughly known, faces can be laid over one another, and a matrix decomposition finds at
once a basis that a network would need many images for (eigenfaces, Turk & Pentland 1991; the texture basis of a
morphable model, Blanz & Vetter 1999). Before that their features are warped over one another too (congealing.py).
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn

from latentface.autoencoder import Autoencoder
from latentface.warp import to_canonical
from train.data.clips import Clips
from train.stage1.congealing import learn_warp

CROPS = 16_000
"""Crops that the basis is fitted to, at most 20 of every training frame."""
LIMIT = 1.5
"""Albedos are cut off at plus and minus this."""


class BasisFit(NamedTuple):
    """Result of `fit_basis`."""

    variance: float
    """Share of the albedos' weighted variance that the basis holds."""
    warp_loss: float | None
    """Last loss of congealing; None where nothing was learned."""


def frontal_albedo(model: Autoencoder, image: Tensor) -> Tensor:
    """Albedo B x 3 x s x s of images B x 3 x s x s under their own relief, with features where each face has them."""
    view, light, _, raw = model.geometry(image)
    return model.albedo(image, view, light, model.depth_over_prior(raw))


def is_warped(model: Autoencoder) -> bool:
    """Tell whether the model has learned the warp and the average relief."""
    return bool(model.average_share > 0)


def fit_basis(
    model: Autoencoder,
    clips: Clips,
    seed: int = 0,
    count: int = CROPS,
    warp_images: int = 0,
    tick: Callable[[int], None] = lambda _: None,
) -> BasisFit:
    """Set average depth, warp, average relief and texture basis from jittered training crops.

    Corrections to the basis, and the relief that a face adds to the average, start from nothing. Of a model that has
    learned its warp already, only the basis is fitted anew. Deterministic for a seed.

    Args:
        model: changed in place.
        clips: the data set.
        seed: of crops and decompositions.
        count: crops.
        warp_images: albedos to see while learning the warp; 0 leaves it as it is.
        tick: called with the albedos seen before every step of that; what it raises ends the fit.

    Returns:
        How well the basis and the warp fit.
    """
    count = min(count, 20 * int((~clips.validation).sum()))
    rows = clips.draw(count, torch.Generator().manual_seed(seed))

    def crops(rows: Tensor) -> Iterator[Tensor]:
        generator = torch.Generator().manual_seed(seed)
        for part in rows.split(256):
            yield model.encoder_input(clips.jittered(part, model.size, generator).to(model.average_depth.device))

    some, warp_loss = rows[: count // 4], None
    if not is_warped(model):
        with torch.no_grad():
            depths = [model.depth_over_prior(model.geometry(image).raw_depth).sum(0) for image in crops(some)]
            model.average_depth.copy_(torch.stack(depths).sum(0) / len(some))
        if warp_images:
            with torch.no_grad():
                parts = [frontal_albedo(model, image).clamp(-LIMIT, LIMIT).half().cpu() for image in crops(rows)]
            warp_loss = learn_warp(model, torch.cat(parts), clips.person[rows], seed, warp_images, tick=tick)
            set_average_relief(model, crops(some), seed)
    with torch.no_grad():
        faces = (model.canonical_face(image).albedo for image in crops(rows))
        textures = torch.cat([face.clamp(-LIMIT, LIMIT).flatten(1).float().cpu() for face in faces])
        return BasisFit(_set_components(model, textures, seed), warp_loss)


@torch.no_grad()
def set_average_relief(model: Autoencoder, crops: Iterator[Tensor], seed: int) -> None:
    """Set the average relief to the mean depth of faces in the canonical layout; their own relief starts from nothing.

    Args:
        model: changed in place.
        crops: batches B x 3 x s x s of the encoders' input.
        seed: of the depth decoder's last layer.
    """
    total, count = [], 0
    for image in crops:
        face = model.canonical_face(image)
        depth = model.depth_over_prior(face.raw_depth)[:, None]
        total.append(to_canonical(depth, model.displacement(face.shape))[:, 0].sum(0))
        count += len(image)
    model.average_relief.copy_(torch.stack(total).sum(0) / count - 1)
    model.average_share.fill_(1)
    head = model.shape_decoder.head
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        nn.init.normal_(head.weight, std=1e-3)
    if head.bias is not None:
        nn.init.zeros_(head.bias)


def _set_components(model: Autoencoder, textures: Tensor, seed: int) -> float:
    """Set the basis to the principal components of textures N x 3ss, overwritten; return the share they hold."""
    basis = model.texture_basis
    mean = textures.mean(0)
    root = basis.weight.cpu().sqrt().expand(3, -1, -1).flatten()
    textures.sub_(mean).mul_(root)
    width = min(basis.directions.shape[0], len(textures) - 1)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        _, spread, axes = torch.svd_lowrank(textures, width, niter=3)
    directions = (axes * spread / len(textures) ** 0.5 / root[:, None]).T
    basis.mean.copy_(mean.view_as(basis.mean))
    basis.directions.zero_()[:width].copy_(directions.view(width, *basis.mean.shape))
    basis.refresh()
    for layer in (model.texture_encoder.last, model.refiner.head):
        nn.init.zeros_(layer.weight)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
    return float(spread.square().sum() / textures.square().sum())
