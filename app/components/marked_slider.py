"""A slider with marks to go to; a number typed beyond its ends is brought back with a word."""

from __future__ import annotations

import math
from dataclasses import dataclass

import gradio as gr

from app.components.files import text
from app.session import plain_error


@dataclass(frozen=True)
class Scale:
    """What a slider goes over."""

    name: str
    """What stands above it."""
    least: float
    most: float
    step: float
    marks: tuple[tuple[float, str], ...]
    """Value and word of every mark."""

    def checked(self, value: object, missing: float) -> float:
        """Take a number as it came with a request.

        Args:
            value: Anything a stranger may write.
            missing: What None stands for.

        Raises:
            gr.Error: It is no number between the ends.
        """
        if value is None:
            return missing
        number = float(value) if isinstance(value, int | float) and not isinstance(value, bool) else math.nan
        if not self.least <= number <= self.most:
            words = f"{self.name.lower()} goes from {self.least:g} to {self.most:g}, not {value}"
            raise plain_error(words, "Wrong number")
        return number


def marked_slider(scale: Scale, value: float, elem_id: str) -> gr.HTML:
    """Add the slider; moving it is an `input` event whose `value` is the number (see `Scale.checked`).

    Args:
        scale: What it goes over.
        value: What it opens with.
        elem_id: Its id on the page.
    """
    marks = [
        {"value": at, "at": (at - scale.least) / (scale.most - scale.least), "number": f"{at:g}", "word": word}
        for at, word in scale.marks
    ]
    return gr.HTML(
        value, html_template=text("marked_slider.html"), css_template=text("marked_slider.css"),
        js_on_load=text("marked_slider.js"), apply_default_css=False, elem_id=elem_id, name=scale.name, marks=marks,
        least=scale.least, most=scale.most, step=scale.step,
    )  # fmt: skip
