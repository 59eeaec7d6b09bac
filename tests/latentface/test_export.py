"""Encoder and decoder exported to ONNX (opset 18) compute as torch does."""

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from torch import Tensor, nn

from latentface.autoencoder import Autoencoder
from latentface.codes import Codes
from tests.helpers import random_codes, smooth, tiny_autoencoder


class Encode(nn.Module):
    """Image to the four tensors of its codes."""

    def __init__(self, model: Autoencoder):
        super().__init__()
        self.model = model

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        codes = self.model.encode(image)
        return codes.shape, codes.texture, codes.view, codes.light


class Decode(nn.Module):
    """Shape and texture code to depth and albedo."""

    def __init__(self, model: Autoencoder):
        super().__init__()
        self.model = model

    def forward(self, shape: Tensor, texture: Tensor) -> tuple[Tensor, ...]:
        scene = self.model.decode(Codes(shape, texture, shape[:, :6], shape[:, :4]))
        return scene.depth, scene.albedo


def exported(network: nn.Module, inputs: tuple[Tensor, ...], names: list[str], file: Path) -> list[np.ndarray]:
    """Outputs of the exported network."""
    torch.onnx.export(network.eval(), inputs, str(file), output_names=names, opset_version=18, dynamo=True)
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    feeds = {node.name: value.numpy() for node, value in zip(session.get_inputs(), inputs, strict=True)}
    return list(session.run(names, feeds))


@pytest.fixture(scope="module")
def model() -> Autoencoder:
    """A model that has settled, with weights in all of its parts."""
    model = tiny_autoencoder(size=32, changing=(1, 3, 4))
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for layer in (model.shape_decoder.head, model.texture_encoder.last, model.refiner.head):
            layer.weight.normal_(std=0.05, generator=generator)
        model.layout.displacement.weight.normal_(std=0.01, generator=generator)
        model.average_relief.copy_(0.05 * smooth((1, 32, 32), 4)[0])
        model.average_share.fill_(1)
    return model.eval()


@pytest.mark.slow
@pytest.mark.parametrize("part", ["encoder", "decoder"])
def test_exported_networks_compute_as_torch_does(model, part, tmp_path):
    if part == "encoder":
        network, inputs = Encode(model), (smooth((1, 3, 32, 32), 1),)
        names = ["shape_code", "texture_code", "view_code", "light_code"]
    else:
        codes = random_codes(1)
        network, inputs, names = Decode(model), (codes.shape, codes.texture), ["depth", "albedo"]
    with torch.no_grad():
        wanted = network(*inputs)
    for name, own, found in zip(names, wanted, exported(network, inputs, names, tmp_path / "net.onnx"), strict=True):
        assert own.abs().max() > 1e-3, name
        torch.testing.assert_close(torch.from_numpy(found), own, atol=1e-4, rtol=1e-4, msg=name)
