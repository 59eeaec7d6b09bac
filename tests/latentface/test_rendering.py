"""Shading and inverse warping: the front view, the mirror, gradients, and the pictures people see."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import example, given, settings
from hypothesis import strategies as st

from latentface.autoencoder import Scene
from latentface.camera import HALF_WIDTH
from latentface.rendering import (
    depth_picture,
    marched_grid,
    normal_picture,
    picture,
    render,
    shade,
    shading,
    unrender,
    view_grid,
)
from tests.helpers import bump, smooth, tiny_scene

FRONT = torch.zeros(1, 6)


def naive_shading(albedo: np.ndarray, depth: np.ndarray, light: np.ndarray) -> np.ndarray:
    """Pixel by pixel, from Unsup3D, section 3.1: a + b * max(0, n.l), l towards the light; borders take their neighbours' n."""
    size = len(depth)
    towards = -np.array([light[2], light[3], 1]) / math.sqrt(light[2] ** 2 + light[3] ** 2 + 1)
    axis = np.linspace(-1, 1, size)

    def point(row, column):
        z = depth[row, column]
        return np.array([axis[column] * HALF_WIDTH * z, axis[row] * HALF_WIDTH * z, z])

    out = np.zeros_like(albedo)
    for row in range(size):
        for column in range(size):
            r, c = min(max(row, 1), size - 2), min(max(column, 1), size - 2)
            normal = np.cross(point(r + 1, c) - point(r - 1, c), point(r, c + 1) - point(r, c - 1))
            normal /= np.linalg.norm(normal)
            brightness = light[0] + light[1] * max(0.0, float(normal @ towards))
            out[:, row, column] = (albedo[:, row, column] / 2 + 0.5) * brightness * 2 - 1
    return out


def test_shading_against_a_naive_loop():
    albedo, depth = smooth((3, 3, 12, 12), 1), 1.0 + 0.08 * smooth((3, 12, 12), 2)
    light = torch.tensor([[0.4, 0.6, 0.3, -0.2], [0.1, 0.9, -1.0, 1.0], [1.0, 0.0, 0.5, 0.5]])
    found = shade(albedo, depth, light)
    for i in range(3):
        expected = naive_shading(albedo[i].double().numpy(), depth[i].double().numpy(), light[i].double().numpy())
        np.testing.assert_allclose(found[i], expected, atol=2e-3 if i == 1 else 1e-3)


def test_light_from_the_left_lights_the_left():
    """Light that travels to the right (x > 0) meets the left half of a convex face."""
    image = shade(torch.zeros(1, 3, 32, 32), bump(32), torch.tensor([[0.2, 0.8, 0.8, 0.0]]))
    assert image[..., 4:14].mean() > image[..., 18:28].mean() + 0.02
    image = shade(torch.zeros(1, 3, 32, 32), bump(32), torch.tensor([[0.2, 0.8, 0.0, 0.8]]))  # from above
    assert image[..., 4:14, :].mean() > image[..., 18:28, :].mean() + 0.02


@pytest.mark.parametrize("size", [16, 32])
def test_front_view_returns_the_canonical_image(size):
    image, depth = smooth((2, 3, size, size), 0), 1.0 + 0.08 * smooth((2, size, size), 1)
    rendered, mask = render(image, depth, FRONT.expand(2, -1))
    assert (mask == 1).all() and mask.shape == (2, 1, size, size)
    torch.testing.assert_close(rendered, image, atol=1e-4, rtol=0)
    _, seen = view_grid(depth, FRONT.expand(2, -1))
    torch.testing.assert_close(seen, depth, atol=1e-5, rtol=0)


def test_size_and_resolution_are_free():
    image, depth = smooth((1, 5, 40, 40), 0), bump(16)
    rendered, mask = render(image, depth, torch.tensor([[10.0, 0, 0, 0, 0, 0]]), size=24)
    assert rendered.shape == (1, 5, 24, 24) and mask.shape == (1, 1, 24, 24) and (mask == 1).all()


def test_turned_face_moves_where_it_looks():
    """A bright spot on the nose goes right for positive yaw and up for positive pitch."""
    image = torch.full((1, 3, 33, 33), -1.0)
    image[..., 15:18, 15:18] = 1

    def spot(view):
        bright = render(image, bump(33), torch.tensor([view]))[0][0, 0] + 1
        axis = torch.linspace(-1, 1, 33)
        return float((bright.sum(0) * axis).sum() / bright.sum()), float((bright.sum(1) * axis).sum() / bright.sum())

    u, v = spot([20.0, 0, 0, 0, 0, 0])
    assert u > 0.05 and abs(v) < 0.02
    u, v = spot([0, 20.0, 0, 0, 0, 0])
    assert v < -0.05 and abs(u) < 0.02
    u, v = spot([0, 0, 0, 0.02, -0.01, 0])
    assert u == pytest.approx(0.02 / HALF_WIDTH / 0.96, abs=0.03) and v == pytest.approx(
        -0.01 / HALF_WIDTH / 0.96, abs=0.03
    )


