"""Quick probes of contrastive features during training: identity by nearest neighbour, yaw by ridge regression."""

import math

import torch
from sklearn.neighbors import NearestNeighbors
from torch import Tensor

from latentface.pcl import PCL, Backbone
from train.data.clips import Clips
from train.evaluation.probe_heads.ridge import ridge_path

BLOCKS = ("trunk", "face", "pose")
"""Blocks of features that an encoder may give."""


@torch.no_grad()
def probe_features(model: PCL | Backbone, clips: Clips, size: int, count: int = 512) -> dict[str, float]:
    """Measure identity and yaw in every block of features, on validation frames.

    Args:
        model: the encoder.
        clips: frames; those of `clips.validation` are used.
        size: side of the pictures the encoder takes.
        count: most frames used.

    Returns:
        nearest_BLOCK, see `nearest`, and, where every frame's yaw is known (a pseudo-label of the engine that made the
        frames, never trained on), yaw_BLOCK: `ridge_correlation` of a fit on the first half of the people, measured on
        the other half.
    """
    rows = clips.validation.nonzero().flatten()[:count]
    parts = []
    device = next(model.parameters()).device
    with torch.autocast(device.type, torch.bfloat16):
        for part in rows.split(64):
            image = clips.centre(part, size).to(device, memory_format=torch.channels_last)
            parts.append(model.encode(image))
    person, yaw, out = clips.person[rows], known_yaw(clips, rows), {}
    first = person <= person.median()
    for name in BLOCKS:
        if getattr(parts[0], name) is None:
            continue
        features = torch.cat([getattr(part, name) for part in parts]).float().cpu()
        out[f"nearest_{name}"] = nearest(features, person)
        if yaw is not None:
            out[f"yaw_{name}"] = ridge_correlation(features[first], yaw[first], features[~first], yaw[~first])
    return out


def known_yaw(clips: Clips, rows: Tensor) -> Tensor | None:
    """Return the yaw in degrees of frames, as the engine that made them wrote it; None where one is missing."""
    poses = [clips.factors[i].get("pose") for i in rows.tolist()]
    return torch.tensor([pose[0] for pose in poses if pose]) if all(poses) else None


def nearest(features: Tensor, person: Tensor) -> float:
    """Return the share of frames whose nearest other frame shows the same person.

    Args:
        features: B x D; compared by cosine, centred.
        person: B.
    """
    search = NearestNeighbors(n_neighbors=1, metric="cosine", algorithm="brute")
    search.fit((features - features.mean(0)).numpy())
    found = torch.from_numpy(search.kneighbors(return_distance=False))[:, 0]
    return float((person[found] == person).float().mean())


def ridge_correlation(features: Tensor, target: Tensor, other: Tensor, truth: Tensor) -> float:
    """Correlate the truth with predictions of a ridge regression.

    The ridge is a hundredth of the features' mean squared length.

    Args:
        features: N x D, fitted on.
        target: N, fitted to.
        other: M x D, predicted from.
        truth: M, compared with.

    Returns:
        The correlation; 0 where a side is empty or constant.
    """
    if len(features) < 2 or len(other) < 2:
        return 0.0
    mean = features.mean(0)
    x, query = (features - mean).double(), (other - mean).double()
    penalty = max(0.01 * float(x.square().sum(1).mean()), 1e-6) / len(x)
    y = (target - target.mean()).double()[:, None]
    guess = next(ridge_path(x, y, [query], [penalty]))[0][:, 0].to(truth.dtype)
    value = float(torch.corrcoef(torch.stack([guess, truth]))[0, 1])
    return value if math.isfinite(value) else 0.0
