"""The released LatentFace networks, key for key (Unsup3D, Wu et al., CVPR 2020, supplement; LatentFace, section 3.2).

Unsup3D's autoencoder and the authors' RDM, a UNet on 1 x 1 maps. They play the roles of `Autoencoder` and `Denoiser`
and follow their conventions, so that the same trainers, pipeline and app take them. Submodules carry the authors'
names: netD shape, netA texture, netL light, netV view, netC confidence; a published state dict of one of them loads
into it strictly. netED (shape) and netEA (texture) are PaperDenoiser's.
"""

import torch
import torch.nn.functional as F
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from diffusers.models.unets.unet_2d import UNet2DModel
from torch import Tensor, nn

from latentface.autoencoder import clamp_border, depth_from_raw
from latentface.codes import Codes, Scene
from latentface.rdm import Standardized

SIDE = 64
"""The networks take and give maps of this side in pixels."""
EPSILON = 1e-7
"""Added to every sigma."""


def view_from_axis_angles(degrees: Tensor) -> Tensor:
    """Convert Unsup3D's rotations about x, y and z to our yaw, pitch and roll: the same matrix, so the same picture.

    Unsup3D (renderer/utils.py, get_rotation_matrix) turns a point by Rz Ry Rx, about x first; ours is R_x(-pitch)
    R_y(-yaw) R_z(roll) (camera.rotation). Within the range |sin yaw| <= 0.967 and cos pitch, cos roll > 0, so nothing
    wraps and the gradient is bounded.

    Args:
        degrees: B x 3, each within +-60.

    Returns:
        B x 3 degrees.
    """
    (sx, sy, sz), (cx, cy, cz) = (f(torch.deg2rad(degrees)).unbind(-1) for f in (torch.sin, torch.cos))
    yaw = -torch.asin(cz * sy * cx + sz * sx)
    pitch = torch.atan2(sz * sy * cx - cz * sx, cy * cx)
    roll = torch.atan2(sz * cx - cz * sy * sx, cz * cy)
    return torch.rad2deg(torch.stack([yaw, pitch, roll], -1))