@pytest.mark.parametrize("view", [(25.0, 0, 0, 0, 0, 0), (-40.0, 10, 8, 0.01, 0.02, 0)])
def test_mirrored_view_of_a_symmetric_face_is_the_mirrored_picture(view):
    albedo = smooth((1, 3, 48, 48), 3)
    albedo, depth = (albedo + albedo.flip(-1)) / 2, bump(48)
    view = torch.tensor([view])
    mirrored = view * torch.tensor([-1, 1, -1, -1, 1, 1])
    image = shade(albedo, depth, torch.tensor([[0.4, 0.6, 0.0, 0.3]]))
    (one, mask), (two, other) = render(image, depth, view), render(image, depth, mirrored)
    inner = torch.nn.functional.max_pool2d(1 - mask * other.flip(-1), 3, 1, 1) == 0  # outlines differ by a pixel
    assert inner.float().mean() > 0.6
    assert ((one - two.flip(-1)).abs() * inner).max() < 0.05  # the cells' diagonals are not mirrored
    assert (one - one.flip(-1)).abs().mean() > 0.05  # and the view does show


def test_scene_flip_mirrors_the_face_only():
    scene = tiny_scene()
    scene.depth = 1.0 + 0.05 * smooth((1, 16, 16), 5)
    flipped = scene.flip()
    assert torch.equal(flipped.depth, scene.depth.flip(-1)) and torch.equal(flipped.albedo, scene.albedo.flip(-1))
    assert torch.equal(flipped.view, scene.view) and torch.equal(flipped.light, scene.light)


def test_gradients_reach_everything():
    depth, albedo = (1.0 + 0.03 * smooth((2, 16, 16), 0)), smooth((2, 3, 16, 16), 1)
    view = torch.tensor([[20.0, 5, 3, 0.01, 0, 0], [-35.0, -10, 0, 0, 0.01, 0]])
    light = torch.tensor([[0.4, 0.6, 0.3, -0.2], [0.5, 0.4, -0.5, 0.5]])
    leaves = [t.requires_grad_() for t in (depth, albedo, view, light)]
    rendered, mask = Scene(depth, albedo, view, light).render()
    (rendered.square() * mask).sum().backward()
    for leaf in leaves:
        assert torch.isfinite(leaf.grad).all()
        assert (leaf.grad.flatten(1).abs().amax(1) > 1e-3).all()
    assert (view.grad.abs() > 0).all() and (light.grad.abs() > 0).all()


@pytest.mark.parametrize("parameter", range(6))
def test_gradient_of_the_view_against_finite_differences(parameter):
    """A smooth face under a picture that fades out to the border, so that no outline jumps."""
    size = 48
    image, depth = smooth((1, 3, size, size), 4), bump(size, 0.05)
    window = torch.hann_window(size, periodic=False)
    weight = smooth((1, 3, size, size), 5) * window * window[:, None]
    view = torch.tensor([[15.0, -8.0, 5.0, 0.004, 0.003, 0.0]])

    def loss(view):
        return (render(image, depth, view)[0] * weight).sum()

    step = torch.zeros(6)
    step[parameter] = 0.5 if parameter < 3 else 1e-3
    difference = float(loss(view + step) - loss(view - step)) / float(2 * step[parameter])
    view.requires_grad_()
    loss(view).backward()
    assert float(view.grad[0, parameter]) == pytest.approx(
        difference, rel=0.05, abs=0.02 / float(step[parameter]) / 100
    )


views = st.tuples(
    st.floats(-40, 40), st.floats(-25, 25), st.floats(-20, 20), *[st.floats(-0.03, 0.03)] * 2, st.floats(-0.1, 0.1)
)


def both_grids(
    depth: torch.Tensor, view: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """The marched and the rasterised grid, where both see the face and no outline is near, and where the one sees it and the other not."""
    (one, mask), (two, seen) = marched_grid(depth, view), view_grid(depth, view)
    steps = [F.pad(two.diff(dim=axis).norm(dim=-1), (0, axis == 2, 0, axis == 1)) for axis in (1, 2)]
    near = F.max_pool2d(torch.stack(steps).amax(0), 3, 1, 1)  # in pixels: how far apart neighbours look things up
    clear = (mask > 0) & (seen > 0) & (near * (depth.shape[-1] - 1) / 2 < 3) & (two.abs().amax(-1) < 1)
    return one, two, clear, mask != (seen > 0)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), views)
