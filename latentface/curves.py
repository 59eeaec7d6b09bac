"""Curves of a moving face over time: expression by its named sliders, pose, light, and how steady the identity is."""

import csv
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import plotly.graph_objects as go
import torch
import torch.nn.functional as F
from plotly.subplots import make_subplots

from latentface.codes import Codes
from latentface.expression_sliders import ExpressionSliders
from latentface.moving import Moving, Stretch
from latentface.pipeline import LatentFacePipeline
from latentface.swap_numbers import signature

POSE, LIGHT = ("yaw", "pitch", "roll"), ("ambient", "diffuse", "light x", "light y")
DRIFT = "identity drift"
"""1 less the cosine of a frame's identity signature and their mean: 0 is the same, 1 a stranger."""
COLOURS = ("#2a7fff", "#d97706", "#0d9488", "#a855f7", "#dc2626", "#65a30d", "#db2777", "#64748b", "#854d0e")
UNITS = {"Expression": "deviations", "Pose": "degrees", "Light": "", "Identity": "1 - cosine"}
"""Heading of each chart -> unit."""

Table = dict[str, np.ndarray]
"""Name of a column -> N numbers, NaN in frames without a face; the first are "second" and "face"."""


@torch.no_grad()
def curves(pipeline: LatentFacePipeline, clip: Stretch, face: Moving, sliders: ExpressionSliders | None) -> Table:
    """Read curves off a clip.

    Args:
        pipeline: the model.
        clip: its frames.
        face: the same, smoothed: expression, pose and light are read off this.
        sliders: the checkpoint's named directions; None leaves the expression out.
    """
    columns: Table = {}
    if sliders is not None:
        columns |= {name: amounts.numpy() for name, amounts in sliders.read(face.expression).items()}
    columns |= {name: face.view[:, i].numpy() for i, name in enumerate(POSE)}
    columns |= {name: face.light[:, i].numpy() for i, name in enumerate(LIGHT)}
    columns[DRIFT] = drift(pipeline, clip)
    seen = clip.seen.numpy()
    gaps = {name: np.where(seen, values, np.nan) for name, values in columns.items()}
    return {"second": clip.seconds.numpy(), "face": seen.astype(int), **gaps}


def drift(pipeline: LatentFacePipeline, clip: Stretch) -> np.ndarray:
    """Measure for each frame how far its identity is from the clip's mean one, see DRIFT."""
    shape, texture = clip.code.chunk(2, 1)
    marks = signature(pipeline, Codes(shape, texture, clip.view, clip.light))
    mean = F.normalize(marks[clip.seen], dim=1).mean(0, keepdim=True)
    return (1 - F.cosine_similarity(marks, mean)).numpy()


def charts(table: Table) -> dict[str, list[str]]:
    """Say which columns belong into one chart: heading -> names."""
    rest = {"second", "face", DRIFT, *POSE, *LIGHT}
    expression = [name for name in table if name not in rest]
    found = {"Expression": expression, "Pose": list(POSE), "Light": list(LIGHT), "Identity": [DRIFT]}
    return {heading: names for heading, names in found.items() if names}


def figure(table: Table) -> go.Figure:
    """Draw the curves below each other over one time axis."""
    rows = charts(table)
    heights = [2.0 if len(names) > 1 else 1.0 for names in rows.values()]
    plot = make_subplots(len(rows), 1, shared_xaxes=True, vertical_spacing=0.05, row_heights=heights)
    for row, (heading, names) in enumerate(rows.items(), 1):
        for colour, name in zip(COLOURS, names, strict=False):
            line = {"color": colour, "width": 1.6}
            values = [None if np.isnan(v) else round(float(v), 3) for v in table[name]]
            trace = go.Scatter(
                x=table["second"].round(3).tolist(), y=values, name=name, line=line, legendgroup=heading,
                legendgrouptitle_text=heading, mode="lines", hovertemplate=f"{name} %{{y:.2f}}<extra></extra>",
            )  # fmt: skip
            plot.add_trace(trace, row, 1)
        unit = UNITS[heading]
        plot.update_yaxes(title_text=f"{heading}<br>{unit}" if unit else heading, row=row, col=1)
    plot.update_xaxes(title_text="seconds", row=len(rows), col=1)
    plot.update_layout(hovermode="x", meta="Curves of expression, pose, light and identity over time")
    return plot


def write_csv(table: Mapping[str, np.ndarray], path: Path) -> None:
    """Write the columns as CSV; cells of frames without a face are empty."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(table)
        for row in zip(*table.values(), strict=True):
            writer.writerow(["" if np.isnan(value) else f"{value:.5g}" for value in row])
