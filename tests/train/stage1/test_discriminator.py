"""The discriminator and its losses, against plain loops."""

import math

import pytest
import torch
import torch.nn.functional as F

from tests.helpers import smooth
from train.stage1.discriminator import Discriminator, discriminator_loss, gradient_balance


def test_the_discriminators_loss_against_a_loop():
    torch.manual_seed(0)
    discriminator = Discriminator(8).eval()
    image, drawn = smooth((2, 3, 32, 32), 0), smooth((2, 3, 32, 32), 1)
    with torch.no_grad():
        discriminator[-1].bias.fill_(0.9)
        photo, made = discriminator(image), discriminator(drawn)
        assert photo.shape == (2, 1, 4, 4)
        total = 0.0
        for real, false in zip(photo.flatten().tolist(), made.flatten().tolist(), strict=True):
            total += max(0.0, 1 - real) + max(0.0, 1 + false)
        assert float(discriminator_loss(discriminator, image, drawn)) == pytest.approx(total / 32 / 2, rel=1e-5)


def test_the_discriminator_learns_to_tell_and_stays_smooth():
    torch.manual_seed(0)
    discriminator, image = Discriminator(8), smooth((8, 3, 16, 16), 0)
    drawn, optimizer = (
        F.interpolate(F.avg_pool2d(image, 4), scale_factor=4),
        torch.optim.Adam(discriminator.parameters(), 5e-3),
    )
    first = discriminator_loss(discriminator, image, drawn).item()
    for _ in range(60):
        optimizer.zero_grad()
        discriminator_loss(discriminator, image, drawn).backward()
        optimizer.step()
    assert discriminator_loss(discriminator, image, drawn).item() < 0.8 * first
    discriminator.eval()
    for layer in list(discriminator)[::2]:
        assert torch.linalg.matrix_norm(layer.weight.flatten(1), 2).item() == pytest.approx(1, abs=0.15)


def test_balance_is_the_ratio_of_the_gradients():
    weight = torch.randn(3, 4, requires_grad=True)
    one, two = (weight * torch.arange(12.0).view(3, 4)).sum(), 0.5 * weight.sum()
    expected = math.sqrt(sum(i * i for i in range(12))) / (0.5 * math.sqrt(12))
    found = gradient_balance(one, two, weight)
    assert found.item() == pytest.approx(expected, rel=1e-4) and not found.requires_grad
    assert gradient_balance(one, 1e-9 * two, weight) == 100
    one.backward()  # the graph is still there
    assert weight.grad is not None
