"""Facial actions of frames, and expressions named after the strongest of them by a fixed rule."""

import torch
from torch import Tensor

from train.data.blendshapes import actions_of

NAMED = {
    "smile": ("mouthSmile",), "open": ("jawOpen",), "brows up": ("browInnerUp", "browOuterUp"),
    "brows down": ("browDown",), "shut": ("eyeBlink",), "pucker": ("mouthPucker", "mouthFunnel"),
    "frown": ("mouthFrown",), "sneer": ("noseSneer",),
}  # fmt: skip
"""Named expressions and the actions they consist of; a name without a side stands for both."""
PLAIN = 0.75
"""A frame whose strongest named expression is less than this many standard deviations above the mean is "plain"."""


def action_weights(factors: list[dict]) -> tuple[Tensor, list[str]]:
    """Read action weights N x A of frames and the actions' names; those that hardly move are left out.

    Raises ValueError where frames carry no expression (see blendshapes.actions_of).
    """
    rows = [actions_of(frame) for frame in factors]
    names = sorted({name for row in rows for name in row})
    weights = torch.tensor([[float(row.get(name, 0)) for name in names] for row in rows])
    moving = weights.std(0) > 0.02 if names else torch.zeros(0, dtype=torch.bool)
    if not moving.any():
        raise ValueError('the frames carry no expression that changes ("expression" {action: weight}, or "blend")')
    return weights[:, moving], [name for name, moves in zip(names, moving.tolist(), strict=True) if moves]


def named_expressions(weights: Tensor, names: list[str]) -> tuple[Tensor, list[str]]:
    """Name the strongest expression of each frame: classes N int64 of action weights N x A, and the classes' names.

    Every named expression's mean weight is standardised over the frames first. Classes of under 2 % count as plain.
    """
    groups = {}
    for name, stems in NAMED.items():
        columns = [i for i, action in enumerate(names) if action.removesuffix("Left").removesuffix("Right") in stems]
        if columns:
            groups[name] = weights[:, columns].mean(1)
    table = torch.stack(list(groups.values()), 1)
    table = (table - table.mean(0)) / table.std(0).clamp(min=1e-6)
    strength, label = table.max(1)
    label = torch.where(strength >= PLAIN, label + 1, 0)
    rare = torch.bincount(label, minlength=len(groups) + 1) < 0.02 * len(label)
    label = torch.where(rare[label], 0, label)
    present, index = label.unique(return_inverse=True)
    return index, [["plain", *groups][i] for i in present.tolist()]


def known_factors(factors: list[dict]) -> tuple[dict[str, Tensor], list[str]]:
    """Read the factors that all frames carry, as the leakage suite takes them, and the names of the expressions."""
    weights, names = action_weights(factors)
    label, classes = named_expressions(weights, names)
    out = {"actions": weights, "expression": label}
    if all("pose" in f for f in factors):
        pose = torch.tensor([f["pose"] for f in factors], dtype=torch.float32)
        out |= {"yaw": pose[:, :1], "pitch": pose[:, 1:2]}
    if all("light" in f for f in factors):
        out["light"] = torch.tensor([f["light"] for f in factors], dtype=torch.float32)
    for name in ("age", "skin"):
        if all(isinstance(f.get(name), (int, float)) for f in factors):
            out[name] = torch.tensor([[f[name]] for f in factors], dtype=torch.float32)
    return out, classes


def truth_by(factors: list[dict]) -> str:
    """Say who tells the factors: "engine" where it drew each from them (parametric people), else "judges"."""
    return "engine" if all("ancestry" in f for f in factors) else "judges"
