"""MobileStyleGAN (Belousov 2021, arXiv:2104.04767) in torch, with the weights that the wheel `random-face` ships.

The wheel holds two OpenVINO IR files (a graph as XML, its constants as one binary): the mapping network and the
synthesis network, distilled from StyleGAN2 on FFHQ. The graph is regular, so the modules below spell it out and take
its constants by name; a test compares their pictures with what OpenVINO makes of the same files. The synthesis network
(section 3): features at 4 px, then seven levels that each double the side by an inverse Haar transform of the channels
and apply two depthwise-separable convolutions; every step is scaled by a style, an affine function of w. The wheel kept
the image head of the last level only (12 wavelet channels at 512 px, a picture of 1024 px); a `Reading` reads 512 px
off the level before.
"""

from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

LEVELS = 7
SLOPE = 0.2
"""Of every leaky ReLU in both networks."""


class IRError(ValueError):
    """Report an IR file that is not that of random-face 2021.7.21.1."""


def read_constants(path: str | Path) -> list[tuple[str, Tensor]]:
    """Read the float32 constants of an OpenVINO IR file.

    Args:
        path: the graph, NAME.xml; its binary lies beside it.

    Returns:
        (name, tensor) of each, in graph order.

    Raises:
        FileNotFoundError: one of the files is missing.
        IRError: the two files do not belong together.
    """
    path = Path(path)
    data, found = path.with_suffix(".bin").read_bytes(), []
    for layer in ElementTree.parse(path).getroot().iter("layer"):
        element = layer.find("data")
        about = {} if element is None else element.attrib
        if layer.get("type") != "Const" or about.get("element_type") != "f32":
            continue
        name, shape = layer.get("name", ""), [int(side) for side in about["shape"].split(",") if side.strip()]
        count, start = int(np.prod(shape)), int(about["offset"])
        if int(about["size"]) != 4 * count or start + 4 * count > len(data):
            raise IRError(f"{path.name}: constant {name} does not lie in its binary")
        array = np.frombuffer(data, "<f4", count, start).reshape(shape)
        found.append((name, torch.from_numpy(array.copy())))
    return found


class Constants:
    """Constants of the synthesis network, taken by name or by their distance from a named one.

    Args:
        path: of the graph, as read_constants takes it.
    """

    def __init__(self, path: str | Path):
        self.path, self.all = Path(path), read_constants(path)
        self.index = {name: i for i, (name, _) in enumerate(self.all)}

    def __call__(self, name: str, shape: tuple[int, ...], after: int = 0) -> Tensor:
        """Return the constant `after` places behind `name`; raises IRError where its shape is another."""
        found = self.all[self.index[name] + after][1] if name in self.index else torch.empty(0)
        if found.shape != torch.Size(shape):
            raise IRError(f"{self.path.name}: {name} + {after} is {tuple(found.shape)}, not {shape}")
        return found


class Affine(nn.Module):
    """Scales of C channels from a style: w B x 512 -> B x C x 1 x 1."""

    def __init__(self, constants: Constants, name: str, channels: int, scale: bool = True):
        super().__init__()
        weight = constants(f"{name}.modulation.weight", (channels, 512))
        bias = constants(f"{name}.modulation.bias", (1, channels))
        factor = constants(f"{name}.modulation.bias", (1, 1, 1, 1), after=1) if scale else torch.ones(1)
        self.weight, self.bias = nn.Parameter(weight * factor.flatten()), nn.Parameter(bias[0] * factor.flatten())

    def forward(self, w: Tensor) -> Tensor:
        """Return the scales: w B x 512 -> B x C x 1 x 1."""
        return F.linear(w, self.weight, self.bias)[:, :, None, None]


class Separable(nn.Module):
    """Scale, depthwise 3x3, pointwise 1x1, fixed noise, leaky ReLU: B x C x S x S -> B x D x S x S."""

    def __init__(self, constants: Constants, name: str, channels: int, out: int, side: int):
        super().__init__()
        self.affine = Affine(constants, f"{name}.conv", channels)
        depth = f"{name}.conv.weight_dw"
        self.depthwise = nn.Parameter(constants(depth, (channels, 1, 1, 3, 3))[:, 0])
        self.pointwise = nn.Parameter(constants(depth, (out, channels, 1, 1), after=1))
        self.noise = nn.Parameter(constants(depth, (1, 1, side, side), after=2))
        self.bias = nn.Parameter(constants(f"{name}.bias", (1, out, 1, 1)).flatten())

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """Apply it to x B x C x S x S with the style w B x 512."""
        x = F.conv2d(x * self.affine(w), self.depthwise, padding=1, groups=x.shape[1])
        return F.leaky_relu_(F.conv2d(x, self.pointwise, self.bias).add_(self.noise), SLOPE)


