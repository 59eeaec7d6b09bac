"""Fitting generator.Reading, the short cut that reads small pictures off an early level of the generator."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from train.data.imagined.generator import Reading, inverse_haar, wavelets
from train.data.imagined.model import Imagined

PICTURES = 40
"""Pictures that the reading is fitted on."""
HELD_OUT = 4
"""Pictures more that it is measured on."""
PIXELS = 3000
"""Pixels a picture that the reading is fitted on."""


def fit_reading(engine: Imagined, seed: int, pictures: int = PICTURES) -> dict[str, np.ndarray]:
    """Fit the weights of generator.Reading, least squares against the whole network's pictures at half their side.

    Args:
        engine: the generator.
        seed: of the pictures.
        pictures: how many to fit on.

    Returns:
        reading_weight, reading_bias and reading_psnr (dB, on HELD_OUT more pictures).
    """
    rng = np.random.default_rng([seed, 0])
    gram = product = torch.zeros((), dtype=torch.float64)
    for _ in range(pictures):
        inputs, wished, _ = _example(engine, rng)
        chosen = torch.from_numpy(rng.permutation(wished.shape[1])[:PIXELS])
        a, b = inputs[:, chosen], wished[:, chosen]
        gram, product = gram + (a @ a.T).double(), product + (a @ b.T).double()
    weights = torch.linalg.solve(gram + 1e-4 * torch.diag(gram.diagonal()), product).float()
    errors = []
    for _ in range(HELD_OUT):
        inputs, _, target = _example(engine, rng)
        side = target.shape[-1] // 2
        found = inverse_haar((weights.T @ inputs).reshape(1, 12, side, side))
        errors.append(float((found.clamp(-1, 1) - target.cpu()).square().mean()))
    psnr = np.mean(10 * np.log10(4 / np.array(errors)))
    return {
        "reading_weight": weights[:-1].T.numpy(),
        "reading_bias": weights[-1].numpy(),
        "reading_psnr": np.array(psnr),
    }


def _example(engine: Imagined, rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """One drawn picture: inputs of the reading (2C + 1 x pixels), wished wavelets (12 x pixels), the picture."""
    network, level = engine.network, Reading.LEVELS
    w = engine.styles(rng.standard_normal((1, 512)), rng.uniform(0.6, 1.0))
    rows = torch.from_numpy(engine.rows(w)).to(engine.device, torch.bfloat16)
    with torch.inference_mode():
        x = network.features(rows, level)
        target = F.avg_pool2d(network(rows).float().clamp(-1, 1), 2)
        scaled = x * network.scale_above(rows, level)
        inputs = torch.cat([x, scaled, torch.ones_like(x[:, :1])], dim=1).float()[0].flatten(1).cpu()
        return inputs, wavelets(target)[0].flatten(1).cpu(), target
