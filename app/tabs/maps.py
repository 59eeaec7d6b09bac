"""Tab Maps: the gallery laid out by what the model finds alike; a new face falls in place among it."""

from __future__ import annotations

from dataclasses import asdict

import gradio as gr

from app.components.files import address, text
from app.components.photo_input import notice, photo_input, tell_stale
from app.components.pictures import VIEWER_YAW, figure, front, mesh_file, neutral_scene, seen, strip
from app.session import Model, plain_error
from app.tabs.reconstruct import Shown
from app.tabs.reconstruct import Tab as ReconstructTab
from latentface.autoencoder import Codes
from latentface.gallery import MAPS, Gallery

ABOUT = """Every dot is a picture of one of {people} people who do not exist, and dots that are close look alike **to the
model**. On the *identity* map one person's pictures should huddle together whatever face they pull; on the
*expression* map people should mix and smiles should meet. Point at a dot to see it, click it to hold it in 3D. The star
is the face of the Reconstruct tab, or the photo that you put here last."""
TITLES = {
    "shape": "Shape: the code of the 3D form and of where the features lie",
    "texture": "Texture: the code of the skin's colours",
    "identity": "Identity: what stays when the face rests",
    "expression": "Expression: what the moment added",
}


def points(gallery: Gallery) -> dict:
    """What the map draws, sent once with the page: coordinates, factors and picture addresses of every face."""
    return {
        "maps": {name: [[round(v, 3) for v in xy] for xy in gallery.coordinates[name].tolist()] for name in MAPS},
        "titles": TITLES,
        "factors": {name: [face[name] for face in gallery.faces] for name in gallery.factors},
        "people": [face["person"] for face in gallery.faces],
        "frames": [face["frame"] for face in gallery.faces],
        "files": [face["file"] for face in gallery.faces],
        "folder": address(gallery.folder) + "/",
    }


def build(model: Model, reconstructed: ReconstructTab) -> None:
    """Builds the tab inside the current gr.Blocks. The face of the Reconstruct tab is on the maps from the start."""
    gallery, pipeline = model.gallery, model.pipeline
    if not model.mapped:
        gr.Markdown(
            f"The gallery's maps belong to the checkpoint `{model.gallery.checkpoint}`. To map it with "
            f"this one: `python -m train gallery --checkpoint {model.checkpoint}`, then start the app again."
        )
        return

    def places(codes: Codes) -> dict:
        """Where a face falls on every map, with its nearest neighbours."""
        return {name: asdict(place) for name, place in model.place(codes).items()}

    def follow(shown: Shown) -> dict:
        return places(shown.codes)

    def hold(row: int) -> tuple[str, str]:
        """One gallery face in 3D and in pictures."""
        codes = gallery.codes[row : row + 1]
        scene, neutral = pipeline.decode(codes), neutral_scene(pipeline, codes)
        about = gallery.faces[row]
        pictures = strip(
            figure(
                seen(scene), f"Person {about['person']}, picture {about['frame']}", "As the model sees this picture"
            ),
            figure(front(scene), "From the front"),
            figure(front(neutral), "Neutral", "Without its expression: the identity part alone"),
        )
        return mesh_file(scene, VIEWER_YAW), pictures

    start = model.examples[1]
    mesh, pictures = hold(start)
    gr.Markdown(ABOUT.format(people=len({face["person"] for face in gallery.faces})), elem_classes="about")
    with gr.Row():
        with gr.Column(scale=7, min_width=300):
            chart = gr.HTML(
                follow(reconstructed.shown.value), html_template=text("map.html"), css_template=text("map.css"),
                js_on_load=text("map.js"), apply_default_css=False, elem_id="map",
                points=points(gallery), start=start,
            )  # fmt: skip
        with gr.Column(scale=4, min_width=280):
            viewer = gr.Model3D(
                mesh, label="The chosen face in 3D", height=300, clear_color=(0, 0, 0, 0), interactive=False,
                elem_id="map-viewer",
            )  # fmt: skip
            chosen = gr.HTML(pictures, elem_id="chosen")
            photo = photo_input(model, "Put another photo on the map (★)", None, "map-photo", height=200)
            stale = notice("map-notice")

    def pick(event: gr.EventData) -> tuple[str, str]:
        row = event.index
        if not isinstance(row, int) or not 0 <= row < len(gallery.faces):
            raise plain_error("there is no such face on the map", "No face")
        return hold(row)

    def put(photo: str | None) -> dict:
        if photo is None:
            return gr.skip()
        return places(model.read_largest(photo).codes)

    quiet = {"api_visibility": "private", "show_progress": "hidden", "trigger_mode": "always_last"}
    chart.select(pick, None, [viewer, chosen], **quiet)
    tell_stale(photo.change(put, photo, chart, **quiet), stale)
    for done in reconstructed.done:
        done.success(follow, reconstructed.shown, chart, **quiet)
