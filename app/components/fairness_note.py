"""The line under the page that says how evenly the model does by people, and the figures behind it."""

from __future__ import annotations

import html

import gradio as gr

from latentface.fairness import COLUMNS, Fairness, shown_group


def fairness_note(fairness: Fairness | None) -> gr.HTML | None:
    """Add the line and its table, closed at first; nothing where nothing was measured."""
    if fairness is None or not fairness.sentence:
        return None
    return gr.HTML(written(fairness), elem_id="fairness")


def written(fairness: Fairness) -> str:
    """Write line and table as HTML."""
    heads = "".join(f"<th>{label}</th>" for label, _ in COLUMNS.values())
    rows = "".join(
        f"<tr><td>{html.escape(row.kind)}</td><td>{html.escape(shown_group(row.kind, row.name))}</td>"
        f"<td>{row.people}</td>"
        + "".join(
            f"<td>{format(row.figures[key], form) if key in row.figures else ''}</td>"
            for key, (_, form) in COLUMNS.items()
        )
        + "</tr>"
        for row in fairness.rows
    )
    doubted = "".join(
        f"<tr><td>{html.escape(kind)}</td><td>{html.escape(shown_group(kind, name))}</td><td>{photos}</td>"
        f"<td>{share:.1%}</td></tr>"
        for kind, groups in fairness.doubted.items()
        for name, (photos, share) in groups.items()
    )
    second = (
        "<p>Photos of bare faces that this page doubts, by group:</p><table><tr><th>by</th><th>group</th>"
        f"<th>photos</th><th>doubted</th></tr>{doubted}</table>"
        if doubted
        else ""
    )
    return (
        f"<p>{html.escape(fairness.sentence)}</p><details><summary>By skin, gender and age</summary>"
        f"<p>Photos of real people who agreed to be shown, and the judges' figures for each group of them.</p>"
        f"<table><tr><th>by</th><th>group</th><th>people</th>{heads}</tr>{rows}</table>{second}"
        f"<p class='source'>{html.escape(fairness.source)}</p></details>"
    )
