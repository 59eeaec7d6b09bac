"""The mesh as 3D viewers get it: read back from the GLB's bytes."""

import io
import json
import struct

import numpy as np
import pytest
import torch
import trimesh

from latentface.autoencoder import Scene
from latentface.camera import unproject
from latentface.mesh import UNITS, face_mesh, glb
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


def load(data: bytes) -> trimesh.Trimesh:
    loaded = trimesh.load(io.BytesIO(data), file_type="glb", process=False)
    (mesh,) = loaded.geometry.values()
    return mesh


def raw_accessor(data: bytes, name: str) -> np.ndarray:
    """An attribute of the first primitive, read from the file's bytes by the glTF specification."""
    assert data[:4] == b"glTF"
    length = struct.unpack("<I", data[12:16])[0]
    tree, binary = json.loads(data[20 : 20 + length]), data[20 + length + 8 :]
    accessor = tree["accessors"][tree["meshes"][0]["primitives"][0]["attributes"][name]]
    view = tree["bufferViews"][accessor["bufferView"]]
    columns = {"VEC2": 2, "VEC3": 3}[accessor["type"]]
    start = view.get("byteOffset", 0) + accessor.get("byteOffset", 0)
    return np.frombuffer(binary, "<f4", accessor["count"] * columns, start).reshape(-1, columns)


def test_counts(scene):
    mesh = load(glb(scene))
    assert mesh.vertices.shape == (SIZE * SIZE, 3) and mesh.faces.shape == (2 * (SIZE - 1) ** 2, 3)
    assert mesh.visual.uv.shape == (SIZE * SIZE, 2) and mesh.visual.uv.min() > 0 and mesh.visual.uv.max() < 1
    assert mesh.visual.material.baseColorTexture.size == (512, 512)


def test_vertices_are_the_depth_map_seen_from_the_front(scene):
    vertices = np.asarray(load(glb(scene)).vertices)
    expected = (unproject(scene.depth)[0].reshape(-1, 3).numpy() - [0, 0, 1]) * [UNITS, -UNITS, -UNITS]
    np.testing.assert_allclose(vertices, expected, atol=1e-5)
    top_left, top_right, bottom_left = vertices[0], vertices[SIZE - 1], vertices[-SIZE]
    assert top_left[0] < 0 < top_right[0] and bottom_left[1] < 0 < top_left[1]
    assert vertices[:, 2].argmax() in [SIZE * r + c for r in (7, 8) for c in (7, 8)]  # the nose comes to the viewer


def test_texture_is_upright(scene):
    mesh = load(glb(scene))
    uv, picture = np.asarray(mesh.visual.uv), np.asarray(mesh.visual.material.baseColorTexture.convert("RGB"))
    vertices = np.asarray(mesh.vertices)
    for right, up, colour in (
        (-1, 1, (255, 0, 0)),
        (1, 1, (0, 255, 0)),
        (-1, -1, (0, 0, 255)),
        (1, -1, (255, 255, 255)),
    ):
        corner = (vertices[:, 0] * right + vertices[:, 1] * up).argmax()
        column, row = uv[corner, 0] * 512 - 0.5, (1 - uv[corner, 1]) * 512 - 0.5  # trimesh counts v from the bottom
        np.testing.assert_allclose(picture[round(row), round(column)], colour, atol=3)
        assert min(abs(column), abs(column - 511)) < 1e-2 and min(abs(row), abs(row - 511)) < 1e-2


def test_texture_coordinates_in_the_file_count_from_the_top(scene):
    """glTF 2.0, 3.9.1: (0, 0) is the picture's upper left corner."""
    data = glb(scene)
    positions, uv = raw_accessor(data, "POSITION"), raw_accessor(data, "TEXCOORD_0")
    assert positions[0, 0] < 0 < positions[0, 1]
    np.testing.assert_allclose(uv[0], 0.5 / 512, atol=1e-5)
    np.testing.assert_allclose(uv[-1], 511.5 / 512, atol=1e-5)


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
    both = Scene(*(torch.cat([getattr(s, k) for s in (other, scene)]) for k in ("depth", "albedo", "view", "light")))
    both.depth[0] += 0.01
    assert glb(both, 1) == glb(scene) != glb(both, 0)


def test_scene_with_gradients(scene):
    scene.depth.requires_grad_()
    assert face_mesh(scene, texture=32).vertices.shape == (SIZE * SIZE, 3)
