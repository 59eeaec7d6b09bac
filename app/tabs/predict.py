"""Tab Predict: eight questions to argue about before the loaded model answers them, on the visitor's face."""

from __future__ import annotations

from typing import Any

import gradio as gr

from app.components.files import text
from app.quiz.questions import listed, question_content
from app.session import Session, Shown
from app.tabs.how_it_works import header

ABOUT = """**Predict, then reveal.** Eight questions to argue about before you click. Every answer is worked out by the
model that this page has loaded, on your own face or on an example, so it may differ from one face to the next and from
one model to another. What you predict stays in your browser."""
QUIET: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden", "trigger_mode": "multiple"}


def whom(shown: Shown) -> dict[str, Any]:
    """Say whom the questions are about: what the page holds of others is let go of when the id changes."""
    return header(shown, shown)


def build(session: Session) -> None:
    """Build the tab inside the current gr.Blocks; nothing is worked out before a question is opened."""
    model = session.model
    gr.Markdown(ABOUT, elem_classes="about")
    quiz = gr.HTML(
        whom(session.shown.value), html_template=text("quiz.html"), css_template=text("quiz.css"),
        js_on_load=text("quiz.js"), apply_default_css=False, elem_id="quiz", questions=listed(),
    )  # fmt: skip

    def tell(shown: Shown, event: gr.EventData) -> dict[str, Any]:
        """Ask the question that is opened, or answer it."""
        asked, reveal = (getattr(event, name, None) for name in ("index", "reveal"))
        return whom(shown) | (question_content(model, shown, asked, reveal) or {"missing": True})

    quiz.select(tell, session.shown, quiz, **QUIET)
    session.shown.change(whom, session.shown, quiz, **QUIET)
