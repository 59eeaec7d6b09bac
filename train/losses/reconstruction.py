"""PCL's four reconstructions (Liu et al., CVPR 2023): an image and its mirror image share the face, not the pose."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

Branches = tuple[Tensor, Tensor]
"""Face and pose features of a batch, B x D each."""


def reconstruction(
    decode: Callable[[Tensor, Tensor], Tensor], straight: Branches, mirrored: Branches, image: Tensor, mirror: Tensor
) -> Tensor:
    """Sum the L1 errors of decode(face, pose) for both poses, each with either image's face.

    Args:
        decode: face and pose features to pictures; called once, on all four.
        straight: features of `image`.
        mirrored: features of `mirror`.
        image: B x 3 x S x S in [-1, 1], the target of its own pose.
        mirror: B x 3 x S x S, its mirror image.

    Returns:
        A scalar.
    """
    faces = torch.cat([mirrored[0], straight[0], straight[0], mirrored[0]])
    poses = torch.cat([straight[1], mirrored[1], straight[1], mirrored[1]])
    return 4 * F.l1_loss(decode(faces, poses).float(), torch.cat([image, mirror, image, mirror]).float())
