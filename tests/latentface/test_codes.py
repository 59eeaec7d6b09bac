"""Scenes at another view and light."""

import torch

from latentface.codes import Scene


def test_a_turned_scene_keeps_its_face_and_its_place():
    scene = Scene(torch.ones(2, 4, 4), torch.zeros(2, 3, 4, 4), torch.randn(2, 6), torch.rand(2, 4))
    before = scene.view.clone()
    turned = scene.turned([1, 2, 3], [0.5, 0.4, 0, 0.1])
    assert torch.equal(turned.view[:, :3], torch.tensor([[1.0, 2, 3]] * 2))
    assert torch.equal(turned.view[:, 3:], before[:, 3:]) and torch.equal(scene.view, before)
    assert torch.equal(turned.light, torch.tensor([[0.5, 0.4, 0, 0.1]] * 2)) and turned.depth is scene.depth
