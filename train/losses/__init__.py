"""Losses: `photometric` of stage 1, and one file a loss for PCL and SimCLR."""

from .photometric import feature_l2, gaussian_feature, gradient_l1, laplace, laplacian_l1, masked_mean

__all__ = ["feature_l2", "gaussian_feature", "gradient_l1", "laplace", "laplacian_l1", "masked_mean"]
