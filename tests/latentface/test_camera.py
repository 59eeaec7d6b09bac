"""The camera's signs and inverses, and normals of surfaces whose normals are known."""

import importlib.util
import math
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pytorch3d.transforms import euler_angles_to_matrix as pytorch3d_euler

from latentface import camera as geometry
from latentface.camera import (
    BORDER_DEPTH,
    FAR,
    FIELD_OF_VIEW,
    HALF_WIDTH,
    NEAR,
    apply_view,
    normals_from_depth,
    pixel_grid,
    project,
    rolled,
    rotation,
    undo_view,
    unproject,
)

seeds = st.integers(0, 2**31)
views = st.tuples(*[st.floats(-90, 90)] * 3, *[st.floats(-0.2, 0.2)] * 3)


def random_depth(seed: int, *shape: int) -> torch.Tensor:
    return NEAR + (FAR - NEAR) * torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def looks(**angles: float) -> tuple[float, float]:
    """Where the tip of a nose appears in the image once its head is turned."""
    view = torch.tensor([[angles.get("yaw", 0.0), angles.get("pitch", 0.0), angles.get("roll", 0.0), 0, 0, 0]])
    return tuple(project(apply_view(torch.tensor([[[0.0, 0.0, 0.95]]]), view))[0, 0].tolist())


def test_constants_are_the_methods():
    assert pytest.approx(math.tan(math.radians(FIELD_OF_VIEW / 2))) == HALF_WIDTH
    assert (NEAR, FAR, FIELD_OF_VIEW) == (0.9, 1.1, 10) and pytest.approx(1.04) == BORDER_DEPTH


def test_pixel_grid_is_right_and_down():
    grid = pixel_grid(3, 5)
    assert grid.shape == (3, 5, 2)
    assert grid[0, 0].tolist() == [-1, -1] and grid[0, -1].tolist() == [1, -1] and grid[-1, 0].tolist() == [-1, 1]
    assert grid[1, 2].tolist() == [0, 0] and pixel_grid(4).shape == (4, 4, 2)


@given(seed=seeds, height=st.integers(2, 20), width=st.integers(2, 20))
@settings(max_examples=50, deadline=None)
def test_projecting_lifted_pixels_gives_the_pixels(seed, height, width):
    depth = random_depth(seed, 2, height, width)
    points = unproject(depth)
    assert torch.equal(points[..., 2], depth)
    torch.testing.assert_close(project(points), pixel_grid(height, width).expand(2, -1, -1, -1), atol=1e-6, rtol=1e-6)


def test_the_image_border_is_the_field_of_view():
    right = unproject(torch.ones(1, 3, 3))[0, 1, 2]
    assert math.degrees(math.atan2(right[0], right[2])) == pytest.approx(5, abs=1e-4)


@given(seed=seeds, view=views)
@settings(max_examples=50, deadline=None)
def test_undo_view_is_the_inverse(seed, view):
    view = torch.tensor([view, (0, 0, 0, 0, 0, 0)])
    points = unproject(random_depth(seed, 2, 4, 5))
    moved = apply_view(points, view)
    assert moved.shape == points.shape and torch.allclose(moved[1], points[1], atol=1e-6)
    torch.testing.assert_close(undo_view(moved, view), points, atol=2e-6, rtol=0)
    torch.testing.assert_close(apply_view(undo_view(points, view), view), points, atol=2e-6, rtol=0)


@given(view=views)
@settings(max_examples=50, deadline=None)
def test_rotation_is_the_documented_product(view):
    yaw, pitch, roll = (math.radians(angle) for angle in view[:3])

    def turn(axis: int, angle: float) -> np.ndarray:
        matrix, (i, j) = np.eye(3), ((1, 2), (2, 0), (0, 1))[axis]
        matrix[i, i] = matrix[j, j] = math.cos(angle)
        matrix[i, j], matrix[j, i] = -math.sin(angle), math.sin(angle)
        return matrix

    found = rotation(torch.tensor([view]))[0]
    np.testing.assert_allclose(found, turn(0, -pitch) @ turn(1, -yaw) @ turn(2, roll), atol=1e-6)
    np.testing.assert_allclose(found @ found.T, np.eye(3), atol=1e-6)
    assert float(torch.linalg.det(found)) == pytest.approx(1, abs=1e-5)


def test_yaw_looks_right_and_pitch_looks_up():
    u, v = looks(yaw=20)
    assert u > 0.1 and v == pytest.approx(0, abs=1e-6)
    u, v = looks(pitch=20)
    assert v < -0.1 and u == pytest.approx(0, abs=1e-6)
    assert looks(yaw=-20)[0] < -0.1 and looks(pitch=-20)[1] > 0.1


