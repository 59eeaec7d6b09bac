"""Stage 1: the 3D-aware autoencoder of one face (LatentFace, section 3.1; networks after Unsup3D).

A photo becomes codes of shape and texture plus view and light; the codes decode to canonical depth and albedo. Two
families of networks play the same five roles: `paper` is Unsup3D's, key for key as the authors published its weights;
`explorer` is ours: residual-free strided encoders with linear codes and light decoders that start from a bump.
"""

from dataclasses import dataclass, fields, replace

import torch
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
import torch.nn.functional as F
from torch import Tensor, nn

from .geometry import BORDER_DEPTH, FAR, NEAR, pixel_grid
from .rendering import render, shade


@dataclass
class Codes:
    """What one photo is to the model; every field is a float tensor with the batch first."""

    shape: Tensor
    """B x 256 code of the canonical depth."""
    texture: Tensor
    """B x 256 code of the albedo."""
    view: Tensor
    """B x 6: yaw (+ looks to the image's right), pitch (+ up), roll (+ clockwise) in degrees; x, y, z in scene units."""
    light: Tensor
    """B x 4: ambient and diffuse in [0, 1]; x and y of the direction in which the light travels, in [-1, 1]."""

    def __getitem__(self, index) -> "Codes":
        return Codes(**{f.name: getattr(self, f.name)[index] for f in fields(self)})

    def to(self, *args) -> "Codes":
        return Codes(**{f.name: getattr(self, f.name).to(*args) for f in fields(self)})


