"""Numbers of a swap, on the result's own picture."""

from dataclasses import replace

import pytest
import torch

from latentface.codes import Codes
from latentface.expression_sliders import ExpressionSliders, Slider
from latentface.paper import PaperDenoiser
from latentface.pipeline import LatentFacePipeline
from latentface.rdm import make_scheduler
from latentface.swap_numbers import signature, swap_numbers
from tests.helpers import random_codes, tiny_autoencoder, tiny_pipeline


def cosine(x: torch.Tensor, y: torch.Tensor) -> float:
    return float(x @ y / x.norm() / y.norm())


def seen_again(pipeline: LatentFacePipeline, codes: Codes) -> Codes:
    level = replace(codes, view=codes.view * torch.tensor([1, 1, 0, 1, 1, 1]))
    return pipeline.encode(pipeline.decode(level).render()[0].clamp(-1, 1))


@pytest.fixture
def sliders() -> ExpressionSliders:
    generator = torch.Generator().manual_seed(0)
    directions, readings = torch.randn(1, 32, generator=generator), torch.randn(32, 1, generator=generator)
    one = Slider("smile", "down", "up", 1.0, 1.0, 30, "", 0.0)
    return ExpressionSliders((one,), directions, readings, torch.eye(1), {})


def test_similarities_are_those_of_what_the_model_sees(sliders):
    pipeline, a, b = tiny_pipeline(), random_codes(1, 1), random_codes(1, 2)
    swapped = pipeline.swap(a, b, 1.5)
    found = swap_numbers(pipeline, a, b, swapped, sliders)
    one, two = (signature(pipeline, codes)[0] for codes in (a, b))
    result, rebuilt = (signature(pipeline, seen_again(pipeline, codes))[0] for codes in (swapped, a))
    assert found.to_a == pytest.approx(cosine(result, one), abs=1e-4)
    assert found.to_b == pytest.approx(cosine(result, two), abs=1e-4)
    assert found.rebuilt_to_a == pytest.approx(cosine(rebuilt, one), abs=1e-4)
    assert found.a_to_b == pytest.approx(cosine(one, two), abs=1e-4)
    assert len({round(v, 3) for v in (found.to_a, found.to_b, found.rebuilt_to_a, found.a_to_b)}) == 4


def test_the_unchanged_a_is_as_like_a_as_its_rebuilding(sliders):
    pipeline, a, b = tiny_pipeline(), random_codes(1, 1), random_codes(1, 2)
    found = swap_numbers(pipeline, a, b, a, sliders)
    assert found.to_a == pytest.approx(found.rebuilt_to_a, abs=1e-4)
    assert found.smiles["swap"] == pytest.approx(found.smiles["a"], abs=1e-3)


def test_smiles_are_read_off_the_pictures(sliders):
    pipeline, a, b = tiny_pipeline(), random_codes(1, 1), random_codes(1, 2)
    swapped = pipeline.swap(a, b)
    found = swap_numbers(pipeline, a, b, swapped, sliders, seed=2).smiles
    for name, codes in (("a", a), ("b", b), ("swap", swapped)):
        expression = pipeline.split(seen_again(pipeline, codes), seed=2).expression
        assert found[name] == pytest.approx(float(sliders.read(expression)["smile"]), abs=1e-3), name
    assert swap_numbers(pipeline, a, b, swapped, None).smiles == {}


def test_a_denoiser_without_whitening_compares_identities():
    torch.manual_seed(0)
    pipeline = LatentFacePipeline(tiny_autoencoder(), PaperDenoiser(code=32, widths=(64, 64)).eval(), make_scheduler())
    codes = random_codes(2)
    expected = pipeline.denoiser.standardize(pipeline.split(codes).identity)
    assert torch.equal(signature(pipeline, codes), expected)
