"""A decoded face as a textured mesh for 3D viewers (GLB)."""

import io

import numpy as np
import torch.nn.functional as F
import trimesh
from PIL import Image
from trimesh.visual import TextureVisuals
from trimesh.visual.material import PBRMaterial

from latentface.camera import apply_view, unproject
from latentface.codes import Scene
from latentface.rasterizer import grid_faces

UNITS = 10.0
"""glTF units a scene unit: the face becomes about two units wide."""


def face_mesh(scene: Scene, index: int = 0, yaw: float = 0.0, texture: int = 512) -> trimesh.Trimesh:
    """Build the canonical face of one scene as a textured mesh.

    Args:
        scene: of B faces.
        index: which of them.
        yaw: degrees by which the mesh is turned for the viewer (positive: to the image's right).
        texture: side of the picture in pixels.

    Returns:
        The mesh in glTF's axes: x right, y up, z towards the viewer, the turning point at the origin.
    """
    depth = scene.depth[index : index + 1]
    size = depth.shape[-1]
    view = depth.new_tensor([[yaw, 0, 0, 0, 0, 0]])
    points = apply_view(unproject(depth), view)[0].reshape(-1, 3) - depth.new_tensor([0, 0, 1])
    points = (points * depth.new_tensor([UNITS, -UNITS, -UNITS])).detach().cpu().numpy()
    canonical = F.interpolate(
        scene.canonical[index : index + 1], size=(texture, texture), mode="bicubic", align_corners=True
    )
    pixels = ((canonical[0].detach().cpu().clamp(-1, 1) + 1) * 127.5).round().byte().permute(1, 2, 0).numpy()
    axis = (np.arange(size) * (texture - 1) / (size - 1) + 0.5) / texture
    u, v = np.meshgrid(axis, 1 - axis)
    image = Image.fromarray(pixels)
    # the colours are lit already: the viewer shows them as they are (emissive) and adds no light of its own
    material = PBRMaterial(
        baseColorTexture=image, baseColorFactor=[0, 0, 0, 255], emissiveTexture=image, emissiveFactor=[1.0, 1.0, 1.0],
        metallicFactor=0.0, roughnessFactor=1.0, doubleSided=True,
    )  # fmt: skip
    visual = TextureVisuals(uv=np.stack([u, v], -1).reshape(-1, 2), material=material)
    # seen from the front, counter-clockwise in x right, y up is the grid's a, c, b
    faces = grid_faces(size, size).numpy()[:, [0, 2, 1]]
    return trimesh.Trimesh(vertices=points, faces=faces, visual=visual, process=False)


def glb(scene: Scene, index: int = 0, yaw: float = 0.0) -> bytes:
    """Write the mesh of `face_mesh` as the bytes of a GLB file."""
    buffer = io.BytesIO()
    face_mesh(scene, index, yaw).export(buffer, file_type="glb")
    return buffer.getvalue()
