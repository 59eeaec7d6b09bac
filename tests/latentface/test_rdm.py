"""Stage 2's sampler against the DDIM paper, and denoisers whose best answer is known."""

import math

import pytest
import torch

from latentface.rdm import Denoiser, make_scheduler, split
from tests.helpers import tiny_denoiser

CODES = torch.randn(5, 16, generator=torch.Generator().manual_seed(7)) * 2 + 1


def constant_denoiser(answer: torch.Tensor) -> Denoiser:
    """Predicts `answer` (standardised), whatever it sees."""
    denoiser = tiny_denoiser(3, len(answer))
    with torch.no_grad():
        for linear in (denoiser.outlet[-1], denoiser.skip):
            linear.weight.zero_()
            linear.bias.zero_()
        denoiser.outlet[-1].bias.copy_(answer)
    return denoiser


def ddim_by_the_paper(denoiser: Denoiser, code: torch.Tensor, noise: torch.Tensor, steps: int) -> list[torch.Tensor]:
    """Song et al. 2021, eq. 12 with sigma = 0, one row, one noise; returns every x0 and the sample at last."""
    alpha_bar, product = [], 1.0
    for t in range(1000):
        product *= 1 - (1e-4 + (0.02 - 1e-4) * t / 999)
        alpha_bar.append(product)
    times = [round(1000 / steps) * i for i in range(steps)][::-1]
    condition, x, clean = (code - denoiser.mean) / denoiser.std, noise, []
    for now, after in zip(times, [*times[1:], None], strict=True):
        a, b = alpha_bar[now], 1.0 if after is None else alpha_bar[after]
        with torch.no_grad():
            x0 = denoiser(x[None], torch.tensor([now]), condition[None])[0]
        direction = (x - math.sqrt(a) * x0) / math.sqrt(1 - a)
        x = math.sqrt(b) * x0 + math.sqrt(1 - b) * direction
        clean.append(x0)
    return [*clean, x]


@pytest.mark.parametrize("steps, samples", [(5, 1), (5, 3), (2, 2), (10, 1)])
def test_sampling_against_the_paper(steps, samples):
    denoiser = tiny_denoiser()
    found = split(denoiser, make_scheduler(), CODES[:2], steps=steps, samples=samples, seed=11)
    noise = torch.randn(samples, 1, 16, generator=torch.Generator().manual_seed(11))[:, 0]
    for row in range(2):
        runs = [ddim_by_the_paper(denoiser, CODES[row], one, steps) for one in noise]
        *clean, last = [torch.stack(parts).mean(0) * denoiser.std + denoiser.mean for parts in zip(*runs, strict=True)]
        torch.testing.assert_close(found.identity[row], last, atol=1e-4, rtol=1e-4)
        for mine, twin in zip(found.steps, clean, strict=True):
            torch.testing.assert_close(mine[row], twin, atol=1e-4, rtol=1e-4)


def test_identity_and_expression_make_the_code():
    found = split(tiny_denoiser(), make_scheduler(), CODES)
    assert found.identity.shape == found.expression.shape == CODES.shape
    torch.testing.assert_close(found.identity + found.expression, CODES)
    assert (found.expression.abs() > 1e-3).any()


@pytest.mark.parametrize("steps", [1, 2, 5, 8])
def test_every_step_is_recorded_and_the_last_is_the_identity(steps):
    found = split(tiny_denoiser(), make_scheduler(), CODES, steps=steps)
    assert len(found.steps) == steps and all(s.shape == CODES.shape for s in found.steps)
    torch.testing.assert_close(found.steps[-1], found.identity, atol=1e-5, rtol=1e-5)


def test_same_seed_same_result_and_another_seed_another():
    denoiser, scheduler = tiny_denoiser(), make_scheduler()
    first = split(denoiser, scheduler, CODES, seed=4)
    torch.manual_seed(123)  # the global generator has no say
    assert torch.equal(split(denoiser, scheduler, CODES, seed=4).identity, first.identity)
    assert not torch.allclose(split(denoiser, scheduler, CODES, seed=5).identity, first.identity, atol=1e-4)


def test_calls_do_not_share_a_step_counter():
    """Denoising on, after another number of steps was asked of the same scheduler in between."""
    denoiser, scheduler = tiny_denoiser(), make_scheduler()
    first = split(denoiser, scheduler, CODES)
    split(denoiser, scheduler, CODES, steps=9)
    assert torch.equal(split(denoiser, scheduler, CODES).identity, first.identity)
    assert scheduler.num_inference_steps is None


def test_a_face_is_split_alike_in_any_company():
    denoiser, scheduler = tiny_denoiser(), make_scheduler()
    together = split(denoiser, scheduler, CODES)
    for order in ([2], [4, 2], [0, 1, 2]):
        found = split(denoiser, scheduler, CODES[order])
        torch.testing.assert_close(found.identity, together.identity[order], atol=1e-5, rtol=1e-5)
    twins = split(denoiser, scheduler, CODES[[1, 1]]).identity
    torch.testing.assert_close(twins[0], twins[1], atol=1e-6, rtol=1e-6)


