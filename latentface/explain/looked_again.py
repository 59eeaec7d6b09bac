"""Photos and drawn faces as the model reads them again: what of a change in the codes can be seen in the picture."""

from __future__ import annotations

from dataclasses import replace

import torch.nn.functional as F
from torch import Tensor

from latentface.codes import Codes
from latentface.pipeline import LatentFacePipeline
from latentface.swap_numbers import signature


def looked_again(pipeline: LatentFacePipeline, codes: Codes) -> Codes:
    """Draw faces and encode the pictures as if they were photos, levelled.

    Args:
        pipeline: The model.
        codes: Of B faces.

    Returns:
        What the model reads off its own pictures, B faces.
    """
    scene = pipeline.decode(codes)
    level = scene.view.clone()
    level[:, 2] = 0  # photos are levelled before they are encoded
    return pipeline.encode(replace(scene, view=level).render()[0].clamp(-1, 1))


def expression_alike(pipeline: LatentFacePipeline, rest: Codes, drawn: Codes, faces: Codes) -> list[float]:
    """Compare what an expression changes in the picture of a face with the expressions of other faces.

    A face at rest is not quite without expression for the model: only what changes from there counts.

    Args:
        pipeline: The model.
        rest: Batch of one, the face without the expression; it is drawn and looked at.
        drawn: Batch of one, the same face with it.
        faces: Of N faces.

    Returns:
        N cosines of expression parts in standard deviations.
    """
    before, after, *theirs = expressions(
        pipeline, Codes.cat([looked_again(pipeline, rest), looked_again(pipeline, drawn), faces])
    )
    return [float(F.cosine_similarity(after - before, one, dim=0)) for one in theirs]


def identity_alike(pipeline: LatentFacePipeline, drawn: Codes, faces: Codes) -> list[float]:
    """Compare whom a drawn face looks like: N cosines of signatures with N faces.

    Args:
        pipeline: The model.
        drawn: Batch of one, the codes that are drawn and looked at.
        faces: Of N faces.
    """
    seen = signature(pipeline, looked_again(pipeline, drawn))
    return F.cosine_similarity(seen, signature(pipeline, faces)).tolist()


def expressions(pipeline: LatentFacePipeline, faces: Codes) -> Tensor:
    """Give the expression parts of faces in standard deviations of the code, N x 2C."""
    return pipeline.split(faces).expression / pipeline.denoiser.std


def lender_and_others(pipeline: LatentFacePipeline, face: Codes, people: Codes, count: int) -> list[int]:
    """Choose whose expression would be seen best on a face, and others who show something else.

    Args:
        pipeline: The model.
        face: Batch of one.
        people: Of N others.
        count: How many are chosen.

    Returns:
        Places among the people: first the one whose expression lies farthest from the face's own, then those whose
        expressions lie farthest from that one's.
    """
    own, theirs = (expressions(pipeline, codes) for codes in (face, people))
    lender = int((theirs - own).norm(dim=1).argmax())
    unlike = (theirs - theirs[lender]).norm(dim=1).argsort(descending=True).tolist()
    return [lender, *(at for at in unlike if at != lender)][:count]
