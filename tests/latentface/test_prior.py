"""The prior: principal axes, a sampler that gives what is known in closed form, drawing through the pipeline."""

import pytest
import torch

from latentface.codes import Codes
from latentface.pipeline import LatentFacePipeline
from latentface.prior import ConditionalDenoiser, PrincipalAxes, Prior, draw_noise, make_prior_scheduler, sample
from tests.helpers import random_codes, tiny_pipeline


def tiny_prior(code: int = 32) -> Prior:
    torch.manual_seed(0)
    return Prior(code=code, identity_axes=6, expression_axes=4, width=16, blocks=1).eval()


def with_prior() -> LatentFacePipeline:
    pipeline = tiny_pipeline()
    return LatentFacePipeline(pipeline.autoencoder, pipeline.denoiser, pipeline.scheduler, tiny_prior())


def test_principal_axes_whiten_and_restore():
    draw = torch.Generator().manual_seed(0)
    codes = torch.randn(500, 3, generator=draw) @ torch.randn(3, 10, generator=draw) * 4 + 2
    axes = PrincipalAxes(10, 3)
    assert axes.fit(codes) == pytest.approx(1, abs=1e-5)
    numbers = axes(codes)
    assert torch.allclose(numbers.T @ numbers / 499, torch.eye(3), atol=1e-3)
    assert torch.allclose(axes.restore(numbers), codes, atol=1e-3)
    assert PrincipalAxes(10, 2).fit(codes) < 0.999


class Normal(ConditionalDenoiser):
    """The right velocity of numbers that are normal about `mean`, of standard deviation `deviation`; its condition is
    added to the mean."""

    def __init__(self, mean: float, deviation: float):
        super().__init__(2, 2, 8, 1)
        self.centre, self.deviation = mean, deviation

    def forward(self, sample, timestep, condition, known):
        alpha = make_prior_scheduler().alphas_cumprod[timestep.long()][:, None]
        centre = self.centre + condition * known[:, None]
        variance = alpha * self.deviation**2 + 1 - alpha
        clean = centre + alpha.sqrt() * self.deviation**2 / variance * (sample - alpha.sqrt() * centre)
        noise = (sample - alpha.sqrt() * clean) / (1 - alpha).sqrt()
        return alpha.sqrt() * noise - (1 - alpha).sqrt() * clean


def test_sampling_gives_the_distribution_that_the_network_knows():
    noise = torch.randn(4_000, 2, generator=torch.Generator().manual_seed(0))
    walk = sample(Normal(3.0, 0.5), PrincipalAxes(2, 2), noise, steps=100)
    assert walk.result.mean(0).tolist() == pytest.approx([3, 3], abs=0.05)
    assert walk.result.std(0).tolist() == pytest.approx([0.5, 0.5], abs=0.05)
    assert len(walk.noisy) == len(walk.clean) == 100
    assert torch.equal(walk.noisy[0], noise)
    assert walk.clean[0].std() < 0.05 and torch.allclose(walk.clean[-1], walk.result, atol=1e-4)


@pytest.mark.parametrize(("guidance", "mean"), [(0.0, 1.0), (1.0, 3.0), (2.0, 5.0)])
def test_guidance_goes_from_anyone_over_this_one_and_beyond(guidance, mean):
    noise = torch.randn(2_000, 2, generator=torch.Generator().manual_seed(0))
    condition = torch.full((2_000, 2), 2.0)
    walk = sample(Normal(1.0, 0.5), PrincipalAxes(2, 2), noise, condition, guidance, steps=250)
    assert walk.result.mean().item() == pytest.approx(mean, abs=0.02)


def test_a_network_heeds_its_condition_only_where_it_is_known():
    torch.manual_seed(0)
    network = ConditionalDenoiser(4, 3, 16, 2)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    noisy, t = torch.randn(2, 4), torch.tensor([100, 100])
    one, other = torch.randn(2, 3), torch.randn(2, 3)
    no, yes = torch.zeros(2, dtype=torch.bool), torch.ones(2, dtype=torch.bool)
    assert torch.equal(network(noisy, t, one, no), network(noisy, t, other, no))
    assert not torch.allclose(network(noisy, t, one, yes), network(noisy, t, other, yes))


def test_noise_of_a_row_does_not_depend_on_how_many_are_drawn():
    assert torch.equal(draw_noise(5, 3, 7)[:2], draw_noise(2, 3, 7))
    assert torch.equal(draw_noise(2, 3, 8)[0], draw_noise(2, 3, 7)[1])


@pytest.mark.parametrize("steps", [0, 1001])
def test_impossible_steps_are_refused(steps):
    with pytest.raises(ValueError, match="steps go from 1 to 1000"):
        sample(Normal(0, 1), PrincipalAxes(2, 2), torch.zeros(1, 2), steps=steps)


@pytest.mark.parametrize("axes", [0, 33])
def test_impossible_axes_are_refused(axes):
    with pytest.raises(ValueError, match="axes go from 1 to 32"):
        Prior(code=32, identity_axes=axes, expression_axes=4)


def test_the_pipeline_draws_people_and_expressions():
    pipeline, codes = with_prior(), random_codes(1)
    walk = pipeline.draw_people(3, steps=4, seed=1)
    assert walk.result.shape == (3, 32) and len(walk.clean) == 4
    assert torch.equal(pipeline.draw_people(1, steps=4, seed=1).result, walk.result[:1])
    like = pipeline.draw_people(2, like=codes, guidance=0.0, steps=4)
    assert torch.allclose(like.result, pipeline.draw_people(2, steps=4).result)
    expressions = pipeline.draw_expressions(codes, 2, steps=4).result
    assert expressions.shape == (2, 32)
    front = pipeline.frontal(walk.result)
    assert isinstance(front, Codes) and not front.view.any()
    assert torch.equal(front.face, walk.result)
    assert torch.isfinite(pipeline.decode(front).albedo).all()


def test_a_checkpoint_without_a_prior_says_so(tmp_path):
    pipeline = tiny_pipeline()
    with pytest.raises(ValueError, match="no prior"):
        pipeline.draw_people(1)
    pipeline.save_pretrained(tmp_path / "plain")
    assert LatentFacePipeline.from_pretrained(tmp_path / "plain", low_cpu_mem_usage=False).prior is None


def test_a_saved_prior_draws_the_same(tmp_path):
    pipeline = with_prior()
    pipeline.save_pretrained(tmp_path / "whole")
    again = LatentFacePipeline.from_pretrained(tmp_path / "whole", low_cpu_mem_usage=False)
    assert torch.equal(again.draw_people(2, steps=3).result, pipeline.draw_people(2, steps=3).result)