def inverse_haar(x: Tensor) -> Tensor:
    """Invert the Haar transform: B x 4C x S x S -> B x C x 2S x 2S. Channels: C low ones, then three bands of each."""
    batch, channels, side, width = x.shape
    low, bands = x[:, : channels // 4], x[:, channels // 4 :].reshape(batch, channels // 4, 3, side, width)
    vertical, horizontal, both = bands.unbind(2)
    sums, differences = (low + vertical, horizontal + both), (low - vertical, horizontal - both)
    rows = [torch.stack([a + b, a - b], dim=-1) for a, b in (sums, differences)]  # B x C x S x S x 2
    return torch.stack(rows, dim=3).flatten(4).flatten(2, 3) * 0.5


class Level(nn.Module):
    """One doubling: B x 4C x S/2 x S/2 -> B x D x S x S."""

    def __init__(self, constants: Constants, index: int, channels: int, out: int):
        super().__init__()
        name, side = f"m.layers.{index}", 8 * 2**index
        self.up = Affine(constants, f"{name}.up", 4 * channels, scale=False)
        self.first = Separable(constants, f"{name}.conv1", channels, out, side)
        self.second = Separable(constants, f"{name}.conv2", out, out, side)

    def forward(self, x: Tensor, styles: Tensor) -> Tensor:
        """Double x B x 4C x S/2 x S/2 with styles B x 3 x 512: B x D x S x S."""
        x = inverse_haar(x * self.up(styles[:, 0]))
        return self.second(self.first(x, styles[:, 1]), styles[:, 2])


class Head(nn.Module):
    """Reads a picture off the features of a level: B x C x S x S -> B x 3 x 2S x 2S, through 12 wavelet channels."""

    def __init__(self, channels: int):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.zeros(12, channels, 1, 1)), nn.Parameter(torch.zeros(12))
        self.modulation = nn.Parameter(torch.zeros(channels, 512))
        self.scale = nn.Parameter(torch.ones(channels))

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """Read x B x C x S x S with the style w B x 512: B x 3 x 2S x 2S."""
        x = x * F.linear(w, self.modulation, self.scale)[:, :, None, None]
        return inverse_haar(F.conv2d(x, self.weight, self.bias))


class Reading(nn.Module):
    """Reads a picture off an early level: B x C x S x S -> B x 3 x 2S x 2S, for a third of the whole network's time.

    A linear map of the features and of the features as the next level would scale them, to 12 wavelet channels; fitted
    by `fit_reading`, for the wheel left out the heads of all levels but the last. Right in form and grain, off in
    colour by what a linear map can't know.

    Args:
        weight: 12 x 2C.
        bias: 12.
    """

    LEVELS = 6

    def __init__(self, weight: Tensor, bias: Tensor):
        super().__init__()
        self.weight, self.bias = nn.Parameter(weight, requires_grad=False), nn.Parameter(bias, requires_grad=False)

    def forward(self, x: Tensor, scale: Tensor) -> Tensor:
        """Read x B x C x S x S with the scale of the next level's Affine (B x C x 1 x 1): B x 3 x 2S x 2S."""
        batch, channels = x.shape[:2]
        plain, scaled = self.weight.split(channels, dim=1)
        weight = plain + scaled * scale.reshape(batch, 1, channels)
        bands = torch.baddbmm(self.bias[None, :, None], weight, x.flatten(2))
        return inverse_haar(bands.unflatten(2, x.shape[2:]))


def wavelets(pictures: Tensor) -> Tensor:
    """Apply the Haar transform, the inverse of inverse_haar: B x C x 2S x 2S -> B x 4C x S x S."""
    upper, lower = pictures[..., ::2, :], pictures[..., 1::2, :]
    (low, horizontal), (vertical, both) = (
        (rows[..., ::2] + rows[..., 1::2], rows[..., ::2] - rows[..., 1::2]) for rows in (upper + lower, upper - lower)
    )
    return torch.cat([low, torch.stack([vertical, horizontal, both], dim=2).flatten(1, 2)], dim=1) * 0.5


