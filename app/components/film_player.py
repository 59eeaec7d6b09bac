"""The player of a clip's films: all at the same moment, with that moment on the curves below."""

from __future__ import annotations

from typing import Any

import gradio as gr

from app.clips import Clip, Driven
from app.components.files import address, text
from latentface.films import PANELS, SIDE

WORDS = dict(
    zip(
        PANELS,
        (
            "what was filmed, the face in the middle",
            "each frame's whole code, at its view and light",
            "the clip's one identity; no expression",
            "the rebuilt face in 3D, under one light",
        ),
        strict=True,
    )
)
"""What each film shows."""
FILES = {"films.mp4": "Films (MP4)", "curves.csv": "Curves (CSV)", "codes.safetensors": "Codes (safetensors)"}


def film_player(clip: Clip | None, elem_id: str, curves: str) -> gr.HTML:
    """Add a player.

    Args:
        clip: What it opens with; None for an empty one that takes no room.
        elem_id: Its id on the page.
        curves: The id of the panel with the clip's curves.
    """
    return gr.HTML(
        films_content(clip, None), html_template=text("film_player.html"), css_template=text("film_player.css"),
        js_on_load=text("film_player.js"), apply_default_css=False, elem_id=elem_id, side=SIDE, curves=curves,
    )  # fmt: skip


def curve_values(curves: str) -> gr.HTML:
    """Add what the curves say at the moment of the films.

    A click on a name hides its curve, or shows it again.

    Args:
        curves: The id of the panel with the curves.
    """
    return gr.HTML(
        None, html_template='<div class="values"></div>', css_template=text("curve_values.css"),
        js_on_load=text("curve_values.js"), apply_default_css=False, elem_id=f"{curves}-values", curves=curves,
    )  # fmt: skip


def films_content(clip: Clip | None, driven: Driven | None) -> dict[str, Any] | None:
    """Put a clip, and a face that it drives, into the form that the player takes as its value."""
    if clip is None:
        return None
    files = [[label, address(clip.folder / name)] for name, label in FILES.items() if (clip.folder / name).exists()]
    if driven is not None:
        files.append(["Driven face (MP4)", address(driven.film)])
    return {
        "films": address(clip.films),
        "panels": [[name, words] for name, words in WORDS.items()],
        "driven": driven and {"film": address(driven.film), "name": f"{driven.name} makes these movements"},
        "notes": clip.notes,
        "files": files,
    }
