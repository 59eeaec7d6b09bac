"""Tab Limits: what was measured and on whom, where it fails, what maps do not say, what it must not be used for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gradio as gr

from app.components.files import text
from app.limits.failures import progress, read_on
from app.limits.maps import maps_html
from app.limits.measured import measured_html, uses_html
from app.session import Session
from app.work import Work

ABOUT = """What this model can't do, and for whom it does worse. The people in the pictures do not exist. Every number
names its data; numbers of one data set say little about other people."""
FAILS = """For each group, the person who is rebuilt **worst**: the picture, and what the model makes of it. The bar is
the mean over the group of how much of what varies in a picture is missed when it is drawn again: 0 % is the same
picture, 100 % no better than one plain colour; ± is the standard error of that mean. It is worked out now, by the
loaded model, on one picture each of the people in the gallery, the app's own collection ({source})."""
QUIET: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}


def build(session: Session) -> None:
    """Build the tab inside the current gr.Blocks; people are read once somebody opens it."""
    model, work = session.model, gr.State(Work())
    style: dict[str, Any] = {"css_template": text("limits.css"), "apply_default_css": False}
    gr.Markdown(ABOUT, elem_classes="about")
    gr.HTML("<h3>Where it fails</h3>", **style)
    source = model.gallery.record.get("data", {}).get("source", "no data named")
    gr.Markdown(FAILS.format(source=source), elem_classes="about")
    with gr.Row(elem_id="failures-row"):
        said = gr.HTML("<p role=status>Reading people …</p>", elem_id="failures-said", **style)
        stop = gr.Button("Stop", size="md", elem_id="failures-stop", scale=0, min_width=100)
        on = gr.Button("Go on", size="md", elem_id="failures-on", scale=0, min_width=100, visible=False)
    groups = gr.HTML("", elem_id="failures", **style)
    gr.HTML(f"<h3>What was measured, and on whom</h3>{measured_html(model)}", elem_id="measured", **style)
    maps = gr.HTML("<h3>What distances on a map do not mean</h3>", elem_id="map-limits", **style)
    gr.HTML(f"<h3>What it must not be used for</h3>{uses_html(model)}", elem_id="misuses", **style)
    opening = gr.HTML("", js_on_load='trigger("select", {});', apply_default_css=False, elem_classes="unseen")

    def read(work: Work) -> Iterator[tuple]:
        """Read the gallery's people until all are read or the visitor stops it."""
        whole = False
        for words, drawn, whole in work.until_stopped(read_on(model), 0):
            yield f"<p role=status>{words}</p>", drawn, gr.Button(visible=not whole), gr.Button(visible=False)
        if not whole:
            yield f"<p role=status>{progress(model)}</p>", gr.skip(), gr.Button(visible=False), gr.Button(visible=True)

    def hold() -> str:
        """Hold the map's distances against those in the code."""
        return f"<h3>What distances on a map do not mean</h3>{maps_html(model)}"

    outputs = [said, groups, stop, on]
    alone: dict[str, Any] = {"concurrency_limit": 1, "concurrency_id": "failures", **QUIET}
    opening.select(hold, None, maps, **QUIET).then(read, work, outputs, **alone)
    on.click(read, work, outputs, **alone)
    stop.click(lambda work: work.stop(0), work, None, queue=False, **QUIET)