def _convolution(before: int, after: int, kernel: int) -> nn.Conv2d:
    """Make a convolution that keeps the size, without bias."""
    return nn.Conv2d(before, after, kernel, padding=kernel // 2, bias=False)


def _normed(layer: nn.Module, channels: int) -> list[nn.Module]:
    """Follow a layer by a group norm of four channels a group, and ReLU."""
    return [layer, nn.GroupNorm(channels // 4, channels), nn.ReLU(inplace=True)]


def _doubled(before: int, after: int) -> list[nn.Module]:
    """Double the side of maps by a transposed convolution."""
    return _normed(nn.ConvTranspose2d(before, after, 4, 2, 1, bias=False), after)


def _encoder(width: int, out: int) -> list[nn.Module]:
    """Encode 64 x 64 x 3 to 1 x 1 x out, non-negative: four halvings, the first three normalised."""
    layers: list[nn.Module] = []
    for before, after in ((3, width), (width, 2 * width), (2 * width, 4 * width), (4 * width, 8 * width)):
        layers.append(nn.Conv2d(before, after, 4, 2, 1, bias=False))
        if after < 8 * width:
            layers.append(nn.GroupNorm(after // 4, after))
        layers.append(nn.LeakyReLU(0.2, inplace=True))
    return [*layers, nn.Conv2d(8 * width, out, 4, bias=False), nn.ReLU(inplace=True)]


class EncoderDecoder(nn.Module):
    """netD and netA: network1 image B x 3 x 64 x 64 -> code B x C x 1 x 1, network2 code -> map B x out x 64 x 64."""

    def __init__(self, width: int, code: int, out: int):
        super().__init__()
        self.network1 = nn.Sequential(*_encoder(width, code))
        layers = [nn.ConvTranspose2d(code, 8 * width, 4, bias=False), nn.ReLU(inplace=True)]
        layers += [_convolution(8 * width, 8 * width, 3), nn.ReLU(inplace=True)]
        for after in (4 * width, 2 * width, width):
            layers += _doubled(2 * after, after) + _normed(_convolution(after, after, 3), after)
        layers += [nn.Upsample(scale_factor=2)]
        layers += _normed(_convolution(width, width, 3), width) + _normed(_convolution(width, width, 5), width)
        self.network2 = nn.Sequential(*layers, _convolution(width, out, 5))


class Regressor(nn.Module):
    """netV and netL: B x 3 x 64 x 64 -> B x out, before tanh."""

    def __init__(self, width: int, out: int):
        super().__init__()
        layers: list[nn.Module] = []
        for before, after in ((3, width), (width, 2 * width), (2 * width, 4 * width), (4 * width, 8 * width)):
            layers += [nn.Conv2d(before, after, 4, 2, 1, bias=False), nn.ReLU(inplace=True)]
        layers += [nn.Conv2d(8 * width, 8 * width, 4, bias=False), nn.ReLU(inplace=True)]
        self.network = nn.Sequential(*layers, _convolution(8 * width, out, 1))

    def forward(self, image: Tensor) -> Tensor:
        """Regress B x out numbers from images B x 3 x 64 x 64."""
        return self.network(image).flatten(1)


class ConfidenceNet(nn.Module):
    """netC: B x 3 x 64 x 64 -> maps B x 2 x 64 x 64 (pixels) and B x 2 x 16 x 16 (features), before softplus."""

    def __init__(self, width: int):
        super().__init__()
        code = 2 * width
        layers = [*_encoder(width, code), nn.ConvTranspose2d(code, 8 * width, 4, bias=False), nn.ReLU(inplace=True)]
        self.network = nn.Sequential(*layers, *_doubled(8 * width, 4 * width), *_doubled(4 * width, 2 * width))
        self.out_net1 = nn.Sequential(*_doubled(2 * width, width), *_doubled(width, width), _convolution(width, 2, 5))
        self.out_net2 = nn.Sequential(_convolution(2 * width, 2, 3))

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Compute the maps of pixels and of features from images B x 3 x 64 x 64."""
        trunk = self.network(image)
        return self.out_net1(trunk), self.out_net2(trunk)


class PaperAutoencoder(ModelMixin, ConfigMixin):
    """Unsup3D's networks in the role of `Autoencoder`, at 64 px.

    Args:
        width: channels at half the size (64 in the release; a multiple of 8).
        code: length of the shape and texture codes, which are non-negative.
        max_angle: bound of the view in degrees, in Unsup3D's own axes: with 60 about each axis at once our yaw
            reaches 75.
        max_shift: bound of the view in scene units.
    """

    @register_to_config
    def __init__(self, width: int = 64, code: int = 256, max_angle: float = 60.0, max_shift: float = 0.1):
        super().__init__()
        if width < 8 or width % 8:
            raise ValueError(f"width must be a multiple of 8, not {width}")
        self.netD = EncoderDecoder(width, code, 1)
        self.netA = EncoderDecoder(width, code, 3)
        self.netL = Regressor(width // 2, 4)
        self.netV = Regressor(width // 2, 6)
        self.netC = ConfidenceNet(width)

    @property
    def size(self) -> int:
        """Side of images and maps in pixels."""
        return SIDE

    def encode(self, image: Tensor) -> Codes:
        """Encode images.

        Args:
            image: B x 3 x 64 x 64 in [-1, 1] (the standard crop).

        Raises:
            ValueError: the images are of another size.
        """
        if image.shape[-2:] != (SIDE, SIDE):
            raise ValueError(f"the model takes {SIDE} x {SIDE} crops, not {tuple(image.shape[-2:])}")
        view, light = self.netV(image).float().tanh(), self.netL(image).float().tanh()
        angles = view_from_axis_angles(view[:, :3] * self.config["max_angle"])
        shift = view[:, 3:5] * self.config["max_shift"]
        return Codes(
            self.netD.network1(image).flatten(1).float(),
            self.netA.network1(image).flatten(1).float(),
            torch.cat([angles, shift, torch.zeros_like(shift[:, :1])], 1),
            torch.cat([light[:, :2] / 2 + 0.5, light[:, 2:]], 1),
        )

    def decode(self, codes: Codes) -> Scene:
        """Decode codes to depth B x 64 x 64 and albedo B x 3 x 64 x 64, with the codes' view and light."""
        raw = self.netD.network2(codes.shape[..., None, None])[:, 0].float()
        albedo = self.netA.network2(codes.texture[..., None, None]).float().tanh()
        return Scene(clamp_border(depth_from_raw(raw)), albedo, codes.view, codes.light, raw)

    def confidences(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Predict log scales of the pixel loss, B x 2 x 64 x 64, and of the feature loss, B x 2 x 16 x 16.

        Channel 0 is for the plain, 1 for the mirrored reconstruction.
        """
        pixels, features = ((F.softplus(x.float()) + EPSILON).log() for x in self.netC(image))
        return pixels, features

    def confidence(self, image: Tensor) -> Tensor:
        """Predict log scales of the pixel loss, B x 2 x 64 x 64: channel 0 plain, 1 mirrored."""
        return self.confidences(image)[0]

    def forward(self, image: Tensor, features: bool = False) -> tuple:
        """Compute codes, scene and log confidence in one pass, so that data-parallel wrappers see every parameter.

        Args:
            image: B x 3 x 64 x 64 in [-1, 1].
            features: append the log scales of the feature loss as a fourth.
        """
        codes = self.encode(image)
        confidences = self.confidences(image)
        return codes, self.decode(codes), *confidences[: 2 if features else 1]


class PaperDenoiser(Standardized, ModelMixin, ConfigMixin):
    """The authors' denoisers in the role of `Denoiser`: netED of shape, netEA of texture, each blind to the other.

    They are diffusers' UNet2DModel on 1 x 1 maps and hold the published keys; `mean` and `std` lie beside them and
    leave the code as it is unless they are set: the authors diffuse raw codes.

    Args:
        code: length of shape and texture code together.
        widths: of the two, channels of every block, 128 in the release, 1024 in the authors' training script; multiples
            of 32 from 64. Each of the 32 norm groups sees one pixel: of one channel it passes nothing, of two hardly
            more than the sign, so train from 128.
    """

    @register_to_config
    def __init__(self, code: int = 512, widths: tuple[int, int] = (128, 128)):
        super().__init__()
        if wrong := [width for width in widths if width < 64 or width % 32]:
            raise ValueError(f"a width must be a multiple of 32 from 64, not {wrong[0]}")
        self.netED, self.netEA = (
            UNet2DModel(
                sample_size=1,
                in_channels=code,
                out_channels=code // 2,
                layers_per_block=2,
                block_out_channels=(width,),
                down_block_types=("DownBlock2D",),
                up_block_types=("UpBlock2D",),
            )
            for width in widths
        )
        self.register_scale(code)

    def forward(self, sample: Tensor, timestep: Tensor, condition: Tensor) -> Tensor:
        """Predict the clean sample.

        Args:
            sample: B x C standardised, noisy.
            timestep: B in [0, 1000).
            condition: B x C standardised, the frame's own code.

        Returns:
            B x C standardised.
        """
        halves = zip((self.netED, self.netEA), sample.chunk(2, 1), condition.chunk(2, 1), strict=True)
        found = [
            net(torch.cat([noisy, own], 1)[..., None, None], timestep).sample.flatten(1) for net, noisy, own in halves
        ]
        return torch.cat(found, 1)
