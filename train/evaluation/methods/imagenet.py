"""EfficientNet-Lite0, trained with labels on ImageNet, frozen: its pooled head, and a middle layer's 4 x 4 map."""

import torch
import torch.nn.functional as F
from torch import Tensor

from train.common.perceptual import MEAN, STD, lite_network
from train.evaluation.methods.method import Method, Variant

SIXTEENTH = 11
"""Blocks that come before the map at a sixteenth of the image shrinks further; it has 112 channels."""


def load(_: str = "") -> Method:
    """Load the network's features. Raises ImportError where its packages are missing."""
    network = lite_network("the ImageNet baseline").to(memory_format=torch.channels_last)
    mean, std = (torch.tensor(numbers)[:, None, None] for numbers in (MEAN, STD))

    def encode(images: Tensor, variant: Variant) -> dict[str, Tensor]:
        x = ((images / 2 + 0.5 - mean) / std).to(memory_format=torch.channels_last)
        x = network._swish(network._bn0(network._conv_stem(x)))
        for block in network._blocks[:SIXTEENTH]:
            x = block(x)
        middle = F.adaptive_avg_pool2d(x, 4).flatten(1)
        for block in network._blocks[SIXTEENTH:]:
            x = block(x)
        head = network._swish(network._bn1(network._conv_head(x)))
        return {"head": head.mean((2, 3)), "middle": middle}

    variants = [Variant(96), Variant(128), Variant(128, 0.85), Variant(160)]
    return Method("imagenet", "EfficientNet-Lite0, trained with ImageNet's labels", variants, encode)
