"""A plotly figure on the page: in the page's colours, light and dark, with a click that reaches Python.

gr.Plot has no click events and keeps one set of colours. This panel is a gr.HTML instead. plotly.js comes from the
installed plotly package, so it works offline. Colours may be the page's CSS variables (`var(--color-accent)`); the
script puts their values in, and does so again when the theme changes.
"""

from __future__ import annotations

import json
from pathlib import Path

import gradio as gr
import plotly
import plotly.graph_objects as go

from app.components.files import address, text

SCRIPT = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"
ACCENT = "var(--color-accent)"
SECOND = "#d97706"
"""Beside ACCENT: wrong beside right, two people beside one. Colour-blind people tell them apart, on both grounds."""
TEXT, FAINT = "var(--body-text-color)", "var(--body-text-color-subdued)"
GROUND, LINES = "var(--body-background-fill)", "var(--border-color-primary)"
CLEAR = "rgba(0, 0, 0, 0)"


def plotly_panel(figure: go.Figure | None, elem_id: str) -> gr.HTML:
    """Add a panel; a click on a mark is a `select` event (see `clicked`).

    Args:
        figure: What it shows first; None for an empty panel that takes no room.
        elem_id: Its id on the page.
    """
    gr.set_static_paths([SCRIPT])
    return gr.HTML(
        shown(figure), html_template=text("plotly_panel.html"), css_template=text("plotly_panel.css"),
        js_on_load=text("plotly_colours.js") + text("plotly_panel.js"), apply_default_css=False,
        head=f'<script src="{address(SCRIPT)}"></script>', elem_id=elem_id, elem_classes="plotly-panel",
    )  # fmt: skip


def shown(figure: go.Figure | None) -> dict | None:
    """Put a figure into the form that the panel takes as its value.

    Args:
        figure: Its title, or its layout's `meta`, is what screen readers say; None for an empty panel.
    """
    if figure is None:
        return None
    figure = go.Figure(figure)
    figure.update_layout(
        template="none", paper_bgcolor=CLEAR, plot_bgcolor=CLEAR, font={"color": TEXT, "size": 12}, dragmode=False,
        hoverlabel={"bgcolor": GROUND, "bordercolor": LINES, "font": {"color": TEXT}},
        title_font={"size": 14, "weight": 600},
        title_x=0, title_xref="container", title_pad={"l": 4, "t": 4}, title_y=1, title_yanchor="top",
        title_yref="container",
    )  # fmt: skip
    axis = {"gridcolor": LINES, "linecolor": LINES, "zerolinecolor": LINES, "tickcolor": LINES, "automargin": True}
    figure.update_xaxes(**axis)
    figure.update_yaxes(**axis)
    return json.loads(str(figure.to_json()))


def clicked(event: gr.EventData) -> tuple[int, ...]:
    """Give the mark that a `select` event of a panel names.

    Args:
        event: As it came with a request: anything a stranger may write.

    Returns:
        Number of the trace, then of the point: one number, or row and column of a heat map; empty for anything else.
    """
    index = event.index
    if isinstance(index, list) and len(index) in (2, 3) and all(type(i) is int and i >= 0 for i in index):
        return tuple(index)
    return ()
