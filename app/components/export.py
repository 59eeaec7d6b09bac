"""Buttons that hand over what a chart or a table shows: CSV, JSON, PNG, SVG and a figure for notebooks.

All files are made in the browser, the pictures by plotly's own toImage; nothing is asked of the server. Every file says
where its numbers come from.
"""

from __future__ import annotations

from typing import Any

import gradio as gr

from app.components.files import text


def export(source: str, name: str, caption: str, chart: bool = True) -> gr.HTML:
    """Add the buttons; a later {"name": ..., "caption": ...} as its value goes with another figure.

    Args:
        source: Id of a `plotly_panel`, or of a component that holds a table.
        name: Stem of the files.
        caption: Where the numbers come from, see `origin`.
        chart: Whether `source` is a plotly panel; a table gives CSV and JSON alone.
    """
    return gr.HTML(
        {"name": name, "caption": caption}, html_template=text("export.html"), css_template=text("export.css"),
        js_on_load=text("export.js"),
        apply_default_css=False, elem_id=f"{source}-export", source=source, chart=chart,
    )  # fmt: skip


def origin(record: dict[str, Any], what: str = "") -> str:
    """Say in one line where numbers come from: what they are, checkpoint, command, commit, data, hardware.

    Args:
        record: A results file of `python -m train evaluate`.
        what: What is shown, for the line's beginning.
    """
    config = record.get("config")
    checkpoint = config.get("checkpoint", "") if isinstance(config, dict) else ""
    parts = {
        "checkpoint": ", ".join(checkpoint) if isinstance(checkpoint, list) else checkpoint,
        "command": record.get("command"),
        "commit": record.get("commit"),
        "data": record.get("data"),
        "seed": record.get("seed"),
        "hardware": record.get("hardware"),
    }
    known = [f"{key}: {_plain(value)}" for key, value in parts.items() if value not in (None, "", [])]
    return " · ".join([*([what] if what else []), *known])


def _plain(value: object) -> str:
    """Write a value of a record in one line."""
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
