"""Measures of the curves."""

import pytest
import torch

from train.stage1.measures import relief


def test_relief_is_positive_for_a_convex_face():
    v, u = torch.meshgrid(torch.linspace(-1, 1, 64), torch.linspace(-1, 1, 64), indexing="ij")
    nose = torch.exp(-(u**2 + (v - 0.1) ** 2) / 0.05)[None]
    assert float(relief(1.05 - 0.1 * nose)) == pytest.approx(0.4, abs=0.1)
    assert float(relief(1 + 0.05 * nose)) < -0.1 and float(relief(torch.ones(1, 64, 64))) == pytest.approx(0, abs=1e-6)
