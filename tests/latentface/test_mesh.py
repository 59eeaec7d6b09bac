"""The mesh as 3D viewers get it: read back from the GLB's bytes."""

import io
import json
import struct
from typing import Any

import numpy as np
import pytest
import torch
import trimesh

from latentface.autoencoder import Scene
from latentface.camera import normals_from_depth, unproject
from latentface.mesh import CUT, UNITS, face_mesh, glb, texture_picture
from latentface.outline import outline
from tests.helpers import tiny_scene

SIZE = 16


@pytest.fixture
def scene() -> Scene:
    """Albedo with a red top left, green top right, blue bottom left and white bottom right quarter, lit evenly."""
    scene = tiny_scene(SIZE)
    half = SIZE // 2
    scene.albedo = torch.ones(1, 3, SIZE, SIZE)
    for rows, columns, kept in (
        (slice(half), slice(half), 0),
        (slice(half), slice(half, None), 1),
        (slice(half, None), slice(half), 2),
    ):
        scene.albedo[:, [c for c in range(3) if c != kept], rows, columns] = -1
    scene.light = torch.tensor([[1.0, 0.0, 0.0, 0.0]])
    return scene


def load(data: bytes) -> Any:
    """The mesh of a GLB file, a trimesh.Trimesh with a texture."""
    loaded: Any = trimesh.load(io.BytesIO(data), file_type="glb", process=False)
    (mesh,) = loaded.geometry.values()
    return mesh


def tree(data: bytes) -> dict:
    """The JSON of a GLB file."""
    return json.loads(data[20 : 20 + struct.unpack("<I", data[12:16])[0]])


def raw_accessor(data: bytes, name: str) -> np.ndarray:
    """An attribute of the first primitive, read from the file's bytes by the glTF specification."""
    assert data[:4] == b"glTF"
    length = struct.unpack("<I", data[12:16])[0]
    described, binary = tree(data), data[20 + length + 8 :]
    accessor = described["accessors"][described["meshes"][0]["primitives"][0]["attributes"][name]]
    view = described["bufferViews"][accessor["bufferView"]]
    columns = {"VEC2": 2, "VEC3": 3}[accessor["type"]]
    start = view.get("byteOffset", 0) + accessor.get("byteOffset", 0)
    return np.frombuffer(binary, "<f4", accessor["count"] * columns, start).reshape(-1, columns)