@dataclass
class Scene:
    """A decoded face: everything needed to draw it."""

    depth: Tensor
    """B x S x S canonical depth in [0.9, 1.1]."""
    albedo: Tensor
    """B x 3 x S x S in [-1, 1]."""
    view: Tensor
    """B x 6, see Codes."""
    light: Tensor
    """B x 4, see Codes."""
    raw_depth: Tensor | None = None
    """B x S x S before tanh; training keeps it small."""

    shading_gradient: float = 1.0
    """Share of the shading's gradient that reaches depth."""
    softness: int = 1
    """Side in pixels of the squares that depth is averaged over before light falls on it (see shade)."""

    @property
    def canonical(self) -> Tensor:
        """The shaded face from the front, B x 3 x S x S."""
        depth = self.depth
        if self.shading_gradient < 1:
            depth = self.shading_gradient * depth + (1 - self.shading_gradient) * depth.detach()
        return shade(self.albedo, depth, self.light, self.softness)

    def render(self, size: int | None = None) -> tuple[Tensor, Tensor]:
        """The picture at the scene's view, B x 3 x size x size in about [-1, 1], and its mask B x 1 x size x size."""
        return render(self.canonical, self.depth, self.view, size)

    def half(self) -> "Scene":
        """The same face with maps of half the size."""
        smaller = F.avg_pool2d(torch.cat([self.depth[:, None], self.albedo], 1), 2)
        return replace(self, depth=smaller[:, 0], albedo=smaller[:, 1:], softness=max(1, self.softness // 2))

    def flip(self) -> "Scene":
        """The mirrored face under the same view and light (Unsup3D, "Symmetric images")."""
        return replace(self, depth=self.depth.flip(-1), albedo=self.albedo.flip(-1))


def _norm(channels: int) -> nn.GroupNorm:
    return nn.GroupNorm(max(1, channels // 8), channels)


VIEW_MIRROR = (-1, 1, -1, -1, 1, 1)
"""What mirroring a picture does to yaw, pitch, roll, x, y, z."""
LIGHT_MIRROR = (1, 1, -1, 1)
"""What mirroring a picture does to ambient, diffuse, x, y."""
COARSE = 64
"""Largest side at which the encoders look at a picture and the coarse maps are laid out; a bigger model adds what is finer."""


def _equivariant(network: nn.Module, image: Tensor, mirror: tuple[int, ...]) -> Tensor:
    """The network's tanh, averaged over the image and its mirror image so that mirroring changes it by `mirror` exactly.

    Without it a whole run can settle on faces that all look, and are all lit, to one side.
    """
    straight, mirrored = network(torch.cat([image, image.flip(-1)])).float().tanh().chunk(2)
    return (straight + mirrored * mirrored.new_tensor(mirror)) / 2


class Encoder(nn.Sequential):
    """Strided convolutions from size to 4 x 4, then one valid 4 x 4 convolution to a vector: B x 3 x S x S -> B x out."""

    def __init__(self, size: int, base: int, out: int):
        layers: list[nn.Module] = []
        channels, width = 3, base
        while size > 4:
            layers += [nn.Conv2d(channels, width, 4, 2, 1, bias=False), _norm(width), nn.LeakyReLU(0.2, inplace=True)]
            channels, width, size = width, min(2 * width, 8 * base), size // 2
        super().__init__(*layers, nn.Conv2d(channels, out, 4), nn.Flatten())


class Decoder(nn.Module):
    """A code to a map: B x C -> B x out x S x S.

    Doubles by nearest upsampling and two 3 x 3 convolutions up to half the size, where the map has `base` channels;
    the last doubling is bilinear for a `smooth` map (depth, confidence), nearest and convolved for a sharp one (albedo).
    Beyond 64 px the 64 px map is enlarged and `finer` adds detail to it, nothing at first, so that a trained small
    decoder is a big one's start.
    """

    def __init__(self, size: int, base: int, code: int, out: int, smooth: bool):
        super().__init__()
        coarse = min(size, COARSE)
        widths = [base]
        while 8 << len(widths) <= coarse:
            widths.insert(0, min(2 * widths[0], 4 * base))
        layers: list[nn.Module] = [nn.Linear(code, 16 * widths[0]), nn.Unflatten(1, (widths[0], 4, 4)), nn.SiLU()]
        for before, after in zip(widths, widths[1:]):
            layers += [nn.Upsample(scale_factor=2), nn.Conv2d(before, after, 3, 1, 1, bias=False), _norm(after), nn.SiLU()]
            layers += [nn.Conv2d(after, after, 3, 1, 1, bias=False), _norm(after), nn.SiLU()]
        if not smooth:
            layers += [nn.Conv2d(base, base // 2, 3, 1, 1), nn.SiLU(), nn.Upsample(scale_factor=2)]
            layers += [nn.Conv2d(base // 2, base // 2, 3, 1, 1), nn.SiLU()]
        self.trunk = nn.Sequential(*layers)
        features = base if smooth else base // 2
        self.head = nn.Conv2d(features, out, 3, 1, 1)
        # linear between samples, depth has creases that shading shows: beyond 64 px, where they would be two pixels apart, cubic
        self.last = nn.Upsample(scale_factor=2, mode="bilinear" if size <= COARSE else "bicubic") if smooth else nn.Identity()
        self.finer = None
        if size > COARSE:
            detail = [nn.Conv2d(features, 32, 3, 1, 1), nn.SiLU(), nn.Conv2d(32, 32, 3, 1, 1), nn.SiLU()]
            if smooth:
                last = nn.Conv2d(16, out, 3, 1, 1)
                detail += [nn.Upsample(scale_factor=2), nn.Conv2d(32, 16, 3, 1, 1), nn.SiLU(), last]
                detail += [nn.Upsample(scale_factor=2, mode="bicubic")]
            else:  # convolutions at the full size would cost as much as all the rest
                last = nn.Conv2d(32, 4 * out, 3, 1, 1)
                detail += [last, nn.PixelShuffle(2)]
            self.finer = nn.Sequential(*detail)
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)
        if smooth:  # depth starts as its prior, confidence flat
            nn.init.normal_(self.head.weight, std=1e-3)
        nn.init.zeros_(self.head.bias)

    def forward(self, code: Tensor) -> Tensor:
        features = self.trunk(code)
        coarse = self.last(self.head(features).float())
        if self.finer is None:
            return coarse
        return F.interpolate(coarse, scale_factor=2, mode="bicubic") + self.finer(features).float()


class ConfidenceNet(nn.Sequential):
    """Log scales of the pixel loss: B x 3 x S x S -> B x 2 x S x S (plain, mirrored)."""

    def __init__(self, size: int, base: int):
        super().__init__(Encoder(size, base, 64), Decoder(size, base, 64, 2, smooth=True))
        nn.init.constant_(self[1].head.bias, -1.5)


class Autoencoder(ModelMixin, ConfigMixin):
    """The 3D-aware autoencoder.

    size: side of images and maps in pixels (a power of two from 16 to 128); the encoders see at most 64. encoder_base, shape_base, texture_base: channels
    at half the size of the encoders and of the two decoders. small_base: the same for view, light and confidence.
    code: length of the shape and texture codes. max_angle in degrees, max_shift in scene units bound the view. bump:
    height of the smooth bump that depth starts from, before tanh: convex from the first step, and too soft to be
    mistaken for shading. softness: side in pixels of the squares of depth that light falls on: with 1, the finest relief
    paints eyes and mouths in shadows; with more, they have to be albedo, and relief is what turning the head shows.
    """

    @register_to_config
    def __init__(
        self,
        size: int = 64,
        encoder_base: int = 40,
        shape_base: int = 32,
        texture_base: int = 48,
        small_base: int = 16,
        code: int = 256,
        max_angle: float = 60.0,
        max_shift: float = 0.1,
        bump: float = 0.6,
        softness: int = 1,
    ):
        super().__init__()
        if not 16 <= size <= 2 * COARSE or size & (size - 1):
            raise ValueError(f"size must be 16, 32, 64 or 128, not {size}")
        seen = min(size, COARSE)
        self.shape_encoder = Encoder(seen, encoder_base, code)
        self.texture_encoder = Encoder(seen, encoder_base, code)
        self.shape_decoder = Decoder(size, shape_base, code, 1, smooth=True)
        self.texture_decoder = Decoder(size, texture_base, code, 3, smooth=False)
        self.view_net = Encoder(seen, small_base, 6)
        self.light_net = Encoder(seen, small_base, 4)
        self.confidence_net = ConfidenceNet(seen, small_base)
        for net, scale in ((self.view_net, 0.1), (self.light_net, 0.1)):
            nn.init.normal_(net[-2].weight, std=scale / (net[-2].in_channels * 16) ** 0.5)
            nn.init.zeros_(net[-2].bias)
        with torch.no_grad():  # ambient 0.7, diffuse 0.35: shading must not paint the picture before albedo can
            self.light_net[-2].bias[:2] = torch.tensor([0.4, -0.3]).atanh()
        squared = pixel_grid(size).mul(torch.tensor([1.2, 1.0])).pow(2).sum(-1)
        self.register_buffer("prior", -bump * torch.exp(-squared / 0.5), persistent=False)
        self.learned = 1.0
        """Share of the learned depth on top of the bump, and of the shading's gradient; the trainer raises it from 0."""

    @property
    def size(self) -> int:
        return self.config.size

    def encode(self, image: Tensor) -> Codes:
        """Codes of images B x 3 x S x S in [-1, 1] (the standard crop). Raises ValueError for another size."""
        if image.shape[-2:] != (self.size, self.size):
            raise ValueError(f"the model takes {self.size} x {self.size} crops, not {tuple(image.shape[-2:])}")
        image = self._seen(image)
        view, light = _equivariant(self.view_net, image, VIEW_MIRROR), _equivariant(self.light_net, image, LIGHT_MIRROR)
        degrees, shift = view[:, :3] * self.config.max_angle, view[:, 3:5] * self.config.max_shift
        return Codes(
            self.shape_encoder(image).float(),
            self.texture_encoder(image).float(),
            torch.cat([degrees, shift, torch.zeros_like(shift[:, :1])], 1),
            torch.cat([light[:, :2] / 2 + 0.5, light[:, 2:]], 1),
        )

    def decode(self, codes: Codes) -> Scene:
        """The canonical face of codes: depth B x S x S, albedo B x 3 x S x S, with the codes' view and light."""
        raw = self.shape_decoder(codes.shape)[:, 0].float()
        depth = depth_from_raw(self.learned * raw + self.prior)
        albedo = self.texture_decoder(codes.texture).float().tanh()
        return Scene(depth, albedo, codes.view, codes.light, raw, self.learned, self.config.softness)

    def confidence(self, image: Tensor) -> Tensor:
        """Log scales of the pixel loss, B x 2 x S x S: channel 0 for the plain, 1 for the mirrored reconstruction."""
        scales = self.confidence_net(self._seen(image)).float()
        return scales if self.size <= COARSE else F.interpolate(scales, scale_factor=2, mode="bilinear")

    def _seen(self, image: Tensor) -> Tensor:
        """The picture as the encoders look at it."""
        return image if self.size <= COARSE else F.avg_pool2d(image, self.size // COARSE)

    def forward(self, image: Tensor) -> tuple[Codes, Scene, Tensor]:
        """Codes, scene and log confidence in one pass, so that data-parallel wrappers see every parameter."""
        codes = self.encode(image)
        return codes, self.decode(codes), self.confidence(image)


def depth_from_raw(raw: Tensor) -> Tensor:
    """Unsup3D's depth without its clamped border: B x S x S of any range to canonical depth in [0.9, 1.1]."""
    raw = raw - raw.mean((1, 2), keepdim=True)
    return (FAR + NEAR) / 2 + (FAR - NEAR) / 2 * raw.tanh()


def clamp_border(depth: Tensor) -> Tensor:
    """Depth B x S x S with its two outer columns on either side at 1.04, as Unsup3D has it."""
    border = torch.zeros_like(depth[:1])
    border[..., :2] = border[..., -2:] = 1
    return depth * (1 - border) + BORDER_DEPTH * border