@example(0, (25.0, 0.0, 0.0, 0.0, 0.0, 0.1))
@example(0, (-25.0, 0.0, 0.0, 0.0, 0.0, -0.1))
def test_rays_meet_the_face_where_triangles_show_it(seed, view):
    depth = bump(48, 0.06) + 0.02 * smooth((1, 48, 48), seed)
    one, two, clear, differ = both_grids(depth, torch.tensor([view]))
    apart = ((one - two).norm(dim=-1) * 23.5)[clear]
    assert clear.float().mean() > 0.3 and differ.float().mean() < 0.03
    assert apart.mean() < 0.01 and apart.max() < 0.1  # pixels


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), views)
def test_gradients_of_marched_rays_are_the_triangles(seed, view):
    """Of turned faces: from the front, depth moves nothing."""
    view = torch.tensor([(math.copysign(5 + 0.8 * abs(view[0]), view[0]), *view[1:])], requires_grad=True)
    depth = (bump(48, 0.06) + 0.02 * smooth((1, 48, 48), seed)).requires_grad_()
    one, two, clear, _ = both_grids(depth, view)
    weight = smooth((1, 48, 48, 2), seed + 1) * clear[..., None]
    marched, rastered = (torch.autograd.grad((grid * weight).sum(), (depth, view)) for grid in (one, two))
    for found, wanted, least in zip(marched, rastered, (0.95, 0.999)):
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
            # a point (a, b, depth) stands at (cos a - sin (depth - 1) + x, b, 1 + sin a + cos (depth - 1)) and is seen at (u, v)
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


def test_picture_is_clamped_and_sized():
    ramp = torch.linspace(-1.5, 1.5, 16).expand(3, 16, 16)
    found = picture(ramp)
    assert found.dtype == np.uint8 and found.shape == (16, 16, 3)
    assert found[0, 0].tolist() == [0, 0, 0] and found[0, -1].tolist() == [255, 255, 255]
    assert picture(torch.zeros(3, 4, 4)).flatten().tolist() in ([127] * 48, [128] * 48)
    for size in (8, 40):
        assert picture(ramp, size).shape == (size, size, 3)
    red = torch.tensor([1.0, -1, -1])[:, None, None].expand(3, 4, 4)
    assert picture(red.requires_grad_())[0, 0].tolist() == [255, 0, 0]


def test_depth_picture_near_is_bright():
    depth = torch.tensor([[[0.935, 1.005, 1.075]]])
    found = depth_picture(depth)
    assert found.shape == (1, 3, 1, 3)
    torch.testing.assert_close(found[0, :, 0], torch.tensor([1.0, 0, -1]).expand(3, 3), atol=1e-5, rtol=0)
    assert picture(found[0])[0, :, 0].tolist() == [255, 128, 0]


def test_normal_picture_colours():
    flat = normal_picture(torch.ones(1, 8, 8))
    torch.testing.assert_close(
        flat, torch.tensor([0.0, 0, 1])[None, :, None, None].expand(1, 3, 8, 8), atol=1e-6, rtol=0
    )
    red, green, blue = normal_picture(bump(33))[0]
    assert red[16, 26] > 0.1 > -0.1 > red[16, 6]  # the right side of a face looks right
    assert green[6, 16] > 0.1 > -0.1 > green[26, 16]  # its top looks up
    assert (blue > 0).all()


def test_soft_light_is_the_light_on_averaged_depth():
    """A smooth face is lit almost alike; a fine grid in depth, which hard light shows, is not seen."""
    light, albedo, depth = torch.tensor([[0.4, 0.6, 0.4, 0.2]]), torch.zeros(1, 3, 64, 64), bump(64)
    assert (shade(albedo, depth, light, 4) - shade(albedo, depth, light))[..., 4:-4, 4:-4].abs().max() < 0.05
    fine = depth + 0.002 * (torch.arange(64) // 2 % 2 * 2 - 1)
    assert (shade(albedo, fine, light) - shade(albedo, depth, light)).abs().mean() > 0.05
    torch.testing.assert_close(shade(albedo, fine, light, 4), shade(albedo, depth, light, 4), atol=1e-4, rtol=0)


@pytest.mark.parametrize("yaw", [0.0, 25.0, -25.0])
def test_unrender_undoes_render_where_the_face_is_seen(yaw):
    scene = tiny_scene(64, yaw)
    image, _ = scene.render()
    canonical, seen = unrender(image, scene.depth, scene.view)
    inner = (seen > 0.99)[..., 8:-8, 8:-8].expand(-1, 3, -1, -1)
    assert inner.float().mean() > 0.5
    assert (canonical - scene.canonical)[..., 8:-8, 8:-8][inner].abs().max() < 0.05


def test_the_far_cheek_of_a_turned_face_is_not_seen():
    scene = tiny_scene(64, 50.0)  # looks to the image's right: its right half turns away
    _, seen = unrender(scene.render()[0], scene.depth, scene.view)
    assert seen[..., 24:40, 46:56].mean() < 0.2 and seen[..., 24:40, 12:30].mean() > 0.95


def test_shading_is_what_shade_multiplies():
    scene = tiny_scene()
    for softness in (1, 4):
        by = shading(scene.depth, scene.light, softness)
        assert by.shape == (1, 1, 16, 16) and (by >= 0).all()
        torch.testing.assert_close(shade(scene.albedo, scene.depth, scene.light, softness), (scene.albedo + 1) * by - 1)
