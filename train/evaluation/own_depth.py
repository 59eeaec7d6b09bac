"""How much of a person's own relief a model shows: depth beyond what the average face shows at the same view.

SIDE and MAD say little about it: with the average face for everybody, both hardly change. Here, for every frame, log
depth less its mean inside the head: of the truth T, of the model's own face O, and of the average face M (the mean
shape code over all frames) at the view that the model gives the frame. own_depth_r2 = 1 - sum (T - O)^2 / sum (T - M)^2
is 1 for the truth and 0 for the average face; another person's shape code comes out below 0.

As a yardstick, own_depth_r2_of_readout is what a linear read-out of T - M from the same frozen codes and views reaches
that was shown the truth of other people: where it is far above own_depth_r2, codes know more than the decoder shows.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from latentface.codes import Codes, Scene
from latentface.rendering import view_grid
from train.evaluation.metrics.depth import eroded, halved
from train.evaluation.probe_heads.ridge import ridge_path
from train.evaluation.truth_frames import Truth

SIDE = 64
"""Largest side in pixels at which depth is compared."""
BATCH = 64
COARSE = 16
"""Side at which the read-out foretells depth."""
RIDGES = (10.0, 100.0, 1_000.0)
"""Ridges that the read-out is tried with, for standardised codes; a third of its people choose."""

Decode = Callable[[Codes], Scene]


@dataclass
class Frames:
    """N frames with truth and what the model says of them."""

    codes: Codes
    """Batch of N."""
    depth: Tensor
    """N x s x s true depth in the picture's view."""
    mask: Tensor
    """N x s x s bool: the head."""
    person: list[str]
    """N."""

    @classmethod
    def cat(cls, parts: Sequence["Frames"]) -> "Frames":
        """Join in order."""
        person = [one for part in parts for one in part.person]
        depth, mask = (torch.cat([getattr(part, name) for part in parts]) for name in ("depth", "mask"))
        return cls(Codes.cat([part.codes for part in parts]), depth, mask, person)


def frames_of(codes: Codes, truth: Truth) -> Frames:
    """Keep what own_depth needs of one clip, at SIDE pixels at most."""
    depth, mask = truth.depth, truth.mask
    while depth.shape[-1] > SIDE:
        _, depth, mask = halved(depth, depth, mask)
    return Frames(codes.to("cpu"), depth, mask, [str(factor["person"]) for factor in truth.factors])


def own_depth(decode: Decode, frames: Frames) -> dict[str, float]:
    """Measure the share of people's own relief that a model's shape codes explain.

    Args:
        decode: codes to scenes.
        frames: of at least two people.

    Returns:
        own_depth_r2; "..._of_mean": with the mean shape code of the person's frames; "..._of_another": with the next
        person's; "..._of_average": with everybody's mean, 0 by definition. own_depth_std: root mean square of T - M.
    """
    shape = frames.codes.shape
    people = {person: i for i, person in enumerate(dict.fromkeys(frames.person))}
    index = torch.tensor([people[person] for person in frames.person])
    counts = torch.bincount(index, minlength=len(people))[:, None]
    means = torch.zeros(len(people), shape.shape[1]).index_add_(0, index, shape) / counts
    shapes = {
        "": shape,
        "_of_mean": means[index],
        "_of_another": means.roll(1, 0)[index],
        "_of_average": shape.mean(0, keepdim=True).expand_as(shape),
    }
    seen = {name: seen_depth(decode, replace(frames.codes, shape=code)) for name, code in shapes.items()}
    mask = eroded(frames.mask)
    for depth in seen.values():
        mask = mask & eroded(depth > 0)
    truth, average = centred(frames.depth, mask), centred(seen["_of_average"], mask)
    total = (truth - average).square().sum()
    results = {
        f"own_depth_r2{name}": 1 - float((truth - centred(depth, mask)).square().sum() / total)
        for name, depth in seen.items()
    }
    read = average + readout(torch.cat([frames.codes.face, frames.codes.view], 1), truth - average, index)
    missed = (truth - centred(read.exp(), mask)).square().sum()
    results["own_depth_r2_of_readout"] = 1 - float(missed / total)
    return results | {"own_depth_std": float((total / mask.sum()).sqrt())}


def readout(codes: Tensor, maps: Tensor, person: Tensor) -> Tensor:
    """Foretell maps of each half of the people from codes, by ridge regression on the other half.

    Args:
        codes: N x C.
        maps: N x s x s.
        person: N int64, from 0.

    Returns:
        N x s x s, smooth: foretold at COARSE x COARSE.
    """
    side = maps.shape[-1]
    coarse = F.adaptive_avg_pool2d(maps[:, None], COARSE).flatten(1)
    found = torch.zeros_like(coarse)
    for half in (0, 1):
        learning, waiting = (person % 2 == part for part in (half, 1 - half))
        choosing = learning & (person // 2 % 3 == 0)
        hold = RIDGES[-1]  # of so few people that none is left to choose by
        if (learning & ~choosing).any() and choosing.any():
            tried = ridges(codes, coarse, learning & ~choosing, choosing, RIDGES)
            errors = [float((answer - coarse[choosing]).square().sum()) for answer in tried]
            hold = RIDGES[errors.index(min(errors))]
        found[waiting] = ridges(codes, coarse, learning, waiting, [hold])[0]
    return F.interpolate(found.view(-1, 1, COARSE, COARSE), size=(side, side), mode="bilinear")[:, 0]


def ridges(codes: Tensor, values: Tensor, learning: Tensor, waiting: Tensor, holds: Sequence[float]) -> list[Tensor]:
    """Foretell the values of the waiting rows by ridge regression on standardised codes of the learning ones.

    Args:
        codes: N x C.
        values: N x V.
        learning: N bool.
        waiting: N bool.
        holds: ridges, for the sum over the learning rows.

    Returns:
        The waiting rows' values, for each ridge.
    """
    mean, std, average = (
        codes[learning].mean(0),
        codes[learning].std(0, correction=0).clamp(min=1e-6),
        values[learning].mean(0),
    )
    known, asked = (((codes[rows] - mean) / std).double() for rows in (learning, waiting))
    path = ridge_path(known, (values[learning] - average).double(), [asked], [hold / len(known) for hold in holds])
    return [average + answers[0].float() for answers in path]


@torch.no_grad()
def seen_depth(decode: Decode, codes: Codes) -> Tensor:
    """Draw the depth of faces at their own views.

    Returns:
        N x s x s with s at most SIDE; 0 where nothing is.
    """
    seen = []
    for start in range(0, len(codes.shape), BATCH):
        scene = decode(codes[start : start + BATCH])
        depth = scene.depth
        if depth.shape[-1] > SIDE:
            depth = F.avg_pool2d(depth[:, None], depth.shape[-1] // SIDE)[:, 0]
        seen.append(view_grid(depth, scene.view)[1].cpu())
    return torch.cat(seen)


def centred(depth: Tensor, mask: Tensor) -> Tensor:
    """Log depth N x S x S less its mean over the mask; 0 outside."""
    logs = torch.where(mask, depth.clamp(min=0.1).log(), 0.0)
    mean = logs.sum((1, 2)) / mask.sum((1, 2)).clamp(min=1)
    return torch.where(mask, logs - mean[:, None, None], 0.0)
