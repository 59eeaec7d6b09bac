"""The objective before the frame is settled, against plain loops."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from latentface.codes import Scene
from tests.helpers import random_codes, smooth
from train.stage1.config import AutoencoderConfig
from train.stage1.image_objective import image_objective
from train.stage1.networks import Outputs

CONFIG = AutoencoderConfig(perceptual=0.0)


def test_together_draws_each_frame_from_its_partners_maps():
    """Against a loop over frames, each with the maps of its neighbour in the pair, at half the size."""
    image = smooth((4, 3, 64, 64), 3)
    codes = random_codes(4)
    size = 64
    depth, albedo = 1 + 0.05 * smooth((4, 1, size, size), 1)[:, 0], smooth((4, 3, size, size), 2)
    view = torch.cat([10 * codes.view[:, :3], 0.02 * codes.view[:, 3:]], 1)
    scene = Scene(depth, albedo, view, codes.light.sigmoid(), depth)
    confidence = torch.zeros(4, 2, size, size)
    config = replace(CONFIG, together=0.7)
    loss, terms = image_objective(Outputs(codes, scene, confidence), image, config)
    error, seen = 0.0, 0.0
    for own, other in enumerate((1, 0, 3, 2)):
        mixed = replace(
            scene, depth=depth[[other]], albedo=albedo[[other]], view=scene.view[[own]], light=scene.light[[own]]
        )
        drawn, mask = mixed.half().render()
        target = F.avg_pool2d(image[[own]], 2)
        error, seen = error + ((drawn - target).abs() * mask).sum() / 3, seen + mask.sum()
    assert terms["together"].item() == pytest.approx(0.7 * float(error / seen), rel=1e-5)
    without, _ = image_objective(Outputs(codes, scene, confidence), image, CONFIG)
    assert float(loss - without) == pytest.approx(terms["together"].item(), rel=1e-4)
