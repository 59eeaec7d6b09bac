"""Dependence of two sets of numbers: the Hilbert-Schmidt independence criterion (Gretton et al., ALT 2005), normalised.

The unbiased estimator (Song et al., JMLR 2012, eq. 5), divided by the geometric mean of both sets' own: 1 for the same
kernel, about 0, on either side, for independent rows.
"""

import torch
from torch import Tensor


def gaussian_kernel(rows: Tensor) -> Tensor:
    """Gaussian kernel N x N of rows N x D, columns standardised, its width the median distance."""
    rows = rows.double()
    std = rows.std(0, correction=0)
    rows = rows[:, std > 1e-8] / std[std > 1e-8]
    squared = torch.cdist(rows, rows, compute_mode="donot_use_mm_for_euclid_dist").square()
    middle = squared[~torch.eye(len(rows), dtype=torch.bool)].median().clamp(min=1e-12)
    return torch.exp(-squared / (2 * middle))


def same_kernel(label: Tensor) -> Tensor:
    """Kernel N x N of classes N int64: 1 where they agree."""
    return (label[:, None] == label).double()


def hsic(one: Tensor, two: Tensor) -> Tensor:
    """Unbiased HSIC of two kernels N x N, N > 3; a scalar."""
    n = len(one)
    off = ~torch.eye(n, dtype=torch.bool)
    a, b = one * off, two * off
    sums = a.sum() * b.sum() / ((n - 1) * (n - 2))
    return ((a * b).sum() + sums - 2 / (n - 2) * (a.sum(0) @ b.sum(0))) / (n * (n - 3))


def dependence(one: Tensor, two: Tensor) -> float:
    """Normalised HSIC of two kernels N x N; 0 where one of them is constant."""
    scale = hsic(one, one) * hsic(two, two)
    return float(hsic(one, two) / scale.sqrt()) if scale > 1e-20 else 0.0
