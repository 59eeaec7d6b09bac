"""Lambertian shading against a naive loop, and the light's signs."""

import math

import numpy as np
import torch

from latentface.camera import HALF_WIDTH
from latentface.shading import shade, shading
from tests.helpers import bump, smooth, tiny_scene


def naive_shading(albedo: np.ndarray, depth: np.ndarray, light: np.ndarray) -> np.ndarray:
    """Pixel by pixel (Unsup3D, section 3.1): a + b * max(0, n.l), l towards the light; borders take neighbours' n."""
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


def test_soft_light_is_the_light_on_averaged_depth():
    """A smooth face is lit almost alike; a fine grid in depth, which hard light shows, is not seen."""
    light, albedo, depth = torch.tensor([[0.4, 0.6, 0.4, 0.2]]), torch.zeros(1, 3, 64, 64), bump(64)
    assert (shade(albedo, depth, light, 4) - shade(albedo, depth, light))[..., 4:-4, 4:-4].abs().max() < 0.05
    fine = depth + 0.002 * (torch.arange(64) // 2 % 2 * 2 - 1)
    assert (shade(albedo, fine, light) - shade(albedo, depth, light)).abs().mean() > 0.05
    torch.testing.assert_close(shade(albedo, fine, light, 4), shade(albedo, depth, light, 4), atol=1e-4, rtol=0)


def test_shading_is_what_shade_multiplies():
    scene = tiny_scene()
    for softness in (1, 4):
        by = shading(scene.depth, scene.light, softness)
        assert by.shape == (1, 1, 16, 16) and (by >= 0).all()
        torch.testing.assert_close(shade(scene.albedo, scene.depth, scene.light, softness), (scene.albedo + 1) * by - 1)
