"""Axes of the expression subspace, of shape and texture side by side."""

import torch
from torch import Tensor

from latentface.autoencoder import Autoencoder
from latentface.rdm import Denoiser
from train.stage1.expression_subspace import expression_directions, feature_motion

KINDS = ("shape", "texture")


def expression_axes(
    model: Autoencoder,
    scale: Denoiser,
    frames: Tensor,
    person: Tensor,
    more: tuple[int, int],
    known: Tensor,
    apart: float = 0.0,
) -> Tensor:
    """Find orthonormal axes that read an expression off a code.

    Of each kind (shape, texture) the numbers that stage 1 lets change, and `more` directions of its other numbers:
    those in which people change most as a face shows it, see expression_directions.

    Args:
        model: the stage 1 network.
        scale: holds mean and standard deviation of the codes.
        frames: N x 2C, standardised.
        person: N int64.
        more: further directions of shape and of texture.
        known: N x G, what else is known of each frame.
        apart: of the further directions, see expression_directions.

    Returns:
        2C x K.
    """
    parts = []
    halves = frames.chunk(2, 1), scale.mean.chunk(2), scale.std.chunk(2)
    for kind, count, own, mean, spread in zip(KINDS, more, *halves, strict=True):
        changes = model.expression_mask(kind).cpu()
        axes = torch.eye(len(changes))[:, changes]
        if count:
            shown = feature_motion(model, kind, mean, spread)[~changes]
            found = torch.zeros(len(changes), count)
            found[~changes] = expression_directions(own[:, ~changes], person, count, known, shown, apart)
            axes = torch.cat([axes, found], 1)
        parts.append(axes)
    return torch.block_diag(*parts)
