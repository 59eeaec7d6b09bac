"""Two maps under a clip's films: where its frames fall among the gallery's faces, with a mark at the films' moment."""

from __future__ import annotations

from typing import Any

import gradio as gr
import numpy as np

from app.clips import Clip
from app.components.files import text
from app.session import Model
from latentface.clip_places import clip_places

WORDS = {
    "identity": ("Identity map", "who is seen, frame by frame: the closer the trail keeps together, the better"),
    "expression": ("Expression map", "what the face does: the trail wanders as the face changes"),
}
"""Each map's name and what it shows."""
DOTS = 1500
"""The most faces of the gallery that are drawn as dots."""


def clip_map(model: Model, clip: Clip | None, curves: str) -> gr.HTML:
    """Add the maps.

    Args:
        model: The model with its gallery.
        clip: What they open with.
        curves: The id of the panel with the clip's curves; its player says when the moment changes.
    """
    step = -(-len(model.atlas.faces) // DOTS)
    dots = {name: rounded(model.atlas.coordinates[name][::step].numpy()) for name in WORDS}
    return gr.HTML(
        trail(model, clip), html_template='<div class="trails" data-taken></div>', css_template=text("clip_map.css"),
        js_on_load=text("clip_map.js"), apply_default_css=False, elem_id=f"{curves}-maps", curves=curves,
        dots=dots, words=WORDS,
    )  # fmt: skip


def trail(model: Model, clip: Clip | None) -> dict[str, Any] | None:
    """Make the value of the maps for a clip; None without a clip or maps."""
    if clip is None or not model.mapped:
        return None
    places = clip_places(model.pipeline, model.atlas, clip.stretch, clip.face)
    return {
        "seconds": clip.face.seconds.numpy().round(3).tolist(),
        "places": {name: rounded(rows.numpy()) for name, rows in places.items()},
    }


def rounded(rows: np.ndarray) -> list[list[float] | None]:
    """Write coordinates short; None for those that are not known."""
    return [None if np.isnan(row).any() else [round(float(one), 4) for one in row] for row in rows]