def test_constant_answer_is_recovered():
    answer = torch.linspace(-3, 3, 16)  # beyond [-1, 1]: nothing may clip it
    denoiser = constant_denoiser(answer)
    found = split(denoiser, make_scheduler(), CODES)
    for clean in (*found.steps, found.identity):
        torch.testing.assert_close(clean, denoiser.restore(answer).expand(5, -1), atol=1e-4, rtol=1e-4)


def test_answer_that_copies_the_code_leaves_no_expression():
    denoiser = constant_denoiser(torch.zeros(16))
    with torch.no_grad():
        denoiser.skip.weight.copy_(torch.eye(16))
    assert split(denoiser, make_scheduler(), CODES).expression.abs().max() < 1e-4


def test_trained_denoiser_finds_the_part_that_stays():
    """Codes = person + frame noise in other dimensions: the best identity keeps the first half and zeroes the rest."""
    torch.manual_seed(0)
    denoiser, alphas = Denoiser(code=4, width=32, blocks=1), make_scheduler().alphas_cumprod
    optimizer = torch.optim.Adam(denoiser.parameters(), 3e-3)
    keep = torch.tensor([1.0, 1, 0, 0])
    for _ in range(300):
        condition = torch.randn(128, 4)
        target, t = condition * keep, torch.randint(1000, (128,))
        noisy = alphas[t, None].sqrt() * target + (1 - alphas[t, None]).sqrt() * torch.randn(128, 4)
        loss = (denoiser(noisy, t, condition) - target).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    code = torch.randn(32, 4)
    found = split(denoiser, make_scheduler(), code)
    assert (found.identity - code * keep).square().mean() < 0.02
    assert (found.expression - code * (1 - keep)).square().mean() < 0.02


def limited(rank: int = 3) -> Denoiser:
    """A random denoiser of 16 codes whose expression has this rank."""
    torch.manual_seed(0)
    denoiser = Denoiser(code=16, width=16, blocks=1, changing=rank).eval()
    with torch.no_grad():
        denoiser.readings.copy_(torch.linalg.qr(torch.randn(16, rank))[0])
        aside = torch.randn(16, rank)  # moving with what is read, but not read themselves
        denoiser.directions.copy_(denoiser.readings + aside - denoiser.readings @ (denoiser.readings.T @ aside))
        denoiser.mean.normal_()
        denoiser.std.uniform_(0.5, 2)
    return denoiser


def test_the_expression_of_a_limited_denoiser_lies_in_its_directions():
    denoiser = limited()
    found = split(denoiser, make_scheduler(), CODES)
    expression = found.expression / denoiser.std
    torch.testing.assert_close(denoiser.expression_part(expression), expression, atol=1e-4, rtol=1e-4)
    assert torch.linalg.matrix_rank(expression, atol=1e-3) == 3


def test_the_identity_of_a_limited_denoiser_is_blind_to_its_directions():
    """Whatever moves along them, the same identity comes out: the guess can't copy what it is to take off."""
    denoiser = limited()
    moved = CODES + (torch.randn(len(CODES), 3) @ denoiser.directions.T) * denoiser.std
    one, two = (split(denoiser, make_scheduler(), code).identity for code in (CODES, moved))
    torch.testing.assert_close(one, two, atol=1e-4, rtol=1e-4)
    other = CODES + torch.randn_like(CODES)
    assert (split(denoiser, make_scheduler(), other).identity - one).abs().max() > 0.1


def test_standardize_and_restore_are_inverse():
    denoiser = tiny_denoiser()
    torch.testing.assert_close(denoiser.restore(denoiser.standardize(CODES)), CODES)
    expected = torch.stack([(row - denoiser.mean) / denoiser.std for row in CODES])
    torch.testing.assert_close(denoiser.standardize(CODES), expected)


def test_denoiser_sees_time_noise_and_code():
    denoiser, t = tiny_denoiser(), torch.full((5,), 500)
    base = denoiser(CODES, t, CODES)
    assert base.shape == CODES.shape
    for other in (denoiser(CODES + 1, t, CODES), denoiser(CODES, t // 2, CODES), denoiser(CODES, t, CODES + 1)):
        assert (other - base).abs().max() > 1e-3


def test_saved_denoiser_carries_its_scale(tmp_path):
    denoiser = tiny_denoiser()
    denoiser.save_pretrained(tmp_path)
    loaded = Denoiser.from_pretrained(tmp_path)
    assert torch.equal(loaded.mean, denoiser.mean) and torch.equal(loaded.std, denoiser.std)
    assert torch.equal(
        split(loaded, make_scheduler(), CODES).identity, split(denoiser, make_scheduler(), CODES).identity
    )


@pytest.mark.parametrize("arguments", [{"steps": 0}, {"samples": 0}, {"steps": -1}])
def test_wrong_counts(arguments):
    with pytest.raises(ValueError, match="at least 1"):
        split(tiny_denoiser(), make_scheduler(), CODES, **arguments)
