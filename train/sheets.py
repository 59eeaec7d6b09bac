"""Contact sheets: what a model makes of some photos, to be looked at."""

from pathlib import Path

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from latentface.rendering import depth_picture, normal_picture, render, shade

from .shards import read_shards

TURNS = (-45.0, -20.0, 20.0, 45.0)
"""Yaw in degrees of the turned views."""


def tile(rows: list[Tensor], scale: int = 2) -> Image.Image:
    """Rows of pictures (each N x 3 x S x S in [-1, 1]) as one image, enlarged `scale` times."""
    table = torch.cat([torch.cat(list(row.detach().float().cpu()), -1) for row in rows], -2)
    array = ((table.clamp(-1, 1) + 1) * 127.5).round().byte().permute(1, 2, 0).numpy()
    image = Image.fromarray(array)
    return image.resize((image.width * scale, image.height * scale), Image.Resampling.BICUBIC)


@torch.no_grad()
def autoencoder_sheet(model, images: Tensor) -> Image.Image:
    """Rows: photo, reconstruction, canonical, albedo, depth, normals, plain shape under a side light, turned views.

    images: N x 3 x S x S in [-1, 1].
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


def shards_sheet(folder: Path, clips: int = 16, size: int = 96) -> Image.Image:
    """The first clips of a shards folder, one a row, frames along it."""
    data = read_shards(folder, size)
    rows = []
    for person in data.person.unique(sorted=True)[:clips]:
        frames = (data.person == person).nonzero().flatten()[:8]
        images = data.centre(frames, size)
        rows.append(F.pad(images, (0,) * 7 + (8 - len(images),), value=1.0))
    return tile(rows, 1)
