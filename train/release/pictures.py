"""The README's pictures: gallery faces with all that the model draws of them, and a table of swaps."""

import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw
from torch import Tensor

from latentface.gallery import Gallery
from latentface.pictures import depth_picture, normal_picture
from latentface.pipeline import LatentFacePipeline
from latentface.rendering import render
from train.common.sheets import tile

SIDE = 128
"""Side of one face in the pictures, in pixels."""


def _photos(gallery: Gallery, indices: list[int]) -> Tensor:
    """Read the standard crops of gallery faces, N x 3 x SIDE x SIDE in [-1, 1]."""
    crops = [torch.tensor(gallery.crop(index, SIDE)).permute(2, 0, 1).float() / 127.5 - 1 for index in indices]
    return torch.stack(crops)


def _large(image: Tensor) -> Tensor:
    """Enlarge images B x 3 x S x S to SIDE."""
    return F.interpolate(image, size=(SIDE, SIDE), mode="bicubic").clamp(-1, 1)


def _labelled(sheet: Image.Image, labels: list[str]) -> Image.Image:
    """Put a line of text above every column of a sheet."""
    out = Image.new("RGB", (sheet.width, sheet.height + 22), "white")
    out.paste(sheet, (0, 22))
    draw = ImageDraw.Draw(out)
    for i, label in enumerate(labels):
        draw.text(((i + 0.5) * SIDE, 11), label, fill="black", anchor="mm", font_size=13)
    return out


def faces_picture(pipeline: LatentFacePipeline, gallery: Gallery, indices: list[int]) -> Image.Image:
    """Draw one face a row.

    Columns: photo, reconstruction, neutral face, albedo, displacement (of models that have one), depth, normals, and
    the face turned left and right.

    Args:
        pipeline: the checkpoint of the gallery's codes.
        gallery: the people.
        indices: faces of the gallery.

    Returns:
        The picture, with the columns' names above.
    """
    codes = gallery.codes[indices]
    scene = pipeline.decode_fine(codes)
    turned = [
        render(scene.canonical, scene.depth, scene.view.new_tensor([[yaw, 0, 0, 0, 0, 0]]).expand(len(indices), -1))[0]
        for yaw in (-35.0, 35.0)
    ]
    columns = {
        "reconstruction": scene.render()[0],
        "neutral": pipeline.decode_fine(pipeline.neutral(codes)).canonical,
        "albedo": scene.albedo,
        "layout": pipeline.warp_picture(codes, SIDE),
        "depth": depth_picture(scene.depth),
        "normals": normal_picture(scene.depth),
        "left": turned[0],
        "right": turned[1],
    }
    columns = {name: images for name, images in columns.items() if images is not None}
    table = torch.stack([_photos(gallery, indices), *map(_large, columns.values())], 1)
    return _labelled(tile(list(table), 1), ["photo", *columns])


def swaps_picture(
    pipeline: LatentFacePipeline, gallery: Gallery, identities: list[int], expressions: list[int]
) -> Image.Image:
    """Draw swaps from the front: identities down the side with their neutral faces, expressions along the top.

    Args:
        pipeline: the checkpoint of the gallery's codes.
        gallery: the people.
        identities: faces of the gallery.
        expressions: faces of the gallery.

    Returns:
        The picture, with the columns' names above.
    """
    blank = torch.ones(2, 3, SIDE, SIDE)
    rows = [torch.cat([blank, _photos(gallery, expressions)])]
    photos = _photos(gallery, identities)
    for number, index in enumerate(identities):
        person = gallery.codes[[index] * len(expressions)]
        swapped = pipeline.decode_fine(pipeline.swap(person, gallery.codes[expressions])).canonical
        neutral = pipeline.decode_fine(pipeline.neutral(person[:1])).canonical
        rows.append(torch.cat([photos[number : number + 1], _large(torch.cat([neutral, swapped]))]))
    return _labelled(tile(rows, 1), ["identity", "neutral", *["expression"] * len(expressions)])
