"""A training run on the page, while it trains: how far it is, two of its curves, and its contact sheets."""

from __future__ import annotations

from functools import lru_cache
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
from PIL import Image

from app.components.files import text
from app.components.pictures import uri
from app.components.plotly_panel import plotly_panel, shown
from app.components.training_curve import Curves, name_of, training_curve
from app.pages import NEWEST
from app.request_log import POLL
from app.run_folder import Look, RunFolder
from app.session import Model, plain_error
from latentface.weights import written

WIDE = 1280
"""Most pixels of the width of a contact sheet on the page; they are stored several thousand wide."""
QUIET: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
SHEETS = {
    "sheet": "Contact sheet",
    "mixed": "Faces (rows) with expressions of others (columns)",
    "people": "People drawn",
}
"""Kind of a contact sheet -> what it is called."""
NO_SHEETS = "<p>No contact sheet is there yet: they come with the rows of the curves.</p>"
GONE = "<p>This contact sheet can't be read: it is being written, or it is gone.</p>"
NO_STAGE_2 = """<p>The app can't show its faces yet: identity and expression are split by stage 2,
<code>python -m train rdm --autoencoder RUN</code>.</p>"""


def run_view(model: Model, runs: list[RunFolder]) -> None:
    """Add the view of one run at a time, with a choice where there are several.

    Args:
        model: What this page shows.
        runs: At least one.
    """
    labels = [("/".join(run.path.parts[-2:]), number) for number, run in enumerate(runs)]  # not where on this machine
    first = runs[0]
    look = first.look()
    keys = chosen(look.curves, None, None)
    choice = gr.Radio(labels, value=0, label="Run", elem_id="run-choice", visible=len(runs) > 1)
    status = gr.HTML(
        said(model, first, look), js_on_load=text("run_status.js"), apply_default_css=False, elem_id="run-status"
    )
    with gr.Row():
        columns = []
        for number, key in enumerate(keys):
            with gr.Column(min_width=300):
                quantity = gr.Dropdown(
                    options(look.curves), value=key, label="Quantity", elem_id=f"run-quantity-{number}"
                )
                panel = plotly_panel(drawn(look.curves, key), f"run-curve-{number}")
                columns.append((quantity, panel))
    place = gr.Slider(**dial(look, None, None), step=1, label="Contact sheet, the last is the newest", elem_id="run-at")
    sheet = gr.HTML(sheet_of(look, len(look.sheets)), elem_id="run-sheet")
    before = gr.State((0, look.stamp))
    (one, left), (two, right) = columns

    def chosen_run(number: object) -> RunFolder:
        """Give the run of a number that came with a request."""
        if type(number) is not int or not 0 <= number < len(runs):
            raise plain_error("that is no run of this page", "No result")
        return runs[number]

    def again(number: int, before: tuple, a: str | None, b: str | None, at: float) -> tuple:
        """Read the run; send what is new of it."""
        run = chosen_run(number)
        look = run.look()
        after = (number, look.stamp)
        if after == before:
            return (said(model, run, look), *[gr.skip()] * 7)
        same = before[0] == number
        a, b = chosen(look.curves, a if same else None, b if same else None)
        at_now = dial(look, at if same else None, before[1][-1])
        return (
            said(model, run, look), after,
            gr.Dropdown(options(look.curves), value=a), shown(drawn(look.curves, a)),
            gr.Dropdown(options(look.curves), value=b), shown(drawn(look.curves, b)),
            gr.Slider(**at_now), sheet_of(look, at_now["value"]),
        )  # fmt: skip

    def curve(number: int, key: str | None) -> dict | None:
        """Draw the chosen quantity."""
        return shown(drawn(chosen_run(number).look().curves, key))

    def turn(number: int, at: float) -> str:
        """Show the chosen contact sheet."""
        return sheet_of(chosen_run(number).look(), whole(at))

    inputs = [choice, before, one, two, place]
    outputs = [status, before, one, left, two, right, place, sheet]
    status.select(again, inputs, outputs, trigger_mode="once", api_name=POLL, **QUIET)
    choice.input(again, inputs, outputs, **QUIET)
    one.input(curve, [choice, one], left, **QUIET)
    two.input(curve, [choice, two], right, **QUIET)
    place.input(turn, [choice, place], sheet, trigger_mode="always_last", **QUIET)


