"""A decoded face as a textured mesh for 3D viewers (GLB), cut at the head's outline."""

from functools import partial
from typing import Any, cast

import numpy as np
import torch
import torch.nn.functional as F
import trimesh
from PIL import Image
from trimesh.exchange.gltf import export_glb
from trimesh.visual import TextureVisuals
from trimesh.visual.material import PBRMaterial

from latentface.camera import apply_view, normals_from_depth, rotation, unproject
from latentface.codes import Scene
from latentface.outline import outline
from latentface.pictures import PNG_LEVEL
from latentface.rasterizer import grid_faces

UNITS = 10.0
"""glTF units a scene unit: the face becomes about two units wide."""
CUT = 0.5
"""What belongs to the head by less than this (see outline.outline) is not in the mesh."""
UNLIT = "KHR_materials_unlit"
"""The glTF extension by which a viewer shows colours as they are."""
AXES = (UNITS, -UNITS, -UNITS)
"""From the scene's axes to glTF's: x right, y up, z towards the viewer."""


def face_mesh(
    scene: Scene, index: int = 0, yaw: float = 0.0, texture: int = 512, relightable: bool = False
) -> trimesh.Trimesh:
    """Build the canonical face of one scene as a textured mesh.

    Args:
        scene: of B faces.
        index: which of them.
        yaw: degrees by which the mesh is turned for the viewer (positive: to the image's right).
        texture: side of the picture in pixels.
        relightable: whether the colours are the face's own (albedo), for a program that lights the mesh itself, or
            those of the face under the scene's light.

    Returns:
        The mesh in glTF's axes: x right, y up, z towards the viewer, the turning point at the origin. What lies
        outside the head is transparent in the texture, and triangles wholly outside are left out.
    """
    depth = scene.depth[index : index + 1]
    size, head = depth.shape[-1], outline(depth)[0]
    view = depth.new_tensor([[yaw, 0, 0, 0, 0, 0]])
    points = apply_view(unproject(depth), view)[0].reshape(-1, 3) - depth.new_tensor([0, 0, 1])
    normals = normals_from_depth(depth)[0].reshape(-1, 3) @ rotation(view)[0].T
    axis = (np.arange(size) * (texture - 1) / (size - 1) + 0.5) / texture
    u, v = np.meshgrid(axis, 1 - axis)
    # seen from the front, counter-clockwise in x right, y up is the grid's a, c, b
    faces = grid_faces(size, size)[:, [0, 2, 1]]
    used, faces = np.unique(_numbers(faces[(head.reshape(-1)[faces] >= CUT).any(-1)]), return_inverse=True)
    image = texture_picture(scene, index, texture, relightable)
    material = PBRMaterial(
        baseColorTexture=image, metallicFactor=0.0, roughnessFactor=0.9, doubleSided=True, alphaMode="MASK",
        alphaCutoff=CUT,
    )  # fmt: skip
    return trimesh.Trimesh(
        vertices=_numbers(points * depth.new_tensor(AXES))[used],
        vertex_normals=_numbers(normals * depth.new_tensor(AXES) / UNITS)[used],
        faces=faces.reshape(-1, 3),
        visual=TextureVisuals(uv=np.stack([u, v], -1).reshape(-1, 2)[used], material=material),
        process=False,
    )


def texture_picture(scene: Scene, index: int, size: int, relightable: bool) -> Image.Image:
    """Draw a face's texture, RGBA, size x size pixels; arguments as of `face_mesh`."""
    colours = scene.albedo if relightable else scene.canonical
    head = outline(scene.depth[index : index + 1])[:, None]
    layers = [
        F.interpolate(m, (size, size), mode="bicubic", align_corners=True) for m in (colours[[index]], head * 2 - 1)
    ]
    pixels = ((torch.cat(layers, 1)[0].detach().cpu().clamp(-1, 1) + 1) * 127.5).round()
    near = F.interpolate(F.max_pool2d((head > 0).float(), 5, 1, 2), (size, size))[0, 0].cpu() > 0
    if near.any():  # one colour where no viewer looks: a third less to compress
        pixels[:3, ~near] = pixels[:3, near].mean(1, keepdim=True).round()
    return Image.fromarray(pixels.byte().permute(1, 2, 0).numpy(), "RGBA")


def glb(scene: Scene, index: int = 0, yaw: float = 0.0, relightable: bool = False) -> bytes:
    """Write the mesh of `face_mesh` as the bytes of a GLB file.

    Colours under the scene's light are marked as not to be lit again; where a viewer does not know the mark, it lights
    them.
    """
    mesh = face_mesh(scene, index, yaw, relightable=relightable)
    picture: Any = cast(Any, mesh.visual).material.baseColorTexture
    picture.save = partial(picture.save, compress_level=PNG_LEVEL)
    return export_glb(trimesh.Scene(mesh), include_normals=True, tree_postprocessor=None if relightable else _unlit)


def _unlit(tree: dict) -> None:
    """Mark every material of a glTF tree as not to be lit."""
    tree["extensionsUsed"] = [*tree.get("extensionsUsed", []), UNLIT]
    for material in tree["materials"]:
        material["extensions"] = {UNLIT: {}}


def _numbers(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().cpu().numpy()
