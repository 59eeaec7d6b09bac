"""Every loss against a version in plain loops, written from its formula."""

import math

import pytest
import torch
from torch import Tensor

from train import losses


def numbers(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def mask_of(*shape: int) -> Tensor:
    return (numbers(9, *shape) > -0.3).double()


def pixels(batch: int, height: int, width: int):
    return ((b, y, x) for b in range(batch) for y in range(height) for x in range(width))


def test_laplace():
    prediction, target, log_sigma, mask = (
        numbers(0, 2, 3, 5, 6),
        numbers(1, 2, 3, 5, 6),
        numbers(2, 2, 1, 5, 6),
        mask_of(2, 1, 5, 6),
    )
    total = count = 0.0
    for b, y, x in pixels(2, 5, 6):
        if mask[b, 0, y, x]:
            error = sum(abs(float(prediction[b, c, y, x] - target[b, c, y, x])) for c in range(3)) / 3
            sigma = math.exp(log_sigma[b, 0, y, x])
            total += math.sqrt(2) * error / sigma + math.log(sigma)
            count += 1
    assert 0 < count < 60
    assert float(losses.laplace(prediction, target, log_sigma, mask)) == pytest.approx(total / count)


def test_laplace_is_least_at_the_errors_scale():
    """d/dsigma of sqrt(2) d / sigma + log sigma is zero at sigma = sqrt(2) d."""
    error, mask = torch.full((1, 3, 2, 2), 0.3), torch.ones(1, 1, 2, 2)
    log_sigma = torch.full((1, 1, 2, 2), math.log(math.sqrt(2) * 0.3), requires_grad=True)
    losses.laplace(error, torch.zeros_like(error), log_sigma, mask).backward()
    assert log_sigma.grad.abs().max() < 1e-6


@pytest.mark.parametrize("channels", [1, 3])
def test_masked_mean(channels):
    values, mask = numbers(0, 2, 3, 4, 5), mask_of(2, channels, 4, 5)
    kept = [
        float(values[b, c, y, x])
        for b, y, x in pixels(2, 4, 5)
        for c in range(3)
        if mask[b, min(c, channels - 1), y, x]
    ]
    assert float(losses.masked_mean(values, mask)) == pytest.approx(sum(kept) / len(kept))


def test_masked_mean_of_nothing_is_zero():
    values = numbers(0, 1, 3, 4, 4).requires_grad_()
    result = losses.masked_mean(values, torch.zeros(1, 1, 4, 4))
    result.backward()
    assert result == 0 and (values.grad == 0).all()


def halved(image: list, height: int, width: int) -> list:
    return [[(image[2 * y][2 * x] + image[2 * y + 1][2 * x] + image[2 * y][2 * x + 1] + image[2 * y + 1][2 * x + 1]) / 4
             for x in range(width // 2)] for y in range(height // 2)]  # fmt: skip


@pytest.mark.parametrize("levels", [1, 2, 3])
def test_gradient_l1(levels):
    size = 8
    prediction, target, mask = numbers(0, 2, 3, size, size), numbers(1, 2, 3, size, size), mask_of(2, 1, size, size)
    total = 0.0
    for level in range(levels):
        side = size >> level
        across, down = [], []
        for b in range(2):
            for c in range(3):
                p, t, m = prediction[b, c].tolist(), target[b, c].tolist(), mask[b, 0].tolist()
                for step in range(level):
                    p, t, m = (halved(i, size >> step, size >> step) for i in (p, t, m))
                d = [[(p[y][x] - t[y][x]) * m[y][x] for x in range(side)] for y in range(side)]
                across += [abs(d[y][x + 1] - d[y][x]) for y in range(side) for x in range(side - 1)]
                down += [abs(d[y + 1][x] - d[y][x]) for y in range(side - 1) for x in range(side)]
        total += sum(across) / len(across) + sum(down) / len(down)
    assert float(losses.gradient_l1(prediction, target, mask, levels)) == pytest.approx(total / levels)


def test_gradient_l1_does_not_mind_a_constant():
    image, mask = numbers(0, 1, 3, 8, 8), torch.ones(1, 1, 8, 8, dtype=torch.float64)
    assert float(losses.gradient_l1(image + 0.7, image, mask)) == pytest.approx(0, abs=1e-12)


def test_laplacian_l1():
    """Its inner columns: two more are left out on either side, where Unsup3D clamps the border."""
    depth, size = numbers(0, 2, 9, 11), (9, 11)
    values = []
    for b, y, x in pixels(2, *size):
        if 1 <= y < 8 and 3 <= x < 8:
            d = depth[b].tolist()
            values.append(abs(d[y + 1][x] + d[y - 1][x] + d[y][x + 1] + d[y][x - 1] - 4 * d[y][x]))
    assert float(losses.laplacian_l1(depth)) == pytest.approx(sum(values) / len(values))


def test_laplacian_l1_of_a_plane_is_zero():
    plane = 0.3 * torch.arange(8.0)[:, None] + 0.7 * torch.arange(9.0)
    assert float(losses.laplacian_l1(plane[None])) == pytest.approx(0, abs=1e-5)


def test_feature_l2():
    shapes = [(2, 4, 3, 5), (2, 6, 2, 2)]
    prediction, target = (
        [numbers(i, *s) for i, s in enumerate(shapes)],
        [numbers(i + 5, *s) for i, s in enumerate(shapes)],
    )
    layers = []
    for p, t, (batch, _channels, height, width) in zip(prediction, target, shapes, strict=True):
        places = []
        for b, y, x in pixels(batch, height, width):
            one, two = p[b, :, y, x].tolist(), t[b, :, y, x].tolist()
            lengths = [math.sqrt(sum(v * v for v in vector)) for vector in (one, two)]
            places.append(sum((a / lengths[0] - c / lengths[1]) ** 2 for a, c in zip(one, two, strict=True)))
        layers.append(sum(places) / len(places))
    assert float(losses.feature_l2(prediction, target)) == pytest.approx(sum(layers) / 2, rel=1e-5)
    assert losses.feature_l2(prediction, [3 * p for p in prediction]) < 1e-10


def test_gaussian_feature():
    prediction, target, log_sigma, mask = (
        numbers(0, 2, 5, 2, 3),
        numbers(1, 2, 5, 2, 3),
        numbers(2, 2, 1, 2, 3),
        mask_of(2, 1, 8, 12),
    )
    total = weight = 0.0
    for b, y, x in pixels(2, 2, 3):
        share = sum(float(mask[b, 0, 4 * y + i, 4 * x + j]) for i in range(4) for j in range(4)) / 16
        error = sum(float(prediction[b, c, y, x] - target[b, c, y, x]) ** 2 for c in range(5)) / 5
        sigma = math.exp(log_sigma[b, 0, y, x])
        total += share * (error / (2 * sigma**2) + math.log(sigma))
        weight += share
    assert float(losses.gaussian_feature(prediction, target, log_sigma, mask)) == pytest.approx(
        total / weight, rel=1e-5
    )


def test_every_loss_has_finite_gradients_at_a_perfect_fit():
    image, mask = numbers(0, 1, 3, 8, 8).float().requires_grad_(), torch.ones(1, 1, 8, 8)
    fit = losses.laplace(image, image.detach(), torch.zeros(1, 1, 8, 8), mask) + losses.gradient_l1(
        image, image.detach(), mask
    )
    fit = (
        fit
        + losses.feature_l2([image], [image.detach()])
        + losses.laplacian_l1(torch.ones(1, 8, 8) * image[:, 0].sum())
    )
    fit.backward()
    assert torch.isfinite(image.grad).all()
