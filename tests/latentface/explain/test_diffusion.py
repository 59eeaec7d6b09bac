"""Stage 2 step by step against rdm.split and the formulas worked out by hand."""

import math

import pytest
import torch
from diffusers.schedulers.scheduling_ddim import DDIMScheduler

from latentface.explain.diffusion import SEED, TIMES, Diffusion, people
from latentface.rdm import split
from tests.helpers import random_codes, tiny_pipeline


@pytest.fixture(scope="module")
def diffusion() -> Diffusion:
    return Diffusion(tiny_pipeline(), random_codes(1, 3))


def alpha_bar(time: int) -> float:
    """The schedule by its definition: linear betas from 1e-4 to 0.02."""
    return math.prod(1 - (1e-4 + (0.02 - 1e-4) * t / 999) for t in range(time + 1))


def test_noise_is_mixed_in_as_the_schedule_says(diffusion):
    denoiser = diffusion.pipeline.denoiser
    clean = (diffusion.parts.identity - denoiser.mean) / denoiser.std
    noise = torch.randn(1, 32, generator=torch.Generator().manual_seed(SEED))
    for time, found in zip(TIMES, diffusion.noised(), strict=True):
        share = alpha_bar(time)
        assert diffusion.alpha(time) == pytest.approx(share, rel=1e-3)
        torch.testing.assert_close(found, share**0.5 * clean + (1 - share) ** 0.5 * noise, atol=1e-3, rtol=1e-3)


def test_the_steps_are_those_of_the_split(diffusion):
    pipeline = diffusion.pipeline
    steps = diffusion.denoising(seed=0)
    expected = split(pipeline.denoiser, pipeline.scheduler, diffusion.codes.face, samples=1)
    assert [step.time for step in steps] == [800, 600, 400, 200, 0]
    for step, clean in zip(steps, expected.steps, strict=True):
        torch.testing.assert_close(pipeline.denoiser.restore(step.clean), clean, atol=1e-4, rtol=1e-4)
    for step, later in zip(steps[:-1], steps[1:], strict=True):
        noise = (step.noisy - step.alpha**0.5 * step.clean) / (1 - step.alpha) ** 0.5
        mixed = step.alpha_before**0.5 * step.clean + (1 - step.alpha_before) ** 0.5 * noise
        torch.testing.assert_close(later.noisy, mixed, atol=1e-4, rtol=1e-4)
        assert step.alpha_before == later.alpha
    assert steps[-1].alpha_before == 1


def test_strength_is_a_factor_of_the_expression(diffusion):
    parts = diffusion.pipeline.split(diffusion.codes)
    drawn = diffusion.expressed([0.0, 1.0, -0.5])
    torch.testing.assert_close(drawn.face[:1], parts.identity)
    torch.testing.assert_close(drawn.face[1:2], diffusion.codes.face)
    torch.testing.assert_close(drawn.face[2:], parts.identity - 0.5 * parts.expression)
    other = random_codes(1, 8)
    torch.testing.assert_close(
        diffusion.expressed([2.0], other).face, parts.identity + 2 * diffusion.pipeline.split(other).expression
    )


def test_the_loudest_number_is_the_largest_in_standard_deviations(diffusion):
    std, other = diffusion.pipeline.denoiser.std, random_codes(1, 8)
    for whose in (None, other):
        expression = (diffusion.codes.face if whose is None else whose.face) - (
            diffusion.parts if whose is None else diffusion.pipeline.split(whose)
        ).identity  # fmt: skip
        found = diffusion.loudest(whose)
        units = (expression / std)[0].tolist()
        at = max(range(32), key=lambda i: abs(units[i]))
        assert found["index"] == at + 1 and found["theirs"] == pytest.approx(units[at], abs=1e-4)
        assert found["code"] == pytest.approx(found["identity"] + found["expression"], abs=1e-4)
        assert found["code"] == pytest.approx(float(diffusion.codes.face[0, at] / std[at]), abs=1e-4)
    whole = ((diffusion.codes.face - diffusion.pipeline.denoiser.mean) / std).norm()
    assert diffusion.share() == pytest.approx(float((diffusion.parts.expression / std).norm() / whole), abs=1e-5)


def test_people_lie_apart_on_the_plane_in_which_they_differ():
    generator = torch.Generator().manual_seed(0)
    middle = torch.zeros(5, 1, 12)
    middle[:, 0, 3], middle[:, 0, 7] = torch.tensor([-9.0, -3, 0, 4, 8]), torch.tensor([5.0, -5, 5, -5, 0])
    codes = middle + 0.1 * torch.randn(5, 6, 12, generator=generator)
    laid = people(codes)
    centre = codes.mean((0, 1))
    flat = [sum(float((frame - person.mean(0)).square().sum()) for frame in person) for person in codes]
    assert laid.within == pytest.approx(math.sqrt(sum(flat) / 30), rel=1e-4)
    apart = [float((person.mean(0) - centre).square().sum()) for person in codes]
    assert laid.between == pytest.approx(math.sqrt(sum(apart) / 5), rel=1e-4)
    torch.testing.assert_close(laid.places.mean(1), laid.means, atol=1e-4, rtol=1e-4)
    between = torch.cdist(laid.means, laid.means)
    torch.testing.assert_close(between, torch.cdist(codes.mean(1), codes.mean(1)), atol=0.1, rtol=0.02)


def test_the_denoisers_block(diffusion):
    block = diffusion.block()
    assert block.shapes[0] == (32,) and block.shapes[-1] == (32,)
    assert block.parameters == sum(p.numel() for p in diffusion.pipeline.denoiser.parameters())


@pytest.mark.parametrize("steps", [10, 50, 1000, 4000])
def test_times_and_words_are_those_of_the_schedule(steps):
    pipeline = tiny_pipeline()
    settings = {"num_train_timesteps": steps, "beta_start": 0.003, "beta_schedule": "scaled_linear"}
    pipeline.scheduler = DDIMScheduler.from_config({**pipeline.scheduler.config, **settings})
    diffusion = Diffusion(pipeline, random_codes(1))
    assert diffusion.times[0] == 0 and diffusion.times[-1] == steps - 1 and diffusion.times == sorted(diffusion.times)
    assert (diffusion.times == list(TIMES)) == (steps == 1000) and len(diffusion.noised()) == len(TIMES)
    assert diffusion.schedule() == f"T = {steps}, β from 0.003 to 0.02, scaled linear"
