"""The generator in torch beside OpenVINO on the same files, its wavelets, and files that are not the wheel's."""

import numpy as np
import openvino
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from train.common.judges import package_folder
from train.data.imagined.generator import Generator, IRError, Reading, inverse_haar, read_constants, wavelets

FOLDER = package_folder("random_face", "pip install --no-deps random-face==2021.7.21.1") / "data"


@pytest.fixture(scope="module")
def network() -> Generator:
    return Generator(FOLDER)


def run(name: str, value: torch.Tensor) -> np.ndarray:
    """What OpenVINO makes of one of the wheel's files, in float32."""
    core = openvino.Core()
    compiled = core.compile_model(core.read_model(FOLDER / f"{name}.xml"), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return compiled(value.numpy())[0].copy()


@pytest.mark.slow
def test_pictures_are_openvinos(network):
    """The issue asks for 40 dB; float32 rounding alone leaves far more."""
    z = torch.randn(1, 512, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        w = network.mapping(z)
        np.testing.assert_allclose(w.numpy(), run("MappingNetwork", z), atol=1e-4)
        found = network((0.7 * w)[:, None].expand(-1, 23, -1))
    expected = run("SynthesisNetwork", 0.7 * w)
    assert found.shape == (1, 3, 1024, 1024) and expected.std() > 0.2
    psnr = 10 * np.log10(4 / np.square(found.numpy() - expected).mean())
    assert psnr > 100, psnr


def test_a_batch_is_its_pictures_and_every_row_counts(network):
    generator = torch.Generator().manual_seed(1)
    with torch.inference_mode():
        w = 0.7 * network.mapping(torch.randn(2, 512, generator=generator))
        rows = w[:, None].repeat(1, 23, 1)
        both, alone = network.features(rows, 3), network.features(rows[1:], 3)
        torch.testing.assert_close(both[1:], alone, atol=1e-4, rtol=1e-4)
        for row in range(10):  # conv1 and three levels of three
            changed = rows[1:].clone()
            changed[:, row] = w[:1]
            assert (network.features(changed, 3) - alone).abs().max() > 1e-3, row
        changed = rows[1:].clone()
        changed[:, 10:] = 0
        assert torch.equal(network.features(changed, 3), alone)


def test_rows_know_the_side_of_their_map(network):
    assert network.sides.tolist() == [4, 4, *sorted(3 * [8, 16, 32, 64, 128, 256]), 512, 512, 512]


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 3), st.integers(1, 4), st.integers(1, 5), st.integers(0, 99))
def test_wavelets_are_orthonormal_and_inverted(batch, channels, side, seed):
    x = torch.randn(
        batch, channels, 2 * side, 2 * side, generator=torch.Generator().manual_seed(seed), dtype=torch.float64
    )
    bands = wavelets(x)
    torch.testing.assert_close(inverse_haar(bands), x)
    assert bands.square().sum() == pytest.approx(float(x.square().sum()))
    torch.testing.assert_close(bands[:, :channels], 2 * torch.nn.functional.avg_pool2d(x, 2))


def test_reading_is_a_linear_map_of_plain_and_scaled_features():
    generator = torch.Generator().manual_seed(2)
    weight, bias = torch.randn(12, 10, generator=generator), torch.randn(12, generator=generator)
    x, scale = torch.randn(2, 5, 3, 3, generator=generator), torch.randn(2, 5, 1, 1, generator=generator)
    found = Reading(weight, bias)(x, scale)
    bands = torch.einsum("oc,bchw->bohw", weight, torch.cat([x, x * scale], dim=1)) + bias[:, None, None]
    torch.testing.assert_close(found, inverse_haar(bands))


def test_files_that_are_not_the_wheels_are_refused(tmp_path):
    for file in FOLDER.glob("*Network.*"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    graph = (tmp_path / "SynthesisNetwork.xml").read_text()
    (tmp_path / "SynthesisNetwork.xml").write_text(graph.replace("m.layers.3.up.modulation.weight", "other"))
    with pytest.raises(IRError, match=r"SynthesisNetwork.xml: m.layers.3.up.modulation.weight"):
        Generator(tmp_path)
    (tmp_path / "MappingNetwork.bin").write_bytes(b"short")
    with pytest.raises(IRError, match="does not lie in its binary"):
        read_constants(tmp_path / "MappingNetwork.xml")
    with pytest.raises(FileNotFoundError):
        read_constants(tmp_path / "nowhere.xml")
