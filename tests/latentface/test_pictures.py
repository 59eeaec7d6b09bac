"""Pictures for people: range, size and colours."""

import numpy as np
import torch

from latentface.pictures import depth_picture, normal_picture, picture
from tests.helpers import bump


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
