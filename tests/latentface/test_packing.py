"""Scenes as few bytes: read back as the page reads them."""

import numpy as np
import torch

from latentface.camera import FAR, NEAR, pixel_grid
from latentface.packing import REACH, pack, pack_positions
from tests.helpers import tiny_scene


def test_depth_and_albedo_come_back():
    scene = tiny_scene(16)
    scene.albedo = scene.albedo * 1.5 + 0.4  # brighter than white, darker than black
    packed = pack(scene)
    depth = NEAR + (FAR - NEAR) * np.frombuffer(packed.depth, "<u2").reshape(16, 16) / 65535
    np.testing.assert_allclose(depth, scene.depth[0], atol=2e-6)
    albedo = np.frombuffer(packed.albedo, np.uint8).reshape(16, 16, 3) / 255 * packed.scale * 2 - 1
    expected = scene.albedo[0].permute(1, 2, 0).clamp(min=-1).numpy()
    assert expected.max() > 1.2
    np.testing.assert_allclose(albedo, expected, atol=packed.scale / 255 + 1e-6)
    assert (packed.side, packed.fine, packed.softness) == (16, 16, scene.softness)


def test_depth_beyond_its_range_is_cut():
    scene = tiny_scene(16)
    scene.depth = torch.full_like(scene.depth, FAR + 0.05)
    assert set(np.frombuffer(pack(scene).depth, "<u2")) == {65535}


def test_positions_come_back():
    grid = (pixel_grid(9) * 1.2)[None]
    packed = np.frombuffer(pack_positions(grid, 5), "<u2").reshape(5, 5, 2) / 65535 * 2 * REACH - REACH
    np.testing.assert_allclose(packed, pixel_grid(5) * 1.2, atol=1e-4)