def chosen(curves: Curves, a: str | None, b: str | None) -> tuple[str | None, str | None]:
    """Keep the chosen quantities where the run has them; else take the first, and the loss or the next."""
    keys = list(curves)
    first = a if isinstance(a, str) and a in curves else next(iter(keys), None)
    others = [key for key in ("loss", *keys) if key in curves and key != first]
    return first, b if isinstance(b, str) and b in curves else next(iter(others), first)


def options(curves: Curves) -> list[tuple[str, str]]:
    """Name the quantities of a list to choose from."""
    return [(name_of(key), key) for key in curves]


def drawn(curves: Curves, key: str | None) -> Any:  # noqa: ANN401 (plotly's figure)
    """Draw a quantity; None where the run has none yet."""
    return training_curve(key, curves[key]) if isinstance(key, str) and key in curves else None


def dial(look: Look, at: float | None, before: int | None) -> dict[str, Any]:
    """Give the slider's fields: who is at the newest sheet stays at the newest.

    Args:
        look: The run.
        at: Where the slider is; None to open at the newest.
        before: Sheets that there were.
    """
    count = len(look.sheets)
    newest = at is None or before is None or whole(at) >= before
    value = count if newest else min(whole(at), count)
    return {"minimum": 1, "maximum": max(2, count), "value": max(1, value), "visible": count > 1}


def whole(at: object) -> int:
    """Take the slider's number as it came with a request; 1 for anything that is none."""
    return int(at) if isinstance(at, (int, float)) and -1e9 < at < 1e9 else 1


def said(model: Model, run: RunFolder, look: Look) -> str:
    """Say in HTML how far a run is, and what the app can show of it."""
    folder = run.checkpoint
    line = f"<p><b>{escape(run.path.name)}</b> · {escape(look.words())}</p>"
    if folder is None:
        return line + (NO_STAGE_2 if (run.path / "autoencoder").is_dir() else "")
    here = model.folder is not None and model.folder.resolve() == folder.resolve()
    if not here:
        return f'{line}<p><a class="model" href="{escape(run.address)}">See this run in the whole app</a></p>'
    if written(folder) == model.written:
        return f"{line}<p>This page shows its weights, the newest there are.</p>"
    return f'{line}<p>Newer weights are there: <a class="model" href="{escape(run.address)}?{NEWEST}">load them</a></p>'


def sheet_of(look: Look, number: int) -> str:
    """Draw the contact sheets of one moment, counted from 1, as HTML."""
    if not look.sheets:
        return NO_SHEETS
    seen, files = look.sheets[max(1, min(number, len(look.sheets))) - 1]
    parts = []
    for file in files:
        try:
            picture = _picture(file, file.stat().st_mtime_ns)
        except (OSError, SyntaxError, Image.DecompressionBombError):  # half a PNG, or far too large a one
            parts.append(GONE)
            continue
        kind = file.name.rpartition("_")[0]
        what = f"{SHEETS.get(kind, kind.replace('_', ' '))} after {seen:,} {look.unit}"
        parts.append(
            f'<figure><img src="{picture}" alt="{escape(what)}"><figcaption>{escape(what)}</figcaption></figure>'
        )
    return "".join(parts)


@lru_cache(maxsize=16)
def _picture(file: Path, _written: int) -> str:
    """Read a contact sheet as a data address, WIDE pixels wide at most; kept by when it was written."""
    with Image.open(file) as image:
        image.load()
        small = image.convert("RGB")
    small.thumbnail((WIDE, 8 * WIDE), reducing_gap=2)
    return uri(np.asarray(small))
