"""Principal components of pixels, fitted on the training people of the shards that other methods learn from."""

from pathlib import Path

import torch
from torch import Tensor

from train.data.reading import read_shards
from train.evaluation.methods.method import Method, Variant, resized

IMAGES = 6000
"""Training images that are fitted; 400 components need no more."""
WIDTHS = (100, 200, 400)
"""Numbers of components, a block each."""


def load(folder: str) -> Method:
    """Make the components of a shards folder; each size's are fitted when first asked for. Raises ShardsError."""
    shards = Path(folder)
    clips = read_shards(shards, 32)
    rows = (~clips.validation).nonzero().flatten()
    rows = rows[torch.randperm(len(rows), generator=torch.Generator().manual_seed(0))[:IMAGES]]
    fitted: dict[int, tuple[Tensor, Tensor]] = {}

    def flat(crops: Tensor) -> Tensor:
        crops = (crops - crops.mean((1, 2, 3), keepdim=True)) / crops.std((1, 2, 3), keepdim=True).clamp(min=1e-3)
        return crops.flatten(1)  # the same face brighter is the same face

    def encode(crops: Tensor, variant: Variant) -> dict[str, Tensor]:
        if variant.size not in fitted:
            pixels = flat(resized(clips.centre(rows, 32), variant.size))
            mean = pixels.mean(0)
            width = min(WIDTHS[-1], len(rows) - 1, pixels.shape[1])
            with torch.random.fork_rng():
                torch.manual_seed(0)
                _, _, axes = torch.svd_lowrank(pixels - mean, width, niter=4)
            fitted[variant.size] = mean, axes
        mean, axes = fitted[variant.size]
        scores = (flat(crops) - mean) @ axes
        return {f"pca{width}": scores[:, :width] for width in WIDTHS if width <= scores.shape[1]}

    variants = [Variant(32), Variant(24), Variant(32, 0.8)]
    about = f"principal components of {len(rows)} pictures' pixels ({shards.name}), no labels"
    return Method("pca", about, variants, encode)
