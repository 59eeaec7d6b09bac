"""The numbers of a swap as the page shows them: two bars of likeness, the smiles on one scale, and what they mean."""

from __future__ import annotations

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from app.components.files import text
from app.components.plotly_panel import ACCENT, SECOND, TEXT
from latentface.expression_sliders import LIMIT
from latentface.swap_numbers import SwapNumbers

NAMES = {"a": "A", "b": "B", "swap": "Result"}
STYLE = text("swap_numbers.css")


def numbers_html(found: SwapNumbers) -> str:
    """Write the numbers of a swap as HTML.

    Args:
        found: What was measured.
    """
    bars = "".join(
        f"<div class=row><dt>{label}</dt><dd><span class=bar><i style='width:{_share(value)}%'></i>"
        f"<u style='left:{_share(mark)}%'></u></span><b>{value:.2f}</b><small>{word} {mark:.2f}</small></dd></div>"
        for label, value, mark, word in (
            ("Looks like A", found.to_a, found.rebuilt_to_a, "A, rebuilt:"),
            ("Looks like B", found.to_b, found.a_to_b, "A itself:"),
        )
    )
    return (
        f"<section aria-label='Numbers of this swap'><dl>{bars}{_smiles(found.smiles)}</dl>{_meaning(found)}</section>"
    )


def numbers_figure(found: SwapNumbers) -> go.Figure:
    """Draw the numbers of a swap as a chart: likeness as bars with their marks, smiles as dots.

    Args:
        found: What was measured.
    """
    names = ["Looks like A", "Looks like B"]
    figure = make_subplots(2, 1, row_heights=[0.62, 0.38], vertical_spacing=0.3)
    figure.add_trace(go.Bar(
        x=[found.to_a, found.to_b], y=names, orientation="h", name="the swap", marker_color=ACCENT,
        text=[f"{value:.2f}" for value in (found.to_a, found.to_b)], textposition="inside", insidetextanchor="start",
    ), 1, 1)  # fmt: skip
    figure.add_trace(go.Scatter(
        x=[found.rebuilt_to_a, found.a_to_b], y=names, mode="markers", name="A, rebuilt; A itself",
        marker={"symbol": "line-ns", "size": 26, "line": {"width": 3, "color": TEXT}},
    ), 1, 1)  # fmt: skip
    figure.add_trace(go.Scatter(
        x=list(found.smiles.values()), y=["Smile"] * len(found.smiles), mode="markers+text", name="smile",
        textposition=["bottom center" if name == "swap" else "top center" for name in found.smiles],
        text=[NAMES[name] for name in found.smiles], marker={"size": 13, "color": SECOND},
    ), 2, 1)  # fmt: skip
    figure.update_xaxes(title="likeness, 1 is the same face", range=[min(0.0, found.to_a, found.to_b), 1.05], row=1)
    figure.update_xaxes(title="smile, 0 is at rest", range=[-LIMIT, LIMIT], row=2)
    figure.update_yaxes(autorange="reversed", row=1)
    figure.update_layout(
        title="Numbers of a swap", height=380, margin={"l": 110, "r": 20, "t": 50, "b": 46},
        legend={"orientation": "h", "x": 1, "xanchor": "right", "y": 1.02, "yanchor": "bottom"},
    )  # fmt: skip
    return figure


def _smiles(smiles: dict[str, float]) -> str:
    """Write the smiles on one scale."""
    if not smiles:
        return ""
    dots = "".join(
        f"<i class='dot {name}' style='left:{50 + 50 * max(-LIMIT, min(LIMIT, value)) / LIMIT:.0f}%' "
        f"title='{NAMES[name]}: {value:+.1f}'>{NAMES[name][0]}</i>"
        for name, value in smiles.items()
    )
    words = ", ".join(f"{NAMES[name]} {value:+.1f}" for name, value in smiles.items())
    return f"<div class=row><dt>Smile</dt><dd><span class=scale>{dots}</span><small>{words}</small></dd></div>"


def _meaning(found: SwapNumbers) -> str:
    """Say what the numbers mean."""
    likeness = (
        "Likeness is the model's own opinion of the drawn result: 1 is the same face, and a crude model is easily "
        "content. The line on the first bar is A merely rebuilt, the most to hope for; on the second it is how alike A "
        "and B were before."
    )
    smile = (
        " The smile is read off the same picture: 0 is a face at rest, 1 a step as large as people's smiles vary."
        if found.smiles
        else ""
    )
    return f"<p>{likeness}{smile}</p>"


def _share(cosine: float) -> int:
    """Turn a cosine into percent of a bar."""
    return round(100 * max(0.0, min(1.0, cosine)))
