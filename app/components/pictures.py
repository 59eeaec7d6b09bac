"""Pictures on the page: model outputs as captioned HTML figures, inline, so that nothing touches a disk."""

from __future__ import annotations

import base64
import html
import io

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from app.whole_files import write_whole
from latentface.codes import Codes, Scene
from latentface.mesh import glb
from latentface.pcl import PCL
from latentface.pictures import depth_picture, normal_picture, picture
from latentface.pipeline import LatentFacePipeline

SIDE = 256
"""Side in pixels of small pictures."""
LARGE = 448
"""Side in pixels of the picture that follows the sliders."""
GROUND = (231, 229, 228)
"""Colour behind a turned face."""
VIEWER_YAW = 25.0
"""Degrees by which the face is turned when the 3D viewer opens."""


def uri(image: np.ndarray) -> str:
    """Write an image as a data address that fits into src="".

    Args:
        image: uint8 H x W x 3.
    """
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=90)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()


def figure(image: np.ndarray, caption: str, detail: str = "") -> str:
    """Write one captioned picture as HTML.

    Args:
        image: uint8 H x W x 3.
        caption: Plain text below it.
        detail: Plain text that the pointer shows and a screen reader says; the caption where empty.
    """
    text, title = html.escape(caption), html.escape(detail or caption)
    return f'<figure><img src="{uri(image)}" alt="{title}" title="{title}"><figcaption>{text}</figcaption></figure>'


def strip(*figures: str, large: bool = False, paired: bool = False) -> str:
    """Put figures side by side; on a narrow screen they wrap.

    Args:
        figures: As `figure` writes them.
        large: Whether they are few and big.
        paired: Whether each two belong together and stay beside each other on a narrow screen.
    """
    return f'<div class="strip{" large" * large}{" paired" * paired}">{"".join(figures)}</div>'


def front(scene: Scene, size: int = SIDE) -> np.ndarray:
    """Draw the face from the front under its own light, uint8 size x size x 3."""
    return picture(scene.canonical[0], size)


def seen(scene: Scene, size: int = SIDE) -> np.ndarray:
    """Draw the face at its own view and light on a plain ground, uint8 size x size x 3."""
    image, mask = scene.render(size)
    ground = Image.new("RGB", (size, size), GROUND)
    stencil = Image.fromarray(mask[0, 0].numpy() > 0)
    return np.asarray(Image.composite(Image.fromarray(picture(image[0])), ground, stencil))


def anatomy(
    pipeline: LatentFacePipeline, crop: Tensor, codes: Codes, scene: Scene, size: int = SIDE
) -> dict[str, tuple[np.ndarray, str, str]]:
    """Draw all that the model makes of one crop.

    Args:
        pipeline: The model.
        crop: 1 x 3 x S x S in [-1, 1].
        codes: Of this crop, batch of one.
        scene: The decoded codes.
        size: Side of the pictures in pixels.

    Returns:
        Name -> picture (uint8 size x size x 3), caption, explanation.
    """
    net = pipeline.warp_picture(codes, size)
    normals = "Which way the surface faces: red right, green up"
    neutral = "From the front, without its expression: the identity part alone"
    layout = "A net that is even on the average face, bent to where this face's features lie"
    return {
        "crop": (picture(crop[0], size), "What it sees", "The photo, cut to the standard crop the model is fed"),
        "reconstruction": (seen(scene, size), "Its reconstruction", "The 3D face, drawn at the photo's view and light"),
        "albedo": (picture(scene.albedo[0], size), "Colour", "Albedo: the face's own colour without light and shadow"),
        "depth": (picture(depth_picture(scene.depth)[0], size), "Depth", "Depth map from the front: near is bright"),
        "normals": (picture(normal_picture(scene.depth)[0], size), "Normals", normals),
        **({} if net is None else {"layout": (picture(net[0]), "Layout", layout)}),
        "neutral": (front(neutral_scene(pipeline, codes), size), "Neutral", neutral),
    }  # fmt: skip


def mesh_file(scene: Scene, yaw: float = VIEWER_YAW, name: str = "face") -> str:
    """Write the face as GLB into gradio's cache, which is emptied by age.

    Args:
        scene: Batch of one.
        yaw: Degrees by which the face is turned.
        name: The file's stem.

    Returns:
        The file's path.
    """
    return write_whole(glb(scene, yaw=yaw), f"{name}.glb")


def neutral_scene(pipeline: LatentFacePipeline, codes: Codes, seed: int = 0) -> Scene:
    """Decode the face without its expression."""
    return pipeline.decode_fine(pipeline.neutral(codes, seed))


@torch.no_grad()
def pose_pictures(pcl: PCL, face: Tensor, pose: Tensor, size: int = SIDE) -> dict[str, np.ndarray]:
    """Draw one face at another's pose, and what tells how far to trust it.

    Args:
        pcl: The model.
        face: The face's crop, 1 x 3 x S x S in [-1, 1].
        pose: The pose's crop, of the same shape.
        size: Side of the pictures in pixels.

    Returns:
        Name -> uint8 size x size x 3: the swap, both crops, both rebuilt from their own pose, and the face at the pose
        of its mirror image.
    """
    shown = {
        "swap": pcl.swap(face, pose),
        "face": face,
        "pose": pose,
        "face_rebuilt": pcl.swap(face, face),
        "pose_rebuilt": pcl.swap(pose, pose),
        "mirrored_pose": pcl.swap(face, face.flip(-1)),
    }
    return {name: picture(image[0], size) for name, image in shown.items()}
