"""Random views of faces for contrastive training, a batch at a time: box, mirror, blur and colour.

Box, resizing, antialiasing, mirroring and blur are linear and separable: together they are one matrix along x and one
along y for every image. Brightness, contrast, saturation, hue and grey are one 3 x 3 matrix and an offset.

A box is a row of three: centre x, centre y and half side in units of half the standard crop, the half side negative
for a mirrored view; the whole crop is (0, 0, 1).
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from train.data.shards import MARGIN

LUMA = (0.299, 0.587, 0.114)


@dataclass
class Colours:
    """Strength of colour changes: torchvision's ColorJitter in fixed order, then grey."""

    brightness: float = 0.8
    contrast: float = 0.8
    saturation: float = 0.8
    hue: float = 0.2
    """In turns of the colour wheel; the others are factors from 1 - x to 1 + x."""
    jitter: float = 0.8
    """Share of images whose colours change."""
    grey: float = 0.2
    """Share of images that turn grey."""
    blur: float = 0.8
    """Share of images that are blurred, by 0.1 to 1.5 pixels."""


def boxes(centre: Tensor, half: Tensor, mirrored: Tensor) -> Tensor:
    """Put boxes together.

    Args:
        centre: B x 2, x and y.
        half: B, half sides.
        mirrored: B bool.

    Returns:
        B x 3.
    """
    return torch.cat([centre, torch.where(mirrored, -half, half)[:, None]], 1)


def _matrix(centre: Tensor, half: Tensor, blur: Tensor, size: int, side: int) -> Tensor:
    """Return B x size x side weights of every stored pixel (along one axis) in every pixel of a view; rows sum to 1.

    Every row is a triangle whose standard deviation is `blur` pixels of the view and a little more against aliasing.
    """
    places = (torch.arange(size, device=centre.device) + 0.5) / size * 2 - 1
    at = (centre[:, None] + half[:, None] * places) / MARGIN * side / 2 + side / 2 - 0.5
    scale = half.abs() / MARGIN * side / size
    reach = 6**0.5 * torch.hypot((0.3 * scale).clamp(min=0.42), blur * scale)
    distance = (torch.arange(side, device=centre.device) - at[:, :, None]).abs() / reach[:, None, None]
    weights = (1 - distance).relu_()
    return weights / weights.sum(-1, keepdim=True)


def resample(stored: Tensor, box: Tensor, blur: Tensor, size: int) -> Tensor:
    """Cut views out of stored frames.

    Whole numbers up to 255 are exact in bfloat16; the result is good to about a grey level.

    Args:
        stored: B x 3 x P x P uint8 with margin, as Clips holds them.
        box: B x 3.
        blur: B, standard deviation in pixels of the view.
        size: side of the views.

    Returns:
        B x 3 x size x size in [0, 255], bfloat16.
    """
    count, side = len(stored), stored.shape[-1]
    across = _matrix(box[:, 0], box[:, 2], blur, size, side).bfloat16()
    down = _matrix(box[:, 1], box[:, 2].abs(), blur, size, side).bfloat16()
    narrow = stored.bfloat16().reshape(count, 3 * side, side) @ across.mT
    return down[:, None] @ narrow.view(count, 3, side, size)


