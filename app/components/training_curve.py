"""A quantity over the images of a training run, read from the curves that `train ship` puts beside a checkpoint."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import plotly.graph_objects as go

from app.components.plotly_panel import ACCENT

QUANTITIES = {
    "val_l1": "Reconstruction error, held out",
    "val_shape": "Identity error, shape, held out",
    "val_texture": "Identity error, texture, held out",
    "loss": "Loss",
    "l1": "Reconstruction error, training",
    "perceptual": "Perceptual loss",
    "adversarial": "Adversarial loss",
    "yaw_spread": "Spread of the yaw, degrees",
    "relief": "Relief: nose before cheeks",
    "concave": "Share of hollow faces",
    "rate": "Images a second",
}
"""Key of a curve -> its name; other keys keep their own name and come last."""
Curves = dict[str, list[tuple[int, float]]]
"""Quantity -> (images seen, value)."""

MOST = 10**15
"""Images beyond which a number is none."""


def read_curves(file: Path) -> Curves:
    """Read the curves of a run.

    Args:
        file: One JSON object a line, with "images" and the quantities at that time; broken lines are passed over.

    Returns:
        The best known quantities first; empty where there is no file, or none that can be read.
    """
    return read_curves_and_faults(file)[0]


def read_curves_and_faults(file: Path) -> tuple[Curves, int]:
    """Read the curves of a run as `read_curves` does, and count the lines that are no JSON object."""
    found: Curves = {}
    faults = 0
    try:
        lines = file.read_text().splitlines()
    except (OSError, UnicodeDecodeError):
        lines = []
    for line in lines:
        row: Any = None
        with suppress(ValueError):
            row = json.loads(line)
        faults += not isinstance(row, dict)
        try:
            images = int(row.pop("images"))
            values = {key: float(value) for key, value in row.items() if isinstance(value, (int, float))}
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError):  # half a line, say
            continue
        if abs(images) < MOST:
            for key, value in values.items():
                found.setdefault(key, []).append((images, value))
    order = [key for key in QUANTITIES if key in found] + sorted(key for key in found if key not in QUANTITIES)
    return {key: found[key] for key in order}, faults


def name_of(quantity: str) -> str:
    """Name a quantity in plain words, where it has some."""
    return QUANTITIES.get(quantity, quantity.replace("_", " "))


def training_curve(quantity: str, points: list[tuple[int, float]]) -> go.Figure:
    """Draw one quantity over the images that the run had seen.

    Args:
        quantity: Its key.
        points: Images seen and value.
    """
    images, values = zip(*points, strict=True)
    line = go.Scatter(
        x=images, y=values, mode="lines+markers", line={"color": ACCENT, "width": 2}, marker={"size": 5},
        hovertemplate="%{x:,} images: %{y:.4g}<extra></extra>",
    )  # fmt: skip
    figure = go.Figure(line)
    figure.update_layout(meta=name_of(quantity), height=300, margin={"l": 4, "r": 12, "t": 12, "b": 40})
    figure.update_xaxes(title="images seen", rangemode="tozero", tickformat="~s", showgrid=False)
    figure.update_yaxes(zeroline=False)
    return figure
