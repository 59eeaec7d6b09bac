"""What a judge that took no part sees change in drawn faces: measures of dlib's landmarks on pictures of 256 px."""

import numpy as np
import torch
from torch import Tensor

from latentface.codes import Codes
from latentface.pictures import picture
from latentface.pipeline import LatentFacePipeline
from train.common.judges import Reader, measures
from train.common.landmarks import levelled
from train.data.imagined.measurements import irises, mouth_and_brows

SIDE = 256
"""Side in pixels of the pictures that the judge sees."""
BOX = (33, 51, 223, 241)
"""Left, top, right, bottom of where dlib's detector finds the face in a standard crop of SIDE pixels."""


def measured(reader: Reader, images: Tensor) -> dict[str, np.ndarray]:
    """Measure faces.

    Args:
        reader: dlib's landmarks.
        images: N x 3 x S x S in [-1, 1], faces as in a standard crop.

    Returns:
        Name -> N: those of judges.measures and measurements.mouth_and_brows, and "gaze" and "gaze height" (nan for
        shut eyes), "skew" (the mouth's middle beside the nose's, to the picture's right), "upper lip", "lower lip"
        (how far the lips' outer edges stand above and below the mouth's corners) and "thin lips".
    """
    drawn = [picture(image, SIDE) for image in images]
    stack = np.stack([points for image in drawn if (points := reader.points(image, BOX)) is not None])
    eyes = np.array([irises(image, points) for image, points in zip(drawn, stack, strict=True)])
    x, y, size = levelled(stack)
    x, y = x / size[:, None], y / size[:, None]
    corners = y[:, [48, 54]].mean(1)
    return {
        **measures(stack), **mouth_and_brows(stack), "gaze": eyes[:, 0], "gaze height": eyes[:, 1],
        "skew": x[:, [48, 54, 51, 57]].mean(1) - x[:, [27, 30, 33]].mean(1),
        "upper lip": -(y[:, 50:53].mean(1) - y[:, 33]),
        "lower lip": y[:, 56:59].mean(1) - corners,
        "thin lips": -((y[:, 61:64] - y[:, 50:53]).mean(1) + (y[:, 56:59] - y[:, 65:68]).mean(1)),
    }  # fmt: skip


def front(pipeline: LatentFacePipeline, codes: Codes) -> Tensor:
    """Draw faces from the front under their own light, N x 3 x S x S in [-1, 1]."""
    rows = torch.arange(len(codes.shape)).split(32)
    return torch.cat([pipeline.decode(codes[part]).canonical.clamp(-1, 1) for part in rows])
