"""Buttons that hand over what a chart or a table shows: CSV, JSON, PNG, SVG and a figure for notebooks.

All files are made in the browser, the pictures by plotly's own toImage; nothing is asked of the server. Every file says
where its numbers come from.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gradio as gr
import plotly.graph_objects as go

from app.components.files import address, text
from app.components.plotly_panel import SCRIPT, shown
from latentface.checkpoints import PIPELINE, shown_name


def export(source: str, taken: dict[str, Any], chart: bool = True, codes: bool = False) -> gr.HTML:
    """Add the buttons; another `taken_as` as its value goes with another figure.

    Args:
        source: Id of a `plotly_panel`, of a component that holds a table, or of one whose script says itself what it
            shows: a function `taken` of its part with the attribute data-taken (see web/export.js).
        taken: See `taken_as`.
        chart: Whether there is a figure; a table gives CSV and JSON alone.
        codes: Whether codes can be had too: their button is a `codes` event with the numbers of the rows that are lit.
    """
    gr.set_static_paths([SCRIPT])
    return gr.HTML(
        taken, html_template=text("export.html"), css_template=text("export.css"),
        js_on_load=text("plotly_colours.js") + text("export.js"), apply_default_css=False, elem_id=f"{source}-export",
        source=source, chart=chart, codes=codes, script=address(SCRIPT),
    )  # fmt: skip


def taken_as(name: str, caption: str, figure: go.Figure | None = None) -> dict[str, Any]:
    """Give the value of the buttons.

    Args:
        name: Stem of the files.
        caption: Where the numbers come from, see `origin`.
        figure: What is taken where the source has no chart of its own.
    """
    return {"name": name, "caption": caption, "figure": shown(figure)}


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


def origin_of_run(checkpoint: str, folder: Path | None, stage: str, what: str) -> str:
    """Say in one line where a checkpoint's own numbers come from: the run that made it (see `origin`).

    Args:
        checkpoint: Its name.
        folder: Its folder; None where it came from the Hub.
        stage: Stem of the run's record beside the weights, such as "autoencoder".
        what: What is shown, for the line's beginning.
    """
    record: dict[str, Any] = {}
    if folder is not None:
        files = [folder / f"{stage}_run.json"]
        if folder.name == PIPELINE:  # of a run that was not shipped
            files.append(folder.parent / "config.json")
        record = next(filter(None, map(_record, files)), {})
    return origin({**record, "config": {"checkpoint": shown_name(checkpoint)}}, what)


def _record(file: Path) -> dict[str, Any]:
    """Read a run's record, its data by their names alone; empty where there is none yet."""
    try:
        record = json.loads(file.read_text())
    except (OSError, ValueError):
        return {}
    if not isinstance(record, dict):
        return {}
    data = record.get("data")
    return record | ({"data": [Path(str(entry)).name for entry in data]} if isinstance(data, list) else {})


def _plain(value: object) -> str:
    """Write a value of a record in one line."""
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
