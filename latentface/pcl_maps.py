"""Vectors of PCL's maps: its face and its pose features of a crop, each of length one.

PCL's losses compare features by their cosine; between vectors of length one, distances say the same.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from latentface.pcl import PCL

PCL_MAPS = ("pcl_face", "pcl_pose")
"""Names of the maps of PCL's two branches."""


@torch.no_grad()
def pcl_features(pcl: PCL, crops: Tensor) -> dict[str, Tensor]:
    """Compute the vectors that are mapped.

    Args:
        pcl: the model.
        crops: standard crops with level eyes, B x 3 x S x S in [-1, 1], S from the model's size up.

    Returns:
        B x D for every name in PCL_MAPS, each row of length one.
    """
    features = pcl.encode(F.adaptive_avg_pool2d(crops, pcl.size))
    found = dict(zip(PCL_MAPS, (features.face, features.pose), strict=True))
    return {name: F.normalize(rows, dim=1) for name, rows in found.items() if rows is not None}
