"""All that the model makes of one face as one picture: a captioned sheet."""

import io
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from latentface.codes import Codes, Scene
from latentface.pictures import depth_picture, normal_picture, picture
from latentface.pipeline import LatentFacePipeline

COLUMNS, GAP, CAPTION = 5, 12, 30
"""Pictures side by side; pixels between them; pixels below each for its caption."""
PAPER, INK = (250, 250, 249), (41, 37, 36)
TURNED = "As turned and lit"
"""Caption of the face at the view and light of the stage."""
CLAY = (0.68, 0.6, 0.52)
"""Colour of the clay, in [-1, 1]."""
CLAY_LIGHT = (0.3, 0.75)
"""Ambient and diffuse light that clay is shown in; its direction is the scene's."""


def clay(scene: Scene) -> Scene:
    """Give a scene the colour of clay, so that its shape alone is seen."""
    light = scene.light.clone()
    light[:, :2] = light.new_tensor(CLAY_LIGHT)
    albedo = scene.albedo.new_tensor(CLAY)[None, :, None, None].expand_as(scene.albedo)
    return replace(scene, albedo=albedo, light=light)


def layers(
    pipeline: LatentFacePipeline, crop: Tensor, codes: Codes, scene: Scene, size: int = 256
) -> dict[str, np.ndarray]:
    """Draw every layer of a face.

    Args:
        pipeline: The model.
        crop: 1 x 3 x S x S in [-1, 1], what it saw.
        codes: Batch of one.
        scene: The decoded codes, at the view and light to show.
        size: Side of the pictures in pixels.

    Returns:
        Caption -> uint8 size x size x 3.
    """
    own = replace(scene, view=codes.view, light=codes.light)
    rebuilt, small = own.render()[0], own.render(crop.shape[-1])[0]
    net = pipeline.warp_picture(codes, size)
    neutral = pipeline.decode_fine(pipeline.neutral(codes))
    return {
        "Photo": picture(crop[0], size),
        "Rebuilt": picture(rebuilt[0], size),
        TURNED: picture(scene.render(size)[0][0]),
        "Colour": picture(scene.albedo[0], size),
        "Depth": picture(depth_picture(scene.depth)[0], size),
        "Normals": picture(normal_picture(scene.depth)[0], size),
        "Clay": picture(clay(scene).canonical[0], size),
        **({} if net is None else {"Layout": picture(net[0])}),
        "Neutral": picture(neutral.canonical[0], size),
        "Error": picture(((small.clamp(-1, 1) - crop).abs().mean(1, keepdim=True) - 1).expand(-1, 3, -1, -1)[0], size),
    }


def sheet(pictures: Mapping[str, np.ndarray]) -> bytes:
    """Lay captioned pictures out as one PNG file.

    Args:
        pictures: Caption -> uint8 size x size x 3, all of one size.
    """
    size = next(iter(pictures.values())).shape[0]
    rows = -(-len(pictures) // COLUMNS)
    page = Image.new("RGB", (COLUMNS * (size + GAP) + GAP, rows * (size + CAPTION + GAP) + GAP), PAPER)
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(16)
    for number, (caption, pixels) in enumerate(pictures.items()):
        left, top = GAP + number % COLUMNS * (size + GAP), GAP + number // COLUMNS * (size + CAPTION + GAP)
        page.paste(Image.fromarray(pixels), (left, top))
        draw.text((left + size / 2, top + size + CAPTION / 2), caption, INK, font, anchor="mm")
    buffer = io.BytesIO()
    page.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()
