"""The map of a gallery on a canvas: dots to point at and click, and a star where the visitor's face falls."""

from __future__ import annotations

import gradio as gr

from app.components.files import address, text
from latentface.gallery import MAPS, Gallery

TITLES = {
    "shape": "Shape: the code of the 3D form and of where the features lie",
    "texture": "Texture: the code of the skin's colours",
    "identity": "Identity: what stays when the face rests",
    "expression": "Expression: what the moment added",
}


def map_canvas(gallery: Gallery, places: dict, start: int, elem_id: str) -> gr.HTML:
    """Add a map; a click on a dot is a `select` event whose index is the gallery's row.

    Args:
        gallery: The faces and their coordinates.
        places: Map name -> where the visitor's face falls, a Place as a dictionary.
        start: The row that is marked at first.
        elem_id: Its id on the page.
    """
    return gr.HTML(
        places, html_template=text("map.html"), css_template=text("map.css"), js_on_load=text("map.js"),
        apply_default_css=False, elem_id=elem_id, points=points(gallery), start=start,
    )  # fmt: skip


def points(gallery: Gallery) -> dict:
    """List what the map draws, sent once with the page: coordinates, factors and picture addresses of every face."""
    return {
        "maps": {name: [[round(v, 3) for v in xy] for xy in gallery.coordinates[name].tolist()] for name in MAPS},
        "titles": TITLES,
        "factors": {name: [face[name] for face in gallery.faces] for name in gallery.factors},
        "people": [face["person"] for face in gallery.faces],
        "frames": [face["frame"] for face in gallery.faces],
        "files": [face["file"] for face in gallery.faces],
        "folder": address(gallery.folder) + "/",
    }
