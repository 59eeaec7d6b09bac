"""Warnings that sit on a result: a turned photo, several faces, a small face, a head turned far aside."""

from __future__ import annotations

import html

import gradio as gr

from app.components.files import text
from app.session import Shown


def face_notes(*states: gr.State, elem_id: str) -> gr.HTML:
    """Add the notes of one face or two, above its result; they take no room while there are none.

    Args:
        states: The faces, each a Shown.
        elem_id: Their id on the page.
    """
    notes = gr.HTML(
        written(*(state.value for state in states)), css_template=text("face_notes.css"), apply_default_css=False,
        elem_id=elem_id,
    )  # fmt: skip
    gr.on(
        [state.change for state in states], written, list(states), notes, show_progress="hidden", queue=False,
        api_visibility="private",
    )  # fmt: skip
    return notes


def written(*faces: Shown) -> str:
    """Write the notes of faces as HTML; with several faces each note names its own."""
    notes = [f"{face.name}: {note}" if len(faces) > 1 else note for face in faces for note in face.notes]
    return "".join(f"<p>{html.escape(note)}</p>" for note in dict.fromkeys(notes))