def recolour(image: Tensor, factors: Tensor, grey: Tensor) -> Tensor:
    """Change the colours of images; hue is turned about the grey axis.

    Args:
        image: B x 3 x H x W in [0, 255].
        factors: B x 4, brightness, contrast, saturation (1 leaves as is) and hue in turns (0 leaves as is).
        grey: B bool.

    Returns:
        B x 3 x H x W in [-1, 1].
    """
    brightness, contrast, saturation, hue = factors.unbind(1)
    luma = torch.tensor(LUMA, device=image.device)
    one, to_grey = torch.eye(3, device=image.device), luma.expand(3, 3)
    cross = torch.tensor([[0.0, -1, 1], [1, 0, -1], [-1, 1, 0]], device=image.device) / 3**0.5
    angle = 2 * torch.pi * hue[:, None, None]
    turn = angle.cos() * one + (1 - angle.cos()) / 3 + angle.sin() * cross
    keep = torch.where(grey, 0.0, saturation)[:, None, None]
    matrix = turn @ (keep * one + (1 - keep) * to_grey)
    mean = image.float().mean((2, 3)) @ luma
    offset = (1 - contrast) * brightness * mean
    changed = (matrix * (contrast * brightness)[:, None, None]).to(image.dtype) @ image.flatten(2)
    return ((changed.view_as(image) + offset[:, None, None, None]).clamp(0, 255) / 127.5 - 1).contiguous(
        memory_format=torch.channels_last
    )


def view(stored: Tensor, box: Tensor, size: int, colours: Colours | None, generator: torch.Generator) -> Tensor:
    """Draw one random view of every stored frame.

    Args:
        stored: B x 3 x P x P uint8 with margin.
        box: B x 3.
        size: side of the views.
        colours: how colours vary; None leaves colours and sharpness alone.
        generator: on the CPU; draws the same number of values whatever comes out.

    Returns:
        B x 3 x size x size in [-1, 1].
    """
    count, device = len(stored), stored.device
    draw = torch.rand(count, 8, generator=generator).to(device)
    if colours is None:
        blur, factors, grey = draw.new_zeros(count), draw.new_tensor([[1.0, 1, 1, 0]]).expand(count, -1), draw[:, 0] < 0
    else:
        spread = draw.new_tensor([colours.brightness, colours.contrast, colours.saturation, colours.hue])
        changed = (draw[:, 4:5] < colours.jitter) * spread * (2 * draw[:, :4] - 1)
        factors, grey = changed + draw.new_tensor([1.0, 1, 1, 0]), draw[:, 5] < colours.grey
        blur = (draw[:, 6] < colours.blur) * (0.1 + 1.4 * draw[:, 7])
    return recolour(resample(stored, box.to(device), blur, size), factors, grey)


def near_whole(
    count: int, generator: torch.Generator, shift: float = 0.08, scale: tuple[float, float] = (0.95, 1.1)
) -> Tensor:
    """Draw boxes B x 3 about the whole standard crop, as face detectors differ, mirrored by chance."""
    draw = torch.rand(count, 4, generator=generator)
    half = scale[0] + (scale[1] - scale[0]) * draw[:, 0]
    return boxes((2 * draw[:, 2:] - 1) * shift, half, draw[:, 1] < 0.5)


def quadrants(count: int, generator: torch.Generator, half: float = 0.4) -> tuple[Tensor, Tensor]:
    """Draw two boxes an image, B x 3 each, in two different quadrants: PCL's face crops, of half side `half`."""
    draw = torch.rand(count, 2, 3, generator=generator)
    first = torch.randint(4, (count,), generator=generator)
    second = (first + torch.randint(1, 4, (count,), generator=generator)) % 4
    parts = []
    for number, part in enumerate((first, second)):
        side = torch.stack([part % 2, part // 2], 1) * 2 - 1
        centre = side * 0.5 + (2 * draw[:, number, :2] - 1) * (0.5 - half)
        parts.append(boxes(centre, torch.full((count,), half), draw[:, number, 2] < 0.5))
    return parts[0], parts[1]


def crops(count: int, generator: torch.Generator, area: tuple[float, float]) -> Tensor:
    """Draw SimCLR's boxes, B x 3: squares of a random share of the crop's area, anywhere in it, mirrored by chance."""
    draw = torch.rand(count, 4, generator=generator)
    half = (area[0] + (area[1] - area[0]) * draw[:, 0]).sqrt()
    return boxes((2 * draw[:, 2:] - 1) * (1 - half)[:, None], half, draw[:, 1] < 0.5)
