"""PCL: one encoder, a face and a pose branch, and a decoder that puts any face to any pose (Liu et al., CVPR 2023).

The backbone follows the plan of PCL's (strided convolutions, channel attention, residual blocks, no normalisation,
LeakyReLU 0.1). Its width grows from 32 to 256 channels with the stride, where theirs is 64 from the start, and there
is one block less before the last two: large maps are most of the arithmetic and few of the parameters.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn

STRIDE = 16
"""Side of an image over the side of its feature map."""


@dataclass
class Features:
    """The encoder's features of B images; B x D each, D = 2048 at 64 px, a flattened 128 x 4 x 4 map."""

    trunk: Tensor
    """Of the shared backbone; the paper's probes read these."""
    face: Tensor | None = None
    """Stays when the image is mirrored: face A of a swap. None where the model has no branches."""
    pose: Tensor | None = None
    """Turns with the image: pose B of a swap. None where the model has no branches."""


def _conv(channels: int, out: int, side: int = 3, stride: int = 1) -> nn.Conv2d:
    """Make a convolution of same size, or of 1 / stride of it, by He's initialisation."""
    conv = nn.Conv2d(channels, out, side, stride, side // 2)
    nn.init.kaiming_normal_(conv.weight, a=0.1, mode="fan_in")
    if conv.bias is not None:
        nn.init.zeros_(conv.bias)
    return conv


class Attention(nn.Module):
    """Channel attention: every channel times a gate in [0, 2] that reads the mean of all channels; starts at 1."""

    def __init__(self, channels: int):
        super().__init__()
        first, last = nn.Linear(channels, channels // 4), nn.Linear(channels // 4, channels)
        self.gate = nn.Sequential(first, nn.ReLU(), last)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)

    def forward(self, maps: Tensor) -> Tensor:
        """Gate maps B x C x H x W."""
        return maps * (2 * self.gate(maps.mean((2, 3))).sigmoid())[:, :, None, None]


class Block(nn.Module):
    """Two 3 x 3 convolutions and channel attention beside a shortcut; nearly the identity at first, without norms."""

    def __init__(self, channels: int):
        super().__init__()
        first, last = _conv(channels, channels), _conv(channels, channels)
        self.body = nn.Sequential(first, nn.LeakyReLU(0.1, inplace=True), last, Attention(channels))
        nn.init.normal_(last.weight, std=0.2 * (2 / (9 * channels)) ** 0.5)

    def forward(self, maps: Tensor) -> Tensor:
        """Transform maps B x C x H x W."""
        return F.leaky_relu(maps + self.body(maps), 0.1)


class Backbone(ModelMixin, ConfigMixin):
    """The shared trunk, and all of a SimCLR model: B x 3 x S x S in [-1, 1] to a B x 4w x S/16 x S/16 map.

    Args:
        size: side in pixels that the features belong to; larger images are pooled to that feature map.
        width: channels at half the side; they double twice to 4 * width.
    """

    @register_to_config
    def __init__(self, size: int = 64, width: int = 32):
        super().__init__()
        if size < STRIDE or size % STRIDE:
            raise ValueError(f"size must be a multiple of {STRIDE}, not {size}")

        def down(channels: int, out: int, side: int = 3) -> list[nn.Module]:
            return [_conv(channels, out, side, 2), nn.LeakyReLU(0.1, inplace=True)]

        self.layers = nn.Sequential(
            *down(3, width, 7),
            *down(width, 2 * width), Block(2 * width),
            *down(2 * width, 4 * width), Block(4 * width), Block(4 * width),
            *down(4 * width, 8 * width),
            _conv(8 * width, 4 * width), nn.LeakyReLU(0.1, inplace=True),
        )  # fmt: skip

    def forward(self, image: Tensor) -> Tensor:
        """Compute the feature map.

        Args:
            image: B x 3 x S x S in [-1, 1], S from `size` up.

        Returns:
            B x 4w x G x G with G = size / 16, averaged down to G for larger images.

        Raises:
            ValueError: the image is smaller than `size`.
        """
        size: int = self.config["size"]
        grid = size // STRIDE
        if min(image.shape[-2:]) < size:
            raise ValueError(f"the model takes images from {size} x {size}, not {tuple(image.shape[-2:])}")
        maps = self.layers(image)
        return maps if maps.shape[-2:] == (grid, grid) else F.adaptive_avg_pool2d(maps, grid)

    def encode(self, image: Tensor) -> Features:
        """Compute trunk features.

        Args:
            image: B x 3 x S x S in [-1, 1], S from `size` up (64 in training, 100 for FER as published).
        """
        return Features(self(image).flatten(1).float())


class PoseDecoder(nn.Sequential):
    """The pose-disentangled decoder: a code of face plus pose, B x D, to an image B x 3 x S x S in [-1, 1].

    As published: a fully connected bottleneck, then doublings (ReLU, bilinear, 3 x 3 convolution, BatchNorm). Its
    bottleneck of 6 * width is a third of theirs, so that a checkpoint stays below 6 MB; the last doubling is a pixel
    shuffle, which takes a quarter of the time.
    """

    def __init__(self, length: int, size: int, width: int):
        bottleneck, side, doublings = 6 * width, size, 0
        while side % 2 == 0:
            side, doublings = side // 2, doublings + 1
        layers: list[nn.Module] = [
            nn.Linear(length, bottleneck * side * side),
            nn.Unflatten(1, (bottleneck, side, side)),
        ]
        channels = bottleneck
        for left in reversed(range(1, doublings)):
            out = width * min(4, left)
            layers += [
                nn.ReLU(),
                nn.Upsample(scale_factor=2, mode="bilinear"),
                nn.Conv2d(channels, out, 3, 1, 1),
                nn.BatchNorm2d(out),
            ]
            channels = out
        last = nn.Conv2d(channels, 12, 3, 1, 1)
        with torch.no_grad():  # the four pixels that a place becomes start alike: no grid to be unlearned
            last.weight.copy_(last.weight[::4].repeat_interleave(4, 0))
            if last.bias is not None:
                last.bias.zero_()
        super().__init__(*layers, nn.ReLU(), last, nn.PixelShuffle(2), nn.Tanh())


class PCL(ModelMixin, ConfigMixin):
    """The network of pose-disentangled contrastive learning (Liu et al., section 3.1).

    Args:
        size: side of the images that it is trained on and decodes to, in pixels.
        width: as of Backbone; features are 4 * width maps.
    """

    @register_to_config
    def __init__(self, size: int = 64, width: int = 32):
        super().__init__()
        self.backbone = Backbone(size, width)
        self.face_head, self.pose_head = (
            nn.Sequential(_conv(4 * width, 4 * width), nn.LeakyReLU(0.1, inplace=True), _conv(4 * width, 4 * width))
            for _ in range(2)
        )
        self.decoder = PoseDecoder(4 * width * (size // STRIDE) ** 2, size, width)

    @property
    def size(self) -> int:
        """Side of the images in pixels."""
        return self.config["size"]

    def encode(self, image: Tensor) -> Features:
        """Compute trunk, face and pose features.

        Args:
            image: B x 3 x S x S in [-1, 1] (the standard crop), S from `size` up; larger ones are pooled to the feature
                map of `size` before the heads.

        Raises:
            ValueError: the image is smaller than `size`.
        """
        return Features(*self._features(image))

    def _features(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Compute trunk, face and pose features, B x D each."""
        maps = self.backbone(image)
        trunk, face, pose = (f.flatten(1).float() for f in (maps, self.face_head(maps), self.pose_head(maps)))
        return trunk, face, pose

    def blend(self, face: Tensor, pose: Tensor) -> Tensor:
        """Add face and pose features, B x D each, to the decoder's input, scaled to a root mean square of 1."""
        return F.normalize(face + pose, dim=1) * face.shape[1] ** 0.5

    def decode(self, face: Tensor, pose: Tensor) -> Tensor:
        """Decode face and pose features, B x D each, to an image B x 3 x size x size in [-1, 1]."""
        return self.decoder(self.blend(face, pose)).float()

    def swap(self, face_image: Tensor, pose_image: Tensor) -> Tensor:
        """Draw the faces of one batch at the poses of another.

        Args:
            face_image: standard crops, B x 3 x S x S in [-1, 1], S a multiple of `size`; averaged down to it.
            pose_image: likewise.

        Returns:
            B x 3 x size x size in [-1, 1].
        """
        face, pose = (F.adaptive_avg_pool2d(image, self.size) for image in (face_image, pose_image))
        return self.decode(self._features(face)[1], self._features(pose)[2])

    def forward(self, image: Tensor) -> Tensor:
        """Rebuild images from their own face and pose."""
        _, face, pose = self._features(image)
        return self.decode(face, pose)
