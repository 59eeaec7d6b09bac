"""Marched rays against triangles, plates and finite differences."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import example, given, settings
from hypothesis import strategies as st

from latentface.camera import HALF_WIDTH
from latentface.ray_march import marched_grid
from latentface.rendering import view_grid
from tests.helpers import bump, smooth

views = st.tuples(
    st.floats(-40, 40), st.floats(-25, 25), st.floats(-20, 20), *[st.floats(-0.03, 0.03)] * 2, st.floats(-0.1, 0.1)
)


def both_grids(
    depth: torch.Tensor, view: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """The marched and the rasterised grid, where both see the face clear of outlines, and where only one sees it."""
    (one, mask), (two, seen) = marched_grid(depth, view), view_grid(depth, view)
    steps = [F.pad(two.diff(dim=axis).norm(dim=-1), (0, axis == 2, 0, axis == 1)) for axis in (1, 2)]
    near = F.max_pool2d(torch.stack(steps).amax(0), 3, 1, 1)  # in pixels: how far apart neighbours look things up
    clear = (mask > 0) & (seen > 0) & (near * (depth.shape[-1] - 1) / 2 < 3) & (two.abs().amax(-1) < 1)
    return one, two, clear, mask != (seen > 0)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), views)
@example(0, (25.0, 0.0, 0.0, 0.0, 0.0, 0.1))
@example(0, (-25.0, 0.0, 0.0, 0.0, 0.0, -0.1))
@example(270, (0.0, 0.0, 0.0, 0.026631397311625376, -0.026631397311625376, 0.0))
def test_rays_meet_the_face_where_triangles_show_it(seed, view):
    depth = bump(48, 0.06) + 0.02 * smooth((1, 48, 48), seed)
    one, two, clear, differ = both_grids(depth, torch.tensor([view]))
    apart = ((one - two).norm(dim=-1) * 23.5)[clear]
    assert clear.float().mean() > 0.3 and differ.float().mean() < 0.005
    assert apart.mean() < 0.01 and apart.max() < 0.1  # pixels


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), views)
@example(307, (-4.0, 6.0, 0.0, 0.015625, 0.0, 0.0))
def test_gradients_of_marched_rays_are_the_triangles(seed, view):
    """Of turned faces: from the front, depth moves nothing. Weights of one sign: others cancel, and leave noise."""
    view = torch.tensor([(math.copysign(5 + 0.8 * abs(view[0]), view[0]), *view[1:])], requires_grad=True)
    depth = (bump(48, 0.06) + 0.02 * smooth((1, 48, 48), seed)).requires_grad_()
    one, two, clear, _ = both_grids(depth, view)
    weight = (1 + smooth((1, 48, 48, 2), seed + 1)) * clear[..., None]
    unit = torch.tensor([1.0, 1.0, 1.0, 0.01, 0.01, 0.1])  # steps of a view that move pixels by about as much
    marched, rastered = (
        (by_depth, by_view * unit)
        for by_depth, by_view in (torch.autograd.grad((grid * weight).sum(), (depth, view)) for grid in (one, two))
    )
    for found, wanted, least in zip(marched, rastered, (0.95, 0.999), strict=True):
        assert F.cosine_similarity(found.flatten(), wanted.flatten(), 0) > least
        assert found.norm() / wanted.norm() == pytest.approx(1, abs=0.15)


@pytest.mark.parametrize("parameter", range(6))
def test_marched_gradient_of_the_view_against_finite_differences(parameter):
    depth, weight = bump(32, 0.05).double(), smooth((1, 32, 32, 2), 5).double()
    weight[:, :6] = weight[:, -6:] = weight[:, :, :6] = weight[:, :, -6:] = 0
    view, step = (
        torch.tensor([[15.0, -8, 5, 0.004, 0.003, 0.01]], dtype=torch.float64),
        torch.zeros(6, dtype=torch.float64),
    )
    step[parameter] = 1e-3 if parameter < 3 else 1e-6
    difference = [float((marched_grid(depth, view + s)[0] * weight).sum()) for s in (step, -step)]
    view.requires_grad_()
    (marched_grid(depth, view)[0] * weight).sum().backward()
    assert float(view.grad[0, parameter]) == pytest.approx(
        (difference[0] - difference[1]) / float(2 * step[parameter]), rel=0.02
    )


@settings(max_examples=20, deadline=None)
@given(st.floats(0.95, 1.05), st.floats(-50, 50), st.floats(-0.03, 0.03))
def test_a_ray_meets_a_flat_plate_where_it_must(depth, yaw, x):
    """The plate's distance along a ray is a quotient."""
    grid, seen = marched_grid(torch.full((1, 16, 16), depth), torch.tensor([[yaw, 0, 0, x, 0, 0]]))
    turn, axis = math.radians(yaw), np.linspace(-1, 1, 16)
    for row in (0, 7, 15):
        for column in (0, 8, 15):
            u, v = axis[column] * HALF_WIDTH, axis[row] * HALF_WIDTH
            # a point (a, b, depth) stands at (cos a - sin (depth - 1) + x, b, 1 + sin a + cos (depth - 1)),
            # and is seen at (u, v)
            sin, cos, far = -math.sin(turn), math.cos(turn), depth - 1
            a = (u * (1 + cos * far) - sin * far - x) / (cos + u * sin)
            b = v * (1 - sin * a + cos * far)
            expected = (a / (HALF_WIDTH * depth), b / (HALF_WIDTH * depth))
            inside = max(map(abs, expected))
            assert abs(inside - 1.25) < 1e-3 or bool(seen[0, row, column]) == (inside < 1.25)
            if inside < 1.25:
                assert grid[0, row, column].tolist() == pytest.approx(expected, abs=2e-4)


def test_marching_is_as_exact_under_autocast():
    """Training runs in bfloat16, whose three digits would blur a picture by the third of a pixel."""
    depth, view = bump(64), torch.tensor([[25.0, 5, 3, 0.01, 0.02, 0]])
    plain, seen = marched_grid(depth, view)
    with torch.autocast("cpu", torch.bfloat16):
        found, mask = marched_grid(depth, view)
    assert found.dtype == torch.float32 and (mask != seen).float().mean() < 0.01
    assert ((found - plain).norm(dim=-1) * 31.5)[(mask * seen) > 0].max() < 0.01
