"""Fits the linear half of stage 1's texture code: principal components of faces in the canonical frame.

Once view, depth and light are roughly known, faces can be laid over one another, and what a network would need many images
to find is a matrix decomposition away (eigenfaces, Turk & Pentland 1991; the texture basis of a morphable model, Blanz &
Vetter 1999). Before that, where the model has a layout, it learns to lay their features over one another too (layout.py).
Training goes on from there.
"""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from latentface.autoencoder import Autoencoder
from latentface.warp import gather
from train.data.clips import Clips
from train.stage1.congealing import learn_layout

PEOPLE = 16_000
"""Crops that the basis is fitted to, at most 20 of every training frame."""


def canonical_albedo(model: Autoencoder, image: Tensor) -> Tensor:
    """The albedo that images B x 3 x s x s show under their own relief, as the encoders look at them, B x 3 x s x s."""
    view, light, _, raw = model.geometry(image)
    return model.albedo(image, view, light, model._depth(raw))


def laid_out(model: Autoencoder) -> bool:
    """Whether the model has learned where features lie, and with it the average relief that its depth is told from."""
    return bool(model.config.layout_grid and model.average_share > 0)


def fit_basis(
    model: Autoencoder,
    clips: Clips,
    seed: int = 0,
    count: int = PEOPLE,
    layout: int = 0,
    tick: Callable[[int], None] = lambda _: None,
) -> tuple[float, float | None]:
    """Sets the model's average depth, layout, average relief and texture basis from `count` jittered training crops; corrections, and
    a face's own relief beside the average one, start from nothing.

    layout: albedos that a model with a layout sees to learn it; 0 leaves it as it is. Of a model that has learned it already only the
    basis is fitted anew. Deterministic for a seed. Returns the share of
    the albedos' weighted variance that the basis holds, and the layout's last loss (None where it learned nothing).
    """
    count = min(count, 20 * int((~clips.validation).sum()))
    rows = clips.draw(count, torch.Generator().manual_seed(seed))

    def crops(rows: Tensor) -> Iterator[Tensor]:
        generator = torch.Generator().manual_seed(seed)
        for part in rows.split(256):
            yield model._seen(clips.jittered(part, model.size, generator).to(model.average_depth.device))

    some, aligned = rows[: count // 4], None
    if not laid_out(model):
        with torch.no_grad():
            depths = [model._depth(model.geometry(image)[-1]).sum(0) for image in crops(some)]
            model.average_depth.copy_(torch.stack(depths).sum(0) / len(some))
        if model.config.layout_grid and layout:
            with torch.no_grad():
                albedo = torch.cat(
                    [canonical_albedo(model, image).clamp(-1.5, 1.5).half().cpu() for image in crops(rows)]
                )
            aligned = learn_layout(model, albedo, clips.person[rows], seed, layout, tick=tick)
    with torch.no_grad():
        if aligned is not None:
            laid = [_laid_relief(model, image).sum(0) for image in crops(some)]
            model.average_relief.copy_(torch.stack(laid).sum(0) / len(some) - 1)
            model.average_share.fill_(1)
            with torch.random.fork_rng():
                torch.manual_seed(seed)
                nn.init.normal_(
                    model.shape_decoder.head.weight, std=1e-3
                )  # own relief is what a face adds to the average one now
            nn.init.zeros_(model.shape_decoder.head.bias)
        texture = torch.cat(
            [model.laid_albedo(image)[-1].clamp(-1.5, 1.5).flatten(1).float().cpu() for image in crops(rows)]
        )
        return _fit(model, texture, seed), aligned


def _laid_relief(model: Autoencoder, image: Tensor) -> Tensor:
    """The faces' own depths in the average face's layout, B x s x s."""
    _, _, shape, raw, _ = model.laid_albedo(image)
    return gather(model._depth(raw)[:, None], model.moves(shape))[:, 0]


def _fit(model: Autoencoder, texture: Tensor, seed: int) -> float:
    """Sets the basis to the principal components of textures N x 3ss, which it overwrites; returns the share it holds."""
    basis = model.texture_basis
    mean = texture.mean(0)
    root = basis.weight.cpu().sqrt().expand(3, -1, -1).flatten()
    texture.sub_(mean).mul_(root)
    width = min(basis.directions.shape[0], len(texture) - 1)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        _, spread, axes = torch.svd_lowrank(texture, width, niter=3)
    directions = (axes * spread / len(texture) ** 0.5 / root[:, None]).T
    basis.mean.copy_(mean.view_as(basis.mean))
    basis.directions.zero_()[:width].copy_(directions.view(width, *basis.mean.shape))
    for layer in (model.texture_encoder[-2], model.refiner.head):
        nn.init.zeros_(layer.weight)
        nn.init.zeros_(layer.bias)
    return float(spread.square().sum() / texture.square().sum())
