"""The head's outline: what is kept of a drawn face, and the rendering without the rest."""

import pytest
import torch

from latentface.outline import GONE, INNER, KEPT, cut_out, outline, smoothstep
from tests.helpers import bump, tiny_scene


def test_smoothstep_by_hand():
    rise = smoothstep(1, 3, torch.tensor([0.0, 1.0, 1.5, 2.0, 3.0, 9.0]))
    torch.testing.assert_close(rise, torch.tensor([0.0, 0.0, 0.15625, 0.5, 1.0, 1.0]))


def test_near_is_kept_and_far_is_gone():
    size = 41
    near, far = (torch.full((1, size, size), depth) for depth in (KEPT - 0.01, GONE + 0.01))
    assert outline(far).max() == 0
    kept = outline(near)[0]
    assert kept[20, 20] == 1 and kept[20, 20 + int(20 * INNER) - 1] == 1
    assert kept[:, [0, -1]].max() == 0 and kept[[0, -1]].max() == 0  # nothing ends at the map's straight border


def test_a_head_is_kept_whole_and_its_edge_is_soft():
    head = outline(bump(64))[0]
    assert head[32, 32] == 1 and head[0, 0] == 0
    soft = ((head > 0.05) & (head < 0.95)).float().mean()
    assert 0.02 < soft < 0.5
    torch.testing.assert_close(head, head.flip(-1))


@pytest.mark.parametrize("yaw", [0.0, 30.0])
def test_cut_out_is_the_rendering_where_the_head_is(yaw):
    scene = tiny_scene(32, yaw)
    picture, opacity = cut_out(scene, 48)
    rendered, mask = scene.render(48)
    torch.testing.assert_close(picture, rendered * mask + picture * (1 - mask))
    assert opacity[0, 0, 24, 24] == 1 and opacity[0, 0, 0, 0] == 0
    assert opacity.min() >= 0 and opacity.max() <= 1


def test_a_share_of_nothing_keeps_the_whole_map():
    scene = tiny_scene(32)
    _, whole = cut_out(scene, 48, share=0)
    _, head = cut_out(scene, 48, share=1)
    assert whole.mean() > 0.97 and head.mean() < 0.8
    _, between = cut_out(scene, 48, share=0.5)
    torch.testing.assert_close(between, (whole + head) / 2)