def places(uv: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of the depth map that texture coordinates (v from the bottom) belong to."""
    columns = (uv[:, 0] * 512 - 0.5) / 511 * (SIZE - 1)
    rows = ((1 - uv[:, 1]) * 512 - 0.5) / 511 * (SIZE - 1)
    np.testing.assert_allclose([rows, columns], np.round([rows, columns]), atol=1e-3)
    return rows.round().astype(int), columns.round().astype(int)


def test_the_mesh_ends_at_the_heads_outline(scene):
    mesh, head = load(glb(scene)), outline(scene.depth)[0].numpy()
    rows, columns = places(np.asarray(mesh.visual.uv))
    kept = np.zeros_like(head, bool)
    kept[rows, columns] = True
    assert 0.2 < kept.mean() < 0.8
    assert kept[head >= CUT].all() and not kept[[0, 0, -1, -1], [0, -1, 0, -1]].any()
    assert (head[rows, columns][mesh.faces].max(-1) >= CUT).all()  # no triangle wholly outside
    texture = np.asarray(mesh.visual.material.baseColorTexture)
    assert texture.shape == (512, 512, 4) and texture[0, 0, 3] < 5 and texture[256, 256, 3] > 250


def test_vertices_are_the_depth_map_seen_from_the_front(scene):
    mesh = load(glb(scene))
    rows, columns = places(np.asarray(mesh.visual.uv))
    expected = (unproject(scene.depth)[0].numpy() - [0, 0, 1]) * [UNITS, -UNITS, -UNITS]
    np.testing.assert_allclose(mesh.vertices, expected[rows, columns], atol=1e-5)
    nose = np.asarray(mesh.vertices)[:, 2].argmax()
    assert rows[nose] in (7, 8) and columns[nose] in (7, 8)  # it comes to the viewer


def test_normals_are_the_surfaces(scene):
    data = glb(scene)
    rows, columns = places(np.asarray(load(data).visual.uv))
    expected = normals_from_depth(scene.depth)[0].numpy() * [1, -1, -1]
    np.testing.assert_allclose(raw_accessor(data, "NORMAL"), expected[rows, columns], atol=1e-4)


def test_texture_is_upright(scene):
    mesh = load(glb(scene))
    picture = np.asarray(mesh.visual.material.baseColorTexture.convert("RGB"))
    vertices = np.asarray(mesh.vertices)
    for right, up, colour in (
        (-1, 1, (255, 0, 0)),
        (1, 1, (0, 255, 0)),
        (-1, -1, (0, 0, 255)),
        (1, -1, (255, 255, 255)),
    ):
        corner = (vertices[:, 0] * right + vertices[:, 1] * up).argmax()
        column, row = mesh.visual.uv[corner, 0] * 512 - 0.5, (1 - mesh.visual.uv[corner, 1]) * 512 - 0.5
        np.testing.assert_allclose(picture[round(row), round(column)], colour, atol=8)


def test_texture_coordinates_in_the_file_count_from_the_top(scene):
    """glTF 2.0, 3.9.1: (0, 0) is the picture's upper left corner."""
    data = glb(scene)
    positions, uv = raw_accessor(data, "POSITION"), raw_accessor(data, "TEXCOORD_0")
    assert uv[positions[:, 1].argmax(), 1] < 0.35 and uv[positions[:, 1].argmin(), 1] > 0.65
    assert uv[positions[:, 0].argmin(), 0] < 0.35 and uv[positions[:, 0].argmax(), 0] > 0.65


def material(data: bytes) -> dict:
    (found,) = tree(data)["materials"]
    return found


@pytest.mark.parametrize("relightable", [False, True])
def test_no_viewer_shows_a_black_face(scene, relightable):
    """The colours are the base colour, whatever extensions and emissive light a viewer knows."""
    data = glb(scene, relightable=relightable)
    base = material(data)["pbrMetallicRoughness"]
    assert "baseColorTexture" in base and base.get("baseColorFactor", [1, 1, 1, 1]) == [1, 1, 1, 1]
    assert base["metallicFactor"] == 0
    assert ("KHR_materials_unlit" in material(data).get("extensions", {})) == (not relightable)
    assert ("KHR_materials_unlit" in tree(data).get("extensionsUsed", [])) == (not relightable)


def test_a_mesh_to_be_lit_elsewhere_has_no_light_in_its_colours(scene):
    scene.light = torch.tensor([[0.3, 0.7, 1.0, 0.0]])
    lit, own = (np.asarray(texture_picture(scene, 0, 64, choice)).astype(float) for choice in (False, True))
    assert np.ptp(own[40:52, 36:52, :3]) < 2  # white, where the light scene is darker to the one side
    assert lit[40:52, 36:52, :3].mean() < own[40:52, 36:52, :3].mean() - 40


@pytest.mark.parametrize("depth", ["bump", "flat"])
def test_front_faces_run_counter_clockwise(scene, depth):
    if depth == "flat":
        scene.depth = torch.ones_like(scene.depth)
    mesh = load(glb(scene))
    a, b, c = (np.asarray(mesh.vertices)[mesh.faces[:, i]] for i in range(3))
    assert (np.cross(b - a, c - a)[:, 2] > 0).all()


def test_yaw_turns_it_to_the_right(scene):
    front, turned = np.asarray(load(glb(scene)).vertices), np.asarray(load(glb(scene, yaw=25)).vertices)
    s, c = np.sin(np.radians(25)), np.cos(np.radians(25))
    np.testing.assert_allclose(turned, front @ np.array([[c, 0, -s], [0, 1, 0], [s, 0, c]]), atol=1e-5)
    nose = front[:, 2].argmax()
    assert turned[nose, 0] > front[nose, 0] + 0.1


def test_one_scene_of_a_batch(scene):
    other = tiny_scene(SIZE)
    depth, albedo, view, light = (
        torch.cat([getattr(s, name) for s in (other, scene)]) for name in ("depth", "albedo", "view", "light")
    )
    both = Scene(depth, albedo, view, light)
    both.depth[0] += 0.01
    assert glb(both, 1) == glb(scene) != glb(both, 0)


def test_scene_with_gradients(scene):
    scene.depth.requires_grad_()
    assert len(face_mesh(scene, texture=32).vertices) == len(load(glb(scene)).vertices)


def test_what_no_viewer_shows_has_one_colour_and_little_bytes():
    scene = tiny_scene(48)
    scene.albedo = torch.rand(1, 3, 48, 48, generator=torch.Generator().manual_seed(0)) * 2 - 1
    picture, head = np.asarray(texture_picture(scene, 0, 96, True)), outline(scene.depth)[0].numpy() > 0
    far = ~np.array([[head[max(r - 3, 0) : r + 4, max(c - 3, 0) : c + 4].any() for c in range(48)] for r in range(48)])
    unseen = picture[far.repeat(2, 0).repeat(2, 1)]
    assert len(unseen) > 50 and (unseen[:, :3] == unseen[0, :3]).all() and (unseen[:, 3] == 0).all()
    assert np.ptp(picture[44:52, 44:52, 0].astype(int)) > 50
