"""The choice among checkpoints: a link to the page of each; this face's photo comes along."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from app.components.files import text


@dataclass(frozen=True)
class Choice:
    """A checkpoint that the visitor can choose."""

    name: str
    """What the visitor reads."""
    address: str
    """Of its page, relative to this one."""
    note: str = ""
    """What it is, in a few words; "" where its card does not say."""
    here: bool = False
    """Whether it is this page's."""


def checkpoint_choice(choices: list[Choice]) -> None:
    """Add the row of checkpoints; where there is only one, nothing.

    Args:
        choices: This page's checkpoint among them.
    """
    if len(choices) > 1:
        gr.HTML(
            None, html_template=text("checkpoint_choice.html"), css_template=text("checkpoint_choice.css"),
            js_on_load=text("checkpoint_choice.js"), apply_default_css=False, elem_id="checkpoints",
            choices=[vars(choice) for choice in choices],
        )  # fmt: skip
