"""Fits the linear half of stage 1's texture code: principal components of faces in the canonical frame.

Once view, depth and light are roughly known, faces can be laid over one another, and what a network would need many images
to find is a matrix decomposition away (eigenfaces, Turk & Pentland 1991; the texture basis of a morphable model, Blanz &
Vetter 1999). Training goes on from there.
"""

import torch
from torch import Tensor, nn

from latentface.autoencoder import Autoencoder

from .shards import Clips

PEOPLE = 16_000
"""Crops that the basis is fitted to."""


def canonical_albedo(model: Autoencoder, image: Tensor) -> Tensor:
    """The albedo that images B x 3 x s x s show, as the encoders look at them, B x 3 x s x s."""
    view, light, _, raw = model.geometry(image)
    return model.albedo(image, view, light, raw)


@torch.no_grad()
def fit_basis(model: Autoencoder, clips: Clips, seed: int = 0, count: int = PEOPLE) -> float:
    """Sets the model's average depth and texture basis from `count` jittered training crops; corrections start from nothing.

    Deterministic for a seed. Returns the share of the albedos' weighted variance that the basis holds.
    """
    basis = model.texture_basis
    rows = clips.draw(count, torch.Generator().manual_seed(seed))

    def crops(rows: Tensor):
        generator = torch.Generator().manual_seed(seed)
        for part in rows.split(256):
            yield model._seen(clips.jittered(part, model.size, generator).to(model.average_depth.device))

    some = rows[: count // 4]
    depths = [model._depth(model.geometry(image)[-1]).sum(0) for image in crops(some)]
    model.average_depth.copy_(torch.stack(depths).sum(0) / len(some))
    albedo = torch.cat([canonical_albedo(model, image).clamp(-1.5, 1.5).flatten(1).float().cpu() for image in crops(rows)])
    mean = albedo.mean(0)
    root = basis.weight.cpu().sqrt().expand(3, -1, -1).flatten()
    albedo.sub_(mean).mul_(root)
    width = min(basis.directions.shape[0], count - 1)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        _, spread, axes = torch.svd_lowrank(albedo, width, niter=3)
    directions = (axes * spread / count**0.5 / root[:, None]).T
    basis.mean.copy_(mean.view_as(basis.mean))
    basis.directions.zero_()[:width].copy_(directions.view(width, *basis.mean.shape))
    for layer in (model.texture_encoder[-2], model.refiner.head):
        nn.init.zeros_(layer.weight)
        nn.init.zeros_(layer.bias)
    return float(spread.square().sum() / albedo.square().sum())
