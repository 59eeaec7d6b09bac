"""The strength of an expression: a slider from -1 to 2, with marks to go to at rest, as read, and strong."""

from __future__ import annotations

import math

import gradio as gr

from app.components.files import text
from app.session import plain_error

LEAST, MOST, STEP = -1.0, 2.0, 0.05
"""Ends of the slider and its step."""
MARKS = ((0.0, "0", "at rest"), (1.0, "1", "as in B"), (1.5, "1.5", "strong"))
"""Value, number and word of every mark."""


def strength_slider(value: float, elem_id: str = "strength") -> gr.HTML:
    """Add the slider; moving it is an `input` event whose `value` is the strength (see `strength_of`).

    Args:
        value: What it opens with.
        elem_id: Its id on the page.
    """
    marks = [
        {"value": at, "at": (at - LEAST) / (MOST - LEAST), "number": number, "word": word} for at, number, word in MARKS
    ]
    return gr.HTML(
        value, html_template=text("strength.html"), css_template=text("strength.css"), js_on_load=text("strength.js"),
        apply_default_css=False, elem_id=elem_id, marks=marks, least=LEAST, most=MOST, step=STEP,
    )  # fmt: skip


def strength_of(value: object) -> float:
    """Take a strength as it came with a request.

    Args:
        value: Anything a stranger may write; None counts as 1, the expression as it is.

    Raises:
        gr.Error: It is no number between the ends.
    """
    if value is None:
        return 1.0
    number = float(value) if isinstance(value, int | float) and not isinstance(value, bool) else math.nan
    if not LEAST <= number <= MOST:
        raise plain_error(f"strength goes from {LEAST:g} to {MOST:g}, not {value}", "Wrong number")
    return number
