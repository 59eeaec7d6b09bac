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


@torch.no_grad()
def fit_basis(model: Autoencoder, clips: Clips, seed: int = 0, count: int = PEOPLE) -> float:
    """Sets the model's average depth and texture basis from `count` jittered training crops; corrections start from nothing.

    Deterministic for a seed. Returns the share of the albedos' weighted variance that the basis holds.
    """
    basis = model.texture_basis
    rows = clips.draw(count, torch.Generator().manual_seed(seed))

    def taken_apart(rows: Tensor):
        generator = torch.Generator().manual_seed(seed)
        for part in rows.split(256):
            yield model.take_apart(model._seen(clips.jittered(part, model.size, generator).to(model.average_depth.device)))

    depths = [model._depth(raw).sum(0) for _, _, _, raw, _ in taken_apart(rows[: count // 4])]
    model.average_depth.copy_(torch.stack(depths).sum(0) / len(rows[: count // 4]))
    albedo = torch.cat([found.clamp(-1.5, 1.5).flatten(1).float().cpu() for *_, found in taken_apart(rows)])
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
