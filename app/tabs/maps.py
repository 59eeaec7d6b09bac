"""Tab Maps: the gallery laid out by what the model finds alike; a new face falls in place among it."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import gradio as gr

from app.components.face_chips import use_buttons
from app.components.map_canvas import map_canvas
from app.components.photo_box import photo_box
from app.components.pictures import figure, front, neutral_scene, seen, strip
from app.components.stage import stage, stage_content
from app.session import Model, Session, Shown, plain_error
from latentface.codes import Codes
from latentface.gallery import middle

ABOUT = """Every dot is a picture of one of {people} people who do not exist, and dots that are close look alike **to
the model**. On the *identity* map one person's pictures should huddle together whatever face they pull; on the
*expression* map people should mix and smiles should meet. Point at a dot to see it, click it to hold it in 3D. The star
is this face: change it here or on any other tab."""
OTHERS = """The gallery's maps belong to the checkpoint `{gallery}`. To map it with this one:
`python -m train gallery --checkpoint {checkpoint}`, then start the app again."""


def places(model: Model, codes: Codes) -> dict:
    """Find where a face falls on every map, with its nearest neighbours."""
    return {name: asdict(place) for name, place in model.place(codes).items()}


def gallery_face(model: Model, row: int) -> tuple[str, Shown]:
    """Show one gallery face: its pictures as HTML, and the face to carry on."""
    codes, about = model.gallery.codes[row : row + 1], model.gallery.faces[row]
    name = f"Person {about['person']}, picture {about['frame']}"
    crop = model.pipeline.tensor(middle(model.gallery.picture(row), model.pipeline.size))
    made, neutral = model.make(codes, name), neutral_scene(model.pipeline, codes)
    shown = replace(made, face=replace(made.face, crop=crop, level=crop))
    pictures = strip(
        figure(seen(shown.scene), name, "As the model sees this picture"),
        figure(front(shown.scene), "From the front"),
        figure(front(neutral), "Neutral", "Without its expression: the identity part alone"),
    )
    return pictures, shown


def build(session: Session) -> None:
    """Build the tab inside the current gr.Blocks. The face of the Reconstruct tab is on the maps from the start."""
    model = session.model
    if not model.mapped:
        gr.Markdown(OTHERS.format(gallery=model.gallery.checkpoint, checkpoint=model.checkpoint))
        return

    def follow(shown: Shown) -> dict:
        """Place this face on the maps."""
        return places(model, shown.face.codes)

    def pick(event: gr.EventData) -> tuple[dict, str, Shown]:
        """Show the face of the gallery that was clicked."""
        row = getattr(event, "index", None)
        if not isinstance(row, int) or not 0 <= row < len(model.gallery.faces):
            raise plain_error("there is no such face on the map", "No face")
        pictures, face = gallery_face(model, row)
        return stage_content(model.pipeline, face), pictures, face

    start = model.examples[1]
    pictures, face = gallery_face(model, start)
    picked = gr.State(face)
    gr.Markdown(ABOUT.format(people=len({face["person"] for face in model.gallery.faces})), elem_classes="about")
    with gr.Row():
        with gr.Column(scale=7, min_width=300):
            chart = map_canvas(model.gallery, follow(session.shown.value), start, "map")
        with gr.Column(scale=4, min_width=280):
            viewer = stage(model.pipeline, face, "map-viewer")
            chosen = gr.HTML(pictures, elem_id="chosen")
            use_buttons(session, picked, "map-use")
            photo_box(session, session.shown, "This face (★)", "map-photo")
    quiet: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden", "trigger_mode": "always_last"}
    chart.select(pick, None, [viewer, chosen, picked], **quiet)
    session.shown.change(follow, session.shown, chart, **quiet)