def test_roll_turns_clockwise():
    view = torch.tensor([[0, 0, 30.0, 0, 0, 0]])
    points = torch.tensor([[[0.05, 0, 1], [0, -0.05, 1]]])  # three o'clock and twelve o'clock
    right, up = apply_view(points, view)[0]
    assert right[1] > 0.02 and right[0] > 0.04 and up[0] > 0.02 and up[1] < -0.04


def test_translation_moves_after_the_turn():
    view = torch.tensor([[90, 0, 0, 0.01, -0.02, 0.03]])
    centre = apply_view(torch.tensor([[[0.0, 0.0, 1.0]]]), view)[0, 0]
    torch.testing.assert_close(centre, torch.tensor([0.01, -0.02, 1.03]))


def test_without_pytorch3d_the_angles_mean_the_same(monkeypatch):
    monkeypatch.setitem(sys.modules, "pytorch3d.transforms", None)  # what an import of a missing module finds
    spec = importlib.util.spec_from_file_location("geometry_alone", geometry.__file__)
    alone = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(alone)
    assert alone.euler_angles_to_matrix is not pytorch3d_euler
    angles = torch.rand(200, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 8 - 4
    torch.testing.assert_close(alone.euler_angles_to_matrix(angles, "XYZ"), pytorch3d_euler(angles, "XYZ"))
    assert alone.euler_angles_to_matrix(angles.view(10, 20, 3), "XYZ").shape == (10, 20, 3, 3)
    with pytest.raises(ValueError, match="XYZ.*'ZYX'"):
        alone.euler_angles_to_matrix(angles, "ZYX")


@given(slope=st.tuples(*[st.floats(-0.8, 0.8)] * 2))
@settings(max_examples=50, deadline=None)
def test_normals_of_a_plane(slope):
    normal = torch.nn.functional.normalize(torch.tensor([*slope, -1.0], dtype=torch.float64), dim=0)
    rays = torch.cat([pixel_grid(9, dtype=torch.float64) * HALF_WIDTH, torch.ones(9, 9, 1, dtype=torch.float64)], -1)
    depth = (normal[2] / (rays @ normal))[None]  # the plane through (0, 0, 1)
    torch.testing.assert_close(normals_from_depth(depth), normal.expand(1, 9, 9, 3), atol=1e-9, rtol=0)


def test_normals_of_a_sphere():
    centre, radius = torch.tensor([0.01, -0.02, 1.2], dtype=torch.float64), 0.2
    rays = torch.cat([pixel_grid(65, dtype=torch.float64) * HALF_WIDTH, torch.ones(65, 65, 1, dtype=torch.float64)], -1)
    along, squared = rays @ centre, rays.square().sum(-1)
    depth = (along - (along**2 - squared * (centre @ centre - radius**2)).sqrt()) / squared
    expected = (rays * depth[..., None] - centre) / radius
    found = normals_from_depth(depth[None])[0]
    assert (found - expected)[1:-1, 1:-1].norm(dim=-1).max() < 1e-3
    assert torch.equal(found[0, 1:-1], found[1, 1:-1]) and torch.equal(found[:, -1], found[:, -2])


@given(seed=seeds, size=st.integers(3, 20))
@settings(max_examples=50, deadline=None)
def test_normals_are_unit_and_face_the_camera(seed, size):
    depth = random_depth(seed, 2, size, size).double()
    normals = normals_from_depth(depth)
    torch.testing.assert_close(normals.norm(dim=-1), torch.ones_like(depth))
    facing = (normals * unproject(torch.ones_like(depth))).sum(-1)
    assert (facing[:, 1:-1, 1:-1] < 0).all()


@pytest.mark.parametrize("degrees", [0.0, 30.0, 90.0, 180.0, -140.0])
def test_turning_the_photo_turns_what_is_seen(degrees):
    view = torch.tensor([[20.0, -8, 5, 0.03, -0.02, 0], [-35, 10, -12, 0, 0.05, 0.01]])
    points = torch.randn(2, 7, 3, generator=torch.Generator().manual_seed(0)) * 0.1 + torch.tensor([0.0, 0, 1])
    angle = math.radians(degrees)
    turn = torch.tensor([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    seen = project(apply_view(points, view)) @ turn.mT
    torch.testing.assert_close(project(apply_view(points, rolled(view, degrees))), seen, atol=1e-4, rtol=0)
