"""The choice of the page's language: a link a language, each in its own words; it can be shared as it is."""

from __future__ import annotations

import gradio as gr

from app.components.files import text


def language_choice() -> None:
    """Add the links; the page's script (web/language.js) knows the languages."""
    gr.HTML(
        "", html_template=text("language_choice.html"), css_template=text("language_choice.css"),
        js_on_load=text("language_choice.js"), apply_default_css=False, elem_id="languages",
    )  # fmt: skip
