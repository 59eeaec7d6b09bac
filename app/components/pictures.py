"""Pictures on the page: model outputs as captioned HTML figures whose image travels inline, so nothing touches a disk."""

from __future__ import annotations

import base64
import html
import io

import gradio as gr
import numpy as np
from PIL import Image
from torch import Tensor

from latentface.autoencoder import Codes, Scene
from latentface.mesh import glb
from latentface.pipeline import LatentFacePipeline
from latentface.pictures import depth_picture, normal_picture, picture

SIDE = 256
"""Side in pixels of small pictures."""
LARGE = 448
"""Side in pixels of the picture that follows the sliders."""
GROUND = (231, 229, 228)
"""Colour behind a turned face."""
VIEWER_YAW = 25.0
"""Degrees by which the face is turned when the 3D viewer opens."""


def uri(image: np.ndarray) -> str:
    """uint8 H x W x 3 as a data address that fits into src=""."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=90)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()


def figure(image: np.ndarray, caption: str, detail: str = "") -> str:
    """One captioned picture as HTML; `detail` is what the pointer shows and a screen reader says."""
    text, title = html.escape(caption), html.escape(detail or caption)
    return f'<figure><img src="{uri(image)}" alt="{title}" title="{title}"><figcaption>{text}</figcaption></figure>'


def strip(*figures: str, large: bool = False) -> str:
    """Figures side by side; on a narrow screen they wrap."""
    return f'<div class="strip{" large" if large else ""}">{"".join(figures)}</div>'


def front(scene: Scene, size: int = SIDE) -> np.ndarray:
    """The face from the front under its own light, size x size x 3."""
    return picture(scene.canonical[0], size)


def seen(scene: Scene, size: int = SIDE) -> np.ndarray:
    """The face at its own view and light on a plain ground, size x size x 3."""
    image, mask = scene.render(size)
    ground = Image.new("RGB", (size, size), GROUND)
    stencil = Image.fromarray(mask[0, 0].numpy() > 0)
    return np.asarray(Image.composite(Image.fromarray(picture(image[0])), ground, stencil))


def anatomy(
    pipeline: LatentFacePipeline, crop: Tensor, codes: Codes, scene: Scene, size: int = SIDE
) -> dict[str, tuple[np.ndarray, str, str]]:
    """All that the model makes of one crop (1 x 3 x S x S): name -> picture, caption and explanation."""
    net = pipeline.warp_picture(codes, size)
    layout = "A net that is even on the average face, bent to where this face's features lie"
    return {
        "crop": (picture(crop[0], size), "What it sees", "The photo, cut to the standard crop the model is fed"),
        "reconstruction": (seen(scene, size), "Its reconstruction", "The 3D face, drawn at the photo's view and light"),
        "albedo": (picture(scene.albedo[0], size), "Colour", "Albedo: the face's own colour, light and shadow taken off"),
        "depth": (picture(depth_picture(scene.depth)[0], size), "Depth", "Depth map from the front: near is bright"),
        "normals": (picture(normal_picture(scene.depth)[0], size), "Normals", "Which way the surface faces: red right, green up"),
        **({} if net is None else {"layout": (picture(net[0]), "Layout", layout)}),
        "neutral": (
            front(neutral_scene(pipeline, codes), size), "Neutral", "From the front, without its expression: the identity part alone"
        ),
    }  # fmt: skip


def mesh_file(scene: Scene, yaw: float = VIEWER_YAW, name: str = "face") -> str:
    """Writes the face as GLB into gradio's cache, which is emptied by age, and returns the path."""
    return gr.processing_utils.save_bytes_to_cache(glb(scene, yaw=yaw), f"{name}.glb", gr.utils.get_upload_folder())


def neutral_scene(pipeline: LatentFacePipeline, codes: Codes, seed: int = 0) -> Scene:
    """The decoded face without its expression."""
    return pipeline.decode(pipeline.neutral(codes, seed))
