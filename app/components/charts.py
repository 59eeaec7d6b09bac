"""Charts of one number of the comparison, as plotly figures, and what a click on one of their marks says."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from app.components.plotly_panel import ACCENT, FAINT, GROUND, SECOND, TEXT
from latentface.results import Comparison, Row

BAR = 24
"""Height in pixels of one line of a chart."""
AROUND = 76
"""Height in pixels of a chart's title and axes."""


def chart(comparison: Comparison, row: Row, method: str) -> go.Figure | None:
    """Draw how the errors fall: a confusion of classes or a histogram of pairs; None where neither was kept."""
    return confusion(comparison, row, method) or histogram(comparison, row, method)


def confusion(comparison: Comparison, row: Row, method: str) -> go.Figure | None:
    """Draw which class was taken for which, as shares of each true class: ACCENT where right, SECOND where wrong."""
    counts = comparison.of(method, f"{row.task}_confusion")
    if row.measure != "linear" or not counts:
        return None
    names = comparison.of(method, f"{row.task}_classes")
    share = 100 * np.array(counts) / np.maximum(1, np.sum(counts, axis=1, keepdims=True))
    right = np.eye(len(names), dtype=bool)
    maps = [
        go.Heatmap(
            x=names, y=names, z=np.where(which, share, np.nan), zmin=0, zmax=100, showscale=False, xgap=1, ygap=1,
            colorscale=[[0, GROUND], [1, colour]], texttemplate="%{z:.0f}", textfont={"color": TEXT}, hoverongaps=False,
            hovertemplate="%{y}, said %{x}: %{z:.0f} %<extra></extra>",
        )
        for which, colour in ((right, ACCENT), (~right, SECOND))
    ]  # fmt: skip
    figure = go.Figure(maps)
    figure.update_layout(
        title="Rows: true, columns: said, % of the true",
        height=AROUND + 20 + 32 * len(names), margin={"l": 4, "r": 4, "t": 66, "b": 4},
    )  # fmt: skip
    figure.update_xaxes(side="top", tickangle=-35, showgrid=False)
    figure.update_yaxes(autorange="reversed", showgrid=False)
    return figure


def histogram(comparison: Comparison, row: Row, method: str) -> go.Figure | None:
    """Draw how similar pairs of one person and of two people were found, beside the threshold between them."""
    found = comparison.of(method, f"{row.task}_histogram")
    if row.measure != "similarity" or not found:
        return None
    edges = np.array(found["edges"][: len(found["same"]) + 1])
    width = float(np.diff(edges).mean())
    middle = edges[: len(found["same"])] + width / 2
    bars = [
        go.Bar(
            x=middle, y=found[key], name=name, width=width, marker={"color": colour, "opacity": 0.6, "line_width": 0},
            hovertemplate=f"%{{y}} pairs of {name}, %{{x:+.2f}}<extra></extra>",
        )
        for key, name, colour in (("different", "two people", SECOND), ("same", "one person", ACCENT))
    ]  # fmt: skip
    figure = go.Figure(bars)
    figure.add_vline(x=0, line={"color": TEXT, "width": 1.5}, annotation_text="threshold", annotation_font_color=FAINT)
    figure.update_layout(
        title="Similarity of pairs", barmode="overlay", bargap=0, hovermode="x", height=300,
        margin={"l": 4, "r": 8, "t": 52, "b": 40},
        legend={"orientation": "h", "x": 1, "xanchor": "right", "y": 1.02, "yanchor": "bottom"},
    )  # fmt: skip
    figure.update_xaxes(title="cosine minus the threshold", zeroline=False, showgrid=False)
    figure.update_yaxes(title="pairs")
    return figure


