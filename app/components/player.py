"""The player of a denoising: its pictures step by step, moved by a slider in the page without asking the server."""

from __future__ import annotations

import gradio as gr

from app.components.files import text


def player(frames: dict, elem_id: str) -> gr.HTML:
    """Add a player.

    Args:
        frames: {"frames": [data address...], "captions": [text...]}, one a step.
        elem_id: Its id on the page.
    """
    return gr.HTML(
        frames, html_template=text("player.html"), css_template=text("player.css"), js_on_load=text("player.js"),
        apply_default_css=False, elem_id=elem_id,
    )  # fmt: skip
