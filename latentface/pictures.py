"""Pictures for people: tensors, depth and normals as 8-bit RGB."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from latentface.camera import normals_from_depth

PNG_LEVEL = 2
"""Of zlib, for PNGs of faces: a fifth of the time of PIL's 6, for an eighth more bytes."""


def picture(image: Tensor, size: int | None = None) -> np.ndarray:
    """Convert an image to 8 bits.

    Args:
        image: 3 x S x S in [-1, 1]; values beyond are cut off.
        size: side of the result in pixels, S by default; resampled bicubically.

    Returns:
        uint8 size x size x 3.
    """
    if size and size != image.shape[-1]:
        shrinks = size < image.shape[-1]
        image = F.interpolate(image[None].float(), size=(size, size), mode="bicubic", antialias=shrinks)[0]
    return ((image.detach().float().cpu().clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).permute(1, 2, 0).numpy()


def depth_picture(depth: Tensor) -> Tensor:
    """Draw depth in grey, near is bright.

    Args:
        depth: B x S x S in [0.9, 1.1].

    Returns:
        B x 3 x S x S: -1 to 1 for 1.075 to 0.935, the range that faces fill; beyond it outside [-1, 1].
    """
    return ((1.005 - depth) / 0.07)[:, None].expand(-1, 3, -1, -1)


def normal_picture(depth: Tensor) -> Tensor:
    """Draw the normals of depth in colours: red right, green up, blue towards the viewer.

    Args:
        depth: B x S x S canonical.

    Returns:
        B x 3 x S x S in [-1, 1].
    """
    return normals_from_depth(depth).permute(0, 3, 1, 2) * depth.new_tensor([1, -1, -1])[:, None, None]
