"""PCL's four reconstructions: an image and its mirror image share the face and differ in pose."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

Branches = tuple[Tensor, Tensor]
"""Face and pose features of a batch, B x D each."""


def reconstruction(
    decode: Callable[[Tensor, Tensor], Tensor], straight: Branches, mirrored: Branches, image: Tensor, mirror: Tensor
) -> Tensor:
    """L1 of decode(face, pose) to the image that the pose is of, with the face of that image and of the other one,
    summed.

    decode: face and pose features to pictures; called once, on all four. straight, mirrored: features of image and
    mirror. image, mirror: B x 3 x S x S. A scalar.
    """
    faces = torch.cat([mirrored[0], straight[0], straight[0], mirrored[0]])
    poses = torch.cat([straight[1], mirrored[1], straight[1], mirrored[1]])
    return 4 * F.l1_loss(decode(faces, poses).float(), torch.cat([image, mirror, image, mirror]).float())
