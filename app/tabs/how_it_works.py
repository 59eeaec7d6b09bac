"""Tab How it works: both methods on the visitor's face, scene by scene, and a diffusion that trains there."""

from __future__ import annotations

import hashlib
from typing import Any

import gradio as gr

from app.components.files import text
from app.how.scenes import listed, scene_content
from app.session import Session, Shown

ABOUT = """What happens between a photo and a face in 3D, and how a model finds out who somebody is and what their face
does, **on your own face**: every picture and every number here comes from the model that this page has loaded. Go on
with **Next**, after that with the arrow keys too, and choose how deep you want to look."""
QUIET: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden", "trigger_mode": "multiple"}
PARTS = ("stage_gl", "how_tools", *(f"how_{kind}" for kind in ("frames", "relief", "probe", "pixels", "zoom", "cloud",
         "matrix", "quad", "wipe")), "how")  # fmt: skip
"""Scripts of the scenes, in order."""


def header(shown: Shown, other: Shown) -> dict[str, Any]:
    """Say whom the scenes are about: what the page holds of others is let go of when the id changes."""
    told = f"{shown.name}{shown.thumbnail}{other.name}{other.thumbnail}"
    face = {"id": hashlib.sha256(told.encode()).hexdigest()[:16], "name": shown.name, "src": shown.thumbnail}
    return {"face": face}


def build(session: Session) -> None:
    """Build the tab inside the current gr.Blocks; nothing is drawn before a scene is opened."""
    model, states = session.model, [session.shown, session.b]
    gr.Markdown(ABOUT, elem_classes="about")
    scenes = gr.HTML(
        header(session.shown.value, session.b.value), html_template=text("how.html"), css_template=text("how.css"),
        js_on_load="".join(text(f"{name}.js") for name in PARTS), apply_default_css=False, elem_id="how",
        scenes=listed(),
    )  # fmt: skip

    gr.HTML(
        None, html_template=text("toy.html"), css_template=text("toy.css"),
        js_on_load=text("toy_math.js") + text("toy.js"), apply_default_css=False, elem_id="toy",
        mathematics=text("toy_math.js"),
    )  # fmt: skip

    def draw(shown: Shown, other: Shown, event: gr.EventData) -> dict[str, Any]:
        """Draw the scene that is opened, or about to be."""
        content = scene_content(model, shown, other, getattr(event, "index", None))
        return header(shown, other) | (content or {"missing": True})

    scenes.select(draw, states, scenes, **QUIET)
    gr.on([state.change for state in states], header, states, scenes, **QUIET)
