"""Tab Compare: methods beside each other on the same data, and what stands behind each number."""

from __future__ import annotations

from typing import Any

import gradio as gr

from app.components.charts import blocks, chart, say
from app.components.comparison_table import comparison_table, is_cell
from app.components.evidence import behind, evidence
from app.components.export import export, origin, taken_as
from app.components.plotly_panel import clicked, plotly_panel, shown
from app.components.pose_swap import pose_swap
from app.components.terms import explained_text, term_notes
from app.components.two_checkpoints import two_checkpoints
from app.session import Session, plain_error
from latentface.results import RESULTS, Comparison, methods_of, read_comparison, takeaway

ABOUT = """Every method looks at the same pictures and is then **[[frozen]]**; a simple reader on top of its features,
a [[probe]], has to name an expression, tell people apart, read the head's pose or the face's actions. Choices are made
on validation, the numbers come from pictures that chose nothing. Click a number to see what is behind it."""
HINT = "Click a cell or a bar of this chart to read it in words."


def is_shown(session: Session) -> bool:
    """Tell whether there is a results file; `python -m train evaluate --suite probes` makes it (docs, README)."""
    return RESULTS.exists()


def opening(comparison: Comparison) -> tuple[int, str]:
    """Choose the number that is shown at first: one with pictures of the first method, if there is any."""
    rows, first = comparison.rows, comparison.methods[0]
    number = next((i for i, row in enumerate(rows) if comparison.of(first, f"{row.task}_sheet")), 0)
    return number, next(method for method in comparison.methods if method in rows[number].values)


def build(session: Session) -> None:
    """Build the tab inside the current gr.Blocks, from the bundled results."""
    term_notes()
    explained_text(ABOUT)
    comparison = read_comparison(RESULTS)
    if comparison is not None and comparison.rows:
        build_comparison(comparison)
    with gr.Accordion("Two checkpoints on one photo", open=True, elem_id="two-checkpoints"):
        two_checkpoints(session)
    if session.model.pcl is not None:
        with gr.Accordion("PCL at work: a face at another's pose", open=False, elem_id="pose-swap"):
            pose_swap(session, session.model.pcl)


def build_comparison(comparison: Comparison) -> None:
    """Add the table, and below it what is behind the chosen number."""
    number, method = opening(comparison)
    row = comparison.rows[number]
    chosen = gr.State((number, method))
    caption = origin(comparison.results, "Methods beside each other, frozen features")
    gr.Markdown(takeaway(comparison), elem_id="takeaway")
    with gr.Row(elem_id="compare-row"):
        with gr.Column(scale=2, min_width=300):
            cells = comparison_table(comparison, (number, method), "compare")
            export("compare", taken_as("comparison", caption), chart=False)
            with gr.Accordion("What each method is", open=False, elem_id="methods"):
                gr.Markdown("\n".join(f"- **{name}**: {about}" for name, about in methods_of(comparison).items()))
            bars = plotly_panel(blocks(comparison, row, method), "blocks")
            export("blocks", taken_as("blocks", caption))
        with gr.Column(scale=1, min_width=300):
            words = evidence(comparison, row, method, "evidence")
            errors = plotly_panel(chart(comparison, row, method), "errors")
            export("errors", taken_as("errors", caption))
            said = gr.Markdown(hint(comparison, number, method), elem_id="said", elem_classes="about")

    def pick(event: gr.EventData) -> tuple:
        """Show what is behind the number that was clicked."""
        if not is_cell(comparison, event.index):
            raise plain_error("there is no such number in the table", "No result")
        number, method = event.index
        row = comparison.rows[number]
        return (
            (number, method), behind(comparison, row, method), shown(chart(comparison, row, method)),
            hint(comparison, number, method), shown(blocks(comparison, row, method)),
        )  # fmt: skip

    def explain(chosen: tuple[int, str], event: gr.EventData) -> str:
        """Say in words what the clicked mark of the chart means."""
        sentence = say(comparison, comparison.rows[chosen[0]], chosen[1], clicked(event))
        if not sentence:
            raise plain_error("there is no such mark in the chart", "No result")
        return sentence

    quiet: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden", "trigger_mode": "always_last"}
    cells.select(pick, None, [chosen, words, errors, said, bars], **quiet)
    errors.select(explain, chosen, said, **quiet)


def hint(comparison: Comparison, number: int, method: str) -> str:
    """Say that the chart can be clicked, where there is one."""
    return HINT if chart(comparison, comparison.rows[number], method) else ""
