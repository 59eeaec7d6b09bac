"""A method: frozen features of standard crops as named blocks, in one or more variants of showing the crops."""

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class Variant:
    """One way of showing crops to a method."""

    size: int
    """Side in pixels of the crops."""
    zoom: float = 1.0
    """Half side of the crop, in units of the standard crop's."""
    cell: int = 0
    """HOG's cell in pixels."""

    @property
    def name(self) -> str:
        """Name as results show it."""
        zoom = f", zoom {self.zoom:g}" if self.zoom != 1 else ""
        cell = f", cell {self.cell}" if self.cell else ""
        return f"{self.size} px{zoom}{cell}"


@dataclass
class Method:
    """Frozen features of one method."""

    name: str
    about: str
    """One line: what it is, and what it was trained on."""
    variants: list[Variant]
    encode: Callable[[Tensor, Variant], dict[str, Tensor]]
    """Crops B x 3 x S x S float in [-1, 1] (of any size S; the variant's is what they are resized to) to blocks."""
    joined: tuple[str, ...] = field(default=())
    """Blocks that a pair's probe joins with the mirror image's, instead of taking the mean of both."""
    single: tuple[str, ...] = field(default=())
    """Blocks that only pairs are probed with."""

    @torch.inference_mode()
    def __call__(self, images: Tensor, variant: Variant | None = None) -> dict[str, Tensor]:
        """Compute the blocks of standard crops.

        Args:
            images: B x 3 x S x S in [-1, 1].
            variant: how they are shown to the method; its first without.

        Returns:
            Block -> B x D float32.

        Raises:
            ValueError: the images have another shape.
        """
        if images.ndim != 4 or images.shape[1] != 3 or images.shape[2] != images.shape[3]:
            raise ValueError(f"images must be B x 3 x S x S, not {tuple(images.shape)}")
        variant = variant or self.variants[0]
        blocks = self.encode(resized(images, variant.size), variant)
        return {name: block.float().flatten(1) for name, block in blocks.items()}

    def mirrored(self, images: Tensor, variant: Variant | None = None) -> dict[str, Tensor]:
        """Compute the blocks over images and their mirror images: the mean of both, or for `joined` blocks both."""
        plain, mirror = self(images, variant), self(images.flip(-1), variant)
        return {
            k: torch.cat([plain[k], mirror[k]], 1) if k in self.joined else (plain[k] + mirror[k]) / 2 for k in plain
        }


def resized(images: Tensor, size: int) -> Tensor:
    """Resize square images ... x S x S to another side in pixels, antialiased."""
    if images.shape[-1] == size:
        return images
    return F.interpolate(images, size=(size, size), mode="bilinear", antialias=True, align_corners=False)