class Generator(nn.Module):
    """The mapping and the synthesis network.

    Args:
        folder: where MappingNetwork.xml/.bin and SynthesisNetwork.xml/.bin lie.

    Raises:
        FileNotFoundError or IRError.

    Attributes:
        sides: side in pixels of the feature map that each style row scales, coarse to fine; 23 integers.
    """

    sides = np.array([4, *(side for level in range(LEVELS) for side in (4 * 2**level, *[8 * 2**level] * 2)), 512])

    def __init__(self, folder: str | Path):
        super().__init__()
        mapping = [value for _, value in read_constants(Path(folder) / "MappingNetwork.xml")]
        weights, biases = ([v for v in mapping if v.shape == shape] for shape in ((512, 512), (512,)))
        if len(weights) != 8 or len(biases) != 8:
            raise IRError("MappingNetwork.xml: not eight layers")
        self.mapping_weights, self.mapping_biases = nn.ParameterList(weights), nn.ParameterList(biases)
        constants = Constants(Path(folder) / "SynthesisNetwork.xml")
        self.start = nn.Parameter(constants("m.input.input", (1, 512, 4, 4)))
        self.affine = Affine(constants, "m.conv1.conv", 512)
        self.conv = nn.Parameter(constants("m.input.input", (512, 512, 3, 3), after=1))
        self.noise = nn.Parameter(constants("m.input.input", (1, 1, 4, 4), after=2))
        self.bias = nn.Parameter(constants("m.conv1.bias", (1, 512, 1, 1)).flatten())
        widths = [512, 512, 512, 512, 512, 256, 128, 64]
        self.levels = nn.ModuleList(Level(constants, i, widths[i] // 4, widths[i + 1]) for i in range(LEVELS))
        self.head = Head(64)
        affine = Affine(constants, "m.layers.6.to_img.conv", 64)
        self.head.modulation, self.head.scale = affine.weight, affine.bias
        self.head.weight = nn.Parameter(constants("m.layers.6.to_img.conv.weight", (12, 64, 1, 1)))
        self.head.bias = nn.Parameter(constants("m.layers.6.to_img.bias", (1, 12, 1, 1)).flatten())
        self.requires_grad_(False)

    def mapping(self, z: Tensor) -> Tensor:
        """Map z (N x 512, standard normal) to w N x 512."""
        x = z * torch.rsqrt(z.square().mean(1, keepdim=True) + 1e-8)
        for weight, bias in zip(self.mapping_weights, self.mapping_biases, strict=True):
            x = F.leaky_relu(F.linear(x, weight, bias), SLOPE) * 2**0.5
        return x

    def features(self, styles: Tensor, levels: int = LEVELS) -> Tensor:
        """Return the features after so many levels: B x C x S x S, S = 4 * 2^levels. styles: B x 23 x 512."""
        x = F.conv2d(self.start * self.affine(styles[:, 0]), self.conv, self.bias, padding=1)
        x = F.leaky_relu_(x.add_(self.noise), SLOPE)
        for i, level in enumerate(self.levels[:levels]):
            x = level(x, styles[:, 1 + 3 * i : 4 + 3 * i])
        return x

    def small(self, styles: Tensor, reading: Reading) -> Tensor:
        """Read pictures B x 3 x 512 x 512 off level 6, near [-1, 1]. styles: B x 23 x 512."""
        return reading(self.features(styles, reading.LEVELS), self.scale_above(styles, reading.LEVELS))

    def scale_above(self, styles: Tensor, levels: int) -> Tensor:
        """Return the scales B x C x 1 x 1 of the level after so many. styles: B x 23 x 512."""
        level = self.levels[levels]
        assert isinstance(level, Level)
        return level.up(styles[:, 1 + 3 * levels])

    def forward(self, styles: Tensor) -> Tensor:
        """Draw pictures B x 3 x 1024 x 1024, RGB, near [-1, 1], framed as FFHQ. styles: B x 23 x 512, a row a layer."""
        return self.head(self.features(styles), styles[:, -1])
