"""Numbers of a swap: whom the drawn result looks like, and how much of the smile came over, as the model reads them.

The model looks at its own picture of the result as at any photo: the numbers say what arrived, not what was asked for.
"""

from dataclasses import dataclass, replace

import torch.nn.functional as F
from torch import Tensor

from latentface.codes import Codes
from latentface.expression_sliders import ExpressionSliders
from latentface.pipeline import LatentFacePipeline
from latentface.rdm import Denoiser

SMILE = "smile"
"""The slider along which the carried expression is read."""


@dataclass(frozen=True)
class SwapNumbers:
    """What the model finds in the picture of a swap."""

    to_a: float
    """Cosine of signatures, result and photo A; 1 is the same, about 0 two strangers."""
    to_b: float
    """Cosine of signatures, result and photo B."""
    rebuilt_to_a: float
    """Cosine of signatures, the rebuilt A and photo A: the most that can be asked of the result."""
    a_to_b: float
    """Cosine of signatures of the two photos."""
    smiles: dict[str, float]
    """Smile of "a", "b" and "swap", in standard deviations of people's expressions; empty without sliders."""


def signature(pipeline: LatentFacePipeline, codes: Codes) -> Tensor:
    """Compute the model's own identity features, B x 2C, for cosines (see Denoiser.signature)."""
    denoiser = pipeline.denoiser
    if isinstance(denoiser, Denoiser):
        return denoiser.signature(codes.face)
    return denoiser.standardize(pipeline.split(codes).identity)


def swap_numbers(
    pipeline: LatentFacePipeline, a: Codes, b: Codes, swapped: Codes, sliders: ExpressionSliders | None, seed: int = 0
) -> SwapNumbers:
    """Measure a swap on its picture.

    Args:
        pipeline: the model.
        a: batch of one, the identity.
        b: batch of one, the expression.
        swapped: batch of one, the swap.
        sliders: named directions of the same checkpoint, for the smile.
        seed: of the split.
    """
    scene = pipeline.decode(Codes.cat([a, b, swapped]))
    level = scene.view.clone()
    level[:, 2] = 0  # photos are levelled before they are encoded
    seen = pipeline.encode(replace(scene, view=level).render()[0].clamp(-1, 1))
    photo_a, photo_b, rebuilt, _, result = signature(pipeline, Codes.cat([a, b, seen]))
    smiles: dict[str, float] = {}
    if sliders is not None and SMILE in sliders.names:
        read = sliders.read(pipeline.split(seen, seed=seed).expression)[SMILE].tolist()
        smiles |= zip(("a", "b", "swap"), read, strict=True)
    to_a, to_b, rebuilt_to_a, a_to_b = (
        float(F.cosine_similarity(x, y, dim=0))
        for x, y in ((result, photo_a), (result, photo_b), (rebuilt, photo_a), (photo_a, photo_b))
    )
    return SwapNumbers(to_a, to_b, rebuilt_to_a, a_to_b, smiles)
