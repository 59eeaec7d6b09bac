"""Contact sheets of a model: what it makes of some photos, to be looked at while it trains."""

from dataclasses import replace

import torch
from PIL import Image
from torch import Tensor

from latentface.autoencoder import Autoencoder
from latentface.paper import PaperAutoencoder
from latentface.pictures import depth_picture, normal_picture
from latentface.rendering import render
from latentface.shading import shade

TURNS = (-45.0, -20.0, 20.0, 45.0)
"""Yaw in degrees of the turned views."""


def tile(rows: list[Tensor], scale: int = 2) -> Image.Image:
    """Put rows of pictures together as one image.

    Args:
        rows: N x 3 x S x S in [-1, 1] each.
        scale: how many times the image is enlarged.

    Returns:
        The image.
    """
    table = torch.cat([torch.cat(list(row.detach().float().cpu()), -1) for row in rows], -2)
    array = ((table.clamp(-1, 1) + 1) * 127.5).round().byte().permute(1, 2, 0).numpy()
    image = Image.fromarray(array)
    return image.resize((image.width * scale, image.height * scale), Image.Resampling.BICUBIC)


@torch.no_grad()
def autoencoder_sheet(model: Autoencoder | PaperAutoencoder, images: Tensor) -> Image.Image:
    """Draw what an autoencoder makes of photos, a column a photo.

    Rows: photo, reconstruction, canonical, albedo, depth, normals, plain shape under a side light, turned views.

    Args:
        model: an Autoencoder or PaperAutoencoder.
        images: N x 3 x S x S in [-1, 1].

    Returns:
        The sheet.
    """
    scene = model.decode(model.encode(images))
    side_light = images.new_tensor([[0.2, 0.9, 0.7, 0.3]]).expand(len(images), -1)
    clay = shade(torch.zeros_like(images) + 0.3, scene.depth, side_light)
    rows = [images, scene.render()[0], scene.canonical, scene.albedo]
    rows += [depth_picture(scene.depth), normal_picture(scene.depth), clay]
    for yaw in TURNS:
        view = scene.view.new_tensor([yaw, 0, 0, 0, 0, 0]).expand(len(images), -1)
        rows.append(render(scene.canonical, scene.depth, view)[0])
    return tile(rows)


@torch.no_grad()
def mixing_sheet(model: Autoencoder, images: Tensor, count: int = 6) -> Image.Image:
    """Draw photos with other photos' expression: a person's own codes, the other's in the expression subspace.

    Args:
        model: an Autoencoder.
        images: N x 3 x S x S in [-1, 1]; the first `count` stand down the side, the last along the top.
        count: the most people on a side.

    Returns:
        The sheet: photo and reconstruction of each person, then the mixtures.
    """
    count = min(count, len(images))
    codes = model.encode(images)
    blank = torch.ones_like(images[:1])
    rows = [torch.cat([blank, blank, images[-count:]])]
    for i in range(count):
        own = codes[[i] * count]
        mixed = {
            kind: torch.where(model.expression_mask(kind), getattr(codes, kind)[-count:], getattr(own, kind))
            for kind in ("shape", "texture")
        }
        drawn = model.decode(replace(own, **mixed)).render()[0]
        rows.append(torch.cat([images[i : i + 1], model.decode(codes[i : i + 1]).render()[0], drawn]))
    return tile(rows, max(1, 128 // model.size))