def single_blocks(comparison: Comparison, row: Row, method: str) -> dict[str, float]:
    """List the same measure for every block of the features alone, best first; empty where fewer than two were kept."""
    prefix = f"{row.task}_{row.measure}_"
    found = comparison.results["methods"][method]
    values = {k.removeprefix(prefix): v for k, v in found.items() if k.startswith(prefix) and isinstance(v, float)}
    values = {k: v for k, v in values.items() if not k.endswith("spread") and k not in ("validation", "authors")}
    ordered = sorted(values.items(), key=lambda item: item[1], reverse=row.unit != "°")
    return dict(ordered) if len(ordered) > 1 else {}


def blocks(comparison: Comparison, row: Row, method: str) -> go.Figure | None:
    """Draw the same measure for every block alone, with chance as a line."""
    found = single_blocks(comparison, row, method)
    if not found:
        return None
    factor = 100 if row.unit == "%" else 1
    names = [_plain(name) for name in found]
    bars = go.Bar(
        x=[factor * value for value in found.values()], y=names, orientation="h", marker_color=ACCENT,
        text=[row.text(value) for value in found.values()], textposition="auto", constraintext="none",
        hovertemplate="%{y}: %{text}<extra></extra>", textfont={"color": TEXT, "size": 12},
        textangle=0, cliponaxis=False,
    )  # fmt: skip
    figure = go.Figure(bars)
    chance = factor * row.chance
    figure.add_vline(
        x=chance, line={"color": TEXT, "width": 1, "dash": "dot"}, annotation_text=f"chance {row.text(row.chance)}",
        annotation_font_color=FAINT, annotation_position="top",
    )  # fmt: skip
    figure.update_layout(
        title="Each block alone",
        height=AROUND + BAR * len(found),
        margin={"l": 4, "r": 44, "t": 52, "b": 24},
        bargap=0.3,
    )
    figure.update_xaxes(rangemode="tozero")
    figure.update_yaxes(autorange="reversed", showgrid=False, ticksuffix=" ")
    return figure


def _plain(block: str) -> str:
    """Name a block in plain words: id_shape is the identity part of the shape code."""
    whole = {"authors_expression": "authors' expression", "authors_verification": "authors' verification"}
    words = {"id": "identity,", "exp": "expression,"}
    return whole.get(block) or " ".join(words.get(word, word) for word in block.split("_"))


def say(comparison: Comparison, row: Row, method: str, mark: tuple[int, ...]) -> str:
    """Say in one sentence what a mark of `chart` means.

    Args:
        comparison: The methods and their numbers.
        row: The measure that is shown.
        method: The method that is shown.
        mark: As `plotly_panel.clicked` gives it.

    Returns:
        Plain text; empty where the chart has no such mark.
    """
    counts = comparison.of(method, f"{row.task}_confusion") if row.measure == "linear" else None
    if counts:
        return _say_confused(counts, comparison.of(method, f"{row.task}_classes"), mark)
    found = comparison.of(method, f"{row.task}_histogram") if row.measure == "similarity" else None
    return _say_threshold(found, mark) if found else ""


def _say_confused(counts: list[list[int]], names: list[str], mark: tuple[int, ...]) -> str:
    """Say how often one class was taken for another."""
    if len(mark) != 3 or max(mark[1:]) >= len(names):
        return ""
    true, said = mark[1:]
    word = "named rightly" if true == said else f"called {names[said]}"
    return f"Of {sum(counts[true]):,} pictures that are {names[true]}, {counts[true][said]:,} were {word}."


def _say_threshold(found: dict, mark: tuple[int, ...]) -> str:
    """Say which pairs would pass if the threshold lay at the left edge of a bar."""
    if len(mark) != 2 or mark[1] >= len(found["same"]):
        return ""
    at = mark[1]
    passed = [100 * sum(found[key][at:]) / max(1, sum(found[key])) for key in ("same", "different")]
    return (
        f"With the threshold moved by {found['edges'][at]:+.2f}, {passed[0]:.0f} % of the pairs of one person and "
        f"{passed[1]:.0f} % of the pairs of two people would count as the same person."
    )
