"""Histograms of oriented gradients (Dalal & Triggs, CVPR 2005) of the grey crop: 9 orientations, blocks of 2 x 2."""

import numpy as np
import torch
from torch import Tensor

from train.evaluation.methods.method import Method, Variant


def load(_: str = "") -> Method:
    """Make HOG's features; nothing is learned. Raises ImportError where scikit-image is missing."""
    try:
        from skimage.feature import hog as histogram
    except ImportError as error:
        raise ImportError("the HOG baseline needs: pip install scikit-image") from error

    def encode(images: Tensor, variant: Variant) -> dict[str, Tensor]:
        grey = (images.mean(1) / 2 + 0.5).numpy()
        cell = (variant.cell, variant.cell)
        rows = [histogram(image, 9, cell, (2, 2), "L2-Hys", transform_sqrt=False) for image in grey]
        return {"hog": torch.from_numpy(np.stack(rows))}

    shown = ((48, 1.0, 8), (64, 1.0, 8), (96, 1.0, 12), (64, 0.8, 8), (96, 0.8, 12))
    variants = [Variant(size, zoom, cell) for size, zoom, cell in shown]
    return Method("hog", "HOG, nothing learned", variants, encode)
