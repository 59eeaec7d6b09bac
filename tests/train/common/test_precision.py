"""Trainers multiply in bfloat16 only where the machine does so itself."""

import pytest
import torch

from train.common.precision import mixed_precision


@pytest.mark.parametrize(
    ("features", "gpu", "chosen"),
    [
        ({"avx512_bf16": False, "amx_bf16": False}, False, "no"),
        ({"avx512_bf16": True}, False, "bf16"),
        ({"amx_bf16": True}, False, "bf16"),
        ({}, False, "no"),
        ({}, True, "bf16"),
    ],
)
def test_precision_follows_the_machine(features, gpu, chosen, monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: features, raising=False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpu)
    assert mixed_precision() == chosen
