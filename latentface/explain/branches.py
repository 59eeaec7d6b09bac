"""PCL step by step: two branches, four reconstructions, orthogonality, both contrasts (Liu et al., CVPR 2023).

The shipped network has no projectors, which are thrown away after training: cosines here are of the features.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from latentface.explain.blocks import Block, recorded
from latentface.pcl import PCL, Attention, Features

TEMPERATURE = 0.07
"""Of both contrasts: cosines are divided by it."""
QUADRANT = 0.4
"""Side of a face crop over that of the photo."""


class Branches:
    """Faces as PCL sees them; the first is the one that is explained.

    Args:
        pcl: the network.
        crops: B x 3 x S x S in [-1, 1], standard crops, S a multiple of the network's size.
    """

    def __init__(self, pcl: PCL, crops: Tensor):
        self.pcl = pcl
        self.images = F.adaptive_avg_pool2d(crops, pcl.size)

    @classmethod
    def of_sizes(cls, pcl: PCL, crops: list[Tensor]) -> Branches:
        """Make them of crops 1 x 3 x S x S, all in the size of the first or the network's."""
        side = max(pcl.size, crops[0].shape[-1])
        return cls(pcl, torch.cat([_resized(crop, side) for crop in crops]))

    def among(self, crops: np.ndarray) -> Branches:
        """Set the first image beside others, N x S x S x 3 uint8 of the network's size."""
        images = torch.tensor(crops).permute(0, 3, 1, 2) / 127.5 - 1
        return Branches(self.pcl, torch.cat([self.images[:1], images]))

    @torch.no_grad()
    def encode(self, images: Tensor) -> Features:
        """Compute features of images B x 3 x S x S."""
        return self.pcl.encode(images)

    @cached_property
    def straight(self) -> Features:
        """Of all images as they are."""
        return self.encode(self.images)

    @cached_property
    def mirrored(self) -> Features:
        """Of all mirror images."""
        return self.encode(self.images.flip(-1))

    def mirror_pair(self, name: str) -> Tensor:
        """Give a branch's features of photo and mirror image, in standard deviations of all of them, 2 x D."""
        rows = torch.cat([_branch(features, name)[:1] for features in (self.straight, self.mirrored)])
        return rows / rows.std()

    def mirror_cosines(self) -> dict[str, float]:
        """Give the cosine of photo and mirror image in either branch, and with another's photo, on average."""
        named = {"face": _branch(self.straight, "face"), "pose": _branch(self.straight, "pose")}
        flipped = {"face": _branch(self.mirrored, "face"), "pose": _branch(self.mirrored, "pose")}
        own = {name: float(F.cosine_similarity(named[name][:1], flipped[name][:1])) for name in named}
        others = {
            f"other_{name}": float(F.cosine_similarity(named[name][:1], named[name][1:]).mean()) for name in named
        }
        return own | others

    @torch.no_grad()
    def reconstructions(self) -> Tensor:
        """Rebuild the first image by either face and either pose.

        Returns:
            4 x 3 x S x S: face and pose of (image, image), (image, mirror), (mirror, image), (mirror, mirror).
        """
        faces, poses = (
            torch.cat([_branch(f, name)[:1] for f in (self.straight, self.mirrored)]) for name in ("face", "pose")
        )
        return self.pcl.decode(faces[[0, 0, 1, 1]], poses[[0, 1, 0, 1]])

    def targets(self) -> Tensor:
        """Give what the four reconstructions ought to be, 4 x 3 x S x S: the pose alone decides."""
        image = self.images[:1]
        return torch.cat([image, image.flip(-1), image, image.flip(-1)])

    def errors(self) -> list[float]:
        """Give the L1 error of each reconstruction; PCL's loss is their sum."""
        return (self.reconstructions() - self.targets()).abs().mean((1, 2, 3)).tolist()

    def centred(self, name: str) -> Tensor:
        """Give a branch's features, centred over the faces and then of length 1, B x D."""
        features = _branch(self.straight, name)
        return F.normalize(features - features.mean(0), dim=1)

    def orthogonality(self, one: str, other: str) -> float:
        """Give the mean squared entry of A^T B of two branches, times D^2 / B: about 1 for unrelated features."""
        a, b = self.centred(one), self.centred(other)
        return float((a.T @ b).square().sum() / len(a))

    def products(self, one: str, other: str, side: int) -> Tensor:
        """Give the absolute entries of A^T B of two branches, averaged down to side x side."""
        product = (self.centred(one).T @ self.centred(other)).abs()
        return F.adaptive_avg_pool2d(product[None, None], side)[0, 0]

    def product_pictures(self, one: str, others: tuple[str, ...], side: int) -> list[Tensor]:
        """Draw `products` with each of others on one scale: 3 x side x side in [-1, 1], 1 for the largest."""
        drawn = [self.products(one, other, side) for other in others]
        top = max(float(product.max()) for product in drawn)
        return [(2 * product / top - 1).expand(3, -1, -1) for product in drawn]

    @cached_property
    def quadrants(self) -> tuple[Tensor, Tensor]:
        """Cut two crops out of every image, upper left and upper right, B x 3 x S x S."""
        side = self.images.shape[-1]
        length, shift = round(QUADRANT * side), round((0.5 - QUADRANT) / 2 * side)
        left, right, top = shift, side // 2 + shift, round(0.25 * side)
        parts = (self.images[..., top : top + length, start : start + length] for start in (left, right))
        one, two = (F.interpolate(part, size=(side, side), mode="bilinear", align_corners=False) for part in parts)
        return one, two

    def face_contrast(self) -> tuple[Tensor, float]:
        """Compare one crop of every face with the other crops of all.

        Returns:
            Cosines B x B, and the InfoNCE of finding one's own among them.
        """
        one, two = (F.normalize(_branch(self.encode(part), "face"), dim=1) for part in self.quadrants)
        cosines = one @ two.T
        return cosines, info_nce(cosines.diagonal(), cosines)

    @cached_property
    def recoloured(self) -> tuple[Tensor, Tensor, Tensor]:
        """The first image twice with other colours, and its mirror image with such colours, 1 x 3 x S x S each."""
        image = self.images[:1]
        grey = image.mean(1, keepdim=True).expand(-1, 3, -1, -1)
        tint = torch.tensor([0.15, 0.0, -0.15])[:, None, None]
        return (0.7 * image - 0.15).clamp(-1, 1), (grey + tint).clamp(-1, 1), (grey + tint).flip(-1).clamp(-1, 1)

    def pose_contrast(self) -> tuple[list[float], float]:
        """Compare the first image's pose with that of its recoloured copy, and of its mirror image's.

        Returns:
            Both cosines, and the InfoNCE of telling the two apart.
        """
        anchor, positive, negative = (
            F.normalize(_branch(self.encode(image), "pose"), dim=1) for image in self.recoloured
        )
        cosines = [float((anchor * other).sum()) for other in (positive, negative)]
        both = torch.tensor([cosines])
        return cosines, info_nce(both[:, 0], both)

    def blocks(self) -> list[Block]:
        """Give the networks with the shapes that pass through them."""
        named = {
            "backbone": self.pcl.backbone, "face_head": self.pcl.face_head, "pose_head": self.pcl.pose_head,
            "decoder": self.pcl.decoder,
        }  # fmt: skip

        @torch.no_grad()
        def run() -> None:
            """Rebuild one image."""
            self.pcl(self.images[:1])

        gates = [layer for layer in self.pcl.backbone.modules() if isinstance(layer, Attention)]
        return recorded(named, run, gates)


def info_nce(positive: Tensor, all_of: Tensor) -> float:
    """Compute -log of the softmax share of the positive among all.

    Args:
        positive: B cosines.
        all_of: B x K cosines, the positive among them.
    """
    logits = all_of / TEMPERATURE
    return float((logits.logsumexp(1) - positive / TEMPERATURE).mean())


def first_share(cosines: Tensor) -> float:
    """Compute the softmax share of the first entry of the first row of cosines B x K."""
    return float((cosines[0] / TEMPERATURE).softmax(0)[0])


def _resized(crop: Tensor, side: int) -> Tensor:
    """Bring a crop 1 x 3 x S x S to a side, averaging where it shrinks."""
    if crop.shape[-1] == side:
        return crop
    return F.interpolate(crop, size=(side, side), mode="bilinear", antialias=True)


def _branch(features: Features, name: str) -> Tensor:
    """Give the features of one branch, B x D."""
    found = features.face if name == "face" else features.pose
    assert found is not None
    return found
