"""Ways from noise to a face, made ready to be watched: what is drawn, how noisy the code is, where the map has it.

Three kinds: an identity from noise (prior.py), an expression for a person from noise, and, where a checkpoint has no
prior, the split of a face, whose diffusion ends at nearly the same identity from any noise (rdm.py).
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from latentface.codes import Codes
from latentface.pipeline import LatentFacePipeline
from latentface.prior import Walk

SHOWN = 14
"""Most steps that are drawn of one walk."""


@dataclass
class Watched:
    """One face on its way from noise."""

    faces: Codes
    """Of T moments: what every step takes the clean face to be, and the face itself at the end."""
    steps: list[int]
    """Number of the step of each moment, counted from 1; the last is the end."""
    noisy: list[Tensor]
    """K numbers before each step, of unit variance along the principal axes; empty where they are not kept."""
    map: str
    """Name of the gallery's map that the face moves on."""
    features: Tensor
    """T x 2C, for `Gallery.place` on that map."""


def identity_walk(pipeline: LatentFacePipeline, like: Codes | None, guidance: float, steps: int, seed: int) -> Watched:
    """Draw a person from noise, seen from the front under a plain light.

    Args:
        pipeline: a model with a prior.
        like: batch of one, in whose direction; None: anyone.
        guidance: 0 is anyone, 1 the person given.
        steps: denoising steps.
        seed: of the noise.
    """
    walk = pipeline.draw_people(1, like, guidance, steps, seed)
    kept, clean = _moments(walk)
    return Watched(
        pipeline.frontal(clean), [k + 1 for k in kept], [walk.noisy[min(k, steps - 1)][0] for k in kept],
        "identity", pipeline.denoiser.standardize(clean),
    )  # fmt: skip


def expression_walk(pipeline: LatentFacePipeline, person: Codes, guidance: float, steps: int, seed: int) -> Watched:
    """Draw an expression from noise for a person, seen from the front under a plain light.

    Args:
        pipeline: a model with a prior.
        person: batch of one.
        guidance: 0 takes no heed of the person.
        steps: denoising steps.
        seed: of the noise.
    """
    walk = pipeline.draw_expressions(person, 1, guidance, steps, seed)
    kept, clean = _moments(walk)
    identity = pipeline.split(person).identity
    return Watched(
        pipeline.frontal(identity + clean), [k + 1 for k in kept], [walk.noisy[min(k, steps - 1)][0] for k in kept],
        "expression", clean / pipeline.denoiser.std,
    )  # fmt: skip


def split_walk(pipeline: LatentFacePipeline, person: Codes, steps: int, seed: int) -> Watched:
    """Follow the split's search for a face's identity, at the face's own view and light.

    Args:
        pipeline: any model.
        person: batch of one.
        steps: denoising steps.
        seed: of the noise.
    """
    parts = pipeline.split(person, steps, samples=1, seed=seed)
    kept = _chosen(steps)
    shape, texture = (torch.cat([part.steps[k] for k in kept]) for part in (parts.shape, parts.texture))
    faces = replace(person[[0] * len(kept)], shape=shape, texture=texture)
    return Watched(faces, [k + 1 for k in kept], [], "identity", pipeline.denoiser.standardize(faces.face))


def shuffled(pipeline: LatentFacePipeline, codes: Codes, seed: int = 0) -> Codes:
    """Put the numbers of a face's code into each other's places: as large as before, and nobody's.

    Args:
        pipeline: the model of the codes.
        codes: of B faces.
        seed: of the order.
    """
    length = codes.face.shape[1]
    order = torch.randperm(length, generator=torch.Generator().manual_seed(seed))
    mixed = pipeline.denoiser.restore(pipeline.denoiser.standardize(codes.face)[:, order])
    shape, texture = mixed.chunk(2, 1)
    return replace(codes, shape=shape, texture=texture)


def _moments(walk: Walk) -> tuple[list[int], Tensor]:
    """Choose the steps of a walk that are drawn, and their clean codes; the end comes last."""
    kept = _chosen(len(walk.clean))
    return [*kept, len(walk.clean)], torch.cat([*(walk.clean[k] for k in kept), walk.result])


def _chosen(steps: int) -> list[int]:
    """Choose at most SHOWN of so many steps, evenly, the first and the last among them."""
    count = min(steps, SHOWN)
    return sorted({round(i * (steps - 1) / max(1, count - 1)) for i in range(count)})
