"""Losses: `photometric` of stage 1, and one file a loss for PCL and SimCLR."""

from train.losses.info_nce import info_nce, mixture
from train.losses.orthogonality import orthogonality
from train.losses.photometric import feature_l2, gaussian_feature, gradient_l1, laplace, laplacian_l1, masked_mean
from train.losses.pose_contrast import pose_contrast
from train.losses.reconstruction import reconstruction

__all__ = [
    "feature_l2", "gaussian_feature", "gradient_l1", "info_nce", "laplace", "laplacian_l1", "masked_mean", "mixture",
    "orthogonality", "pose_contrast", "reconstruction",
]  # fmt: skip
