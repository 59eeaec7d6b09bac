"""Inverse warping: the front view, the mirror, gradients."""

import pytest
import torch

from latentface.autoencoder import Scene
from latentface.camera import HALF_WIDTH
from latentface.rendering import render, unrender, view_grid
from latentface.shading import shade
from tests.helpers import bump, smooth, tiny_scene

FRONT = torch.zeros(1, 6)


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
