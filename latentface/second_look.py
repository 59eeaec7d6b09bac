"""A face through another model than the one that read it, and how far a rebuilding is from its photo."""

import torch.nn.functional as F
from torch import Tensor

from latentface.codes import Scene
from latentface.pipeline import Face, LatentFacePipeline


def look_again(pipeline: LatentFacePipeline, face: Face) -> Face:
    """Let a model see the crops that another one saw, brought to its own size.

    Args:
        pipeline: the model that looks.
        face: as another model read or made it.
    """
    size = (pipeline.size, pipeline.size)
    crop, level = (
        image if image.shape[-2:] == size else F.interpolate(image, size, mode="bicubic", antialias=True).clamp(-1, 1)
        for image in (face.crop, face.level)
    )
    tilt = face.alignment.tilt if face.alignment else 0.0
    return Face(face.alignment, crop, pipeline.encode(level).rolled(tilt), level)


def rebuilding_error(scene: Scene, crop: Tensor) -> float:
    """Measure how far a face, drawn at its photo's view and light, is from the photo.

    Args:
        scene: batch of one.
        crop: the photo's, 1 x 3 x S x S in [-1, 1].

    Returns:
        Mean absolute difference over the face, 1 from black to white.
    """
    drawn, mask = scene.render(crop.shape[-1])
    return float(((drawn.clamp(-1, 1) - crop).abs() * mask).sum() / (2 * 3 * mask.sum().clamp(min=1)))
