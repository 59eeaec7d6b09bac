"""The player of walks from noise: faces side by side in lockstep, the noisy code as a heat strip, the way on the map.

Everything is sent at once; playing and scrubbing ask nothing of the server.
"""

from __future__ import annotations

from typing import Any

import gradio as gr

from app.components.files import text
from app.components.pictures import uri
from app.session import Model
from latentface.codes import Codes
from latentface.gallery import MAPS
from latentface.pictures import picture
from latentface.walks import Watched

SIDE = 224
"""Side of a picture in pixels."""
MAP_NAMES = {"identity": "identity map", "expression": "expression map"}


def walk_player(model: Model, value: dict[str, Any], elem_id: str) -> gr.HTML:
    """Add a player.

    Args:
        model: Whose gallery's maps are drawn, where they are this checkpoint's.
        value: As `walks_content` gives it.
        elem_id: Its id on the page.
    """
    maps = {}
    if model.mapped:
        maps = {
            name: [[round(v, 3) for v in xy] for xy in model.atlas.coordinates[name].tolist()]
            for name in MAPS
            if name in MAP_NAMES
        }
    return gr.HTML(
        value, html_template=text("walk_player.html"), css_template=text("walk_player.css"),
        js_on_load=text("walk_player.js"), apply_default_css=False, elem_id=elem_id, maps=maps,
        people=[face["person"] for face in model.atlas.faces],
    )  # fmt: skip


def walks_content(model: Model, walks: list[tuple[str, Watched]], title: str) -> dict[str, Any]:
    """Put walks into the form that a player takes: pictures, captions, strips and places of every moment.

    Args:
        model: The model.
        walks: Name and walk of each lane; all have the same steps.
        title: What is to be seen.

    Returns:
        {"title", "captions", "map", "lanes": [{"name", "frames", "strips", "path"}]}.
    """
    first = walks[0][1]
    total = first.steps[-2] if first.noisy and len(first.steps) > 1 else first.steps[-1]
    captions = [f"Step {step} of {total}" if step <= total else "The end: no noise left" for step in first.steps]
    return {
        "title": title,
        "captions": captions,
        "map": first.map,
        "map_name": MAP_NAMES[first.map],
        "lanes": [lane(model, name, walk) for name, walk in walks],
    }


def lane(model: Model, name: str, walk: Watched) -> dict[str, Any]:
    """Draw one walk."""
    path = []
    if model.mapped:
        places = [model.atlas.place(walk.map, feature) for feature in walk.features]
        path = [[round(place.x, 3), round(place.y, 3)] for place in places]
    strips = [[round(v, 2) for v in numbers.tolist()] for numbers in walk.noisy]
    return {"name": name, "frames": [uri(frame) for frame in drawn(model, walk.faces)], "strips": strips, "path": path}


def drawn(model: Model, faces: Codes) -> list:
    """Draw faces at their own view, each uint8 SIDE x SIDE x 3."""
    images = model.pipeline.decode(faces).canonical.clamp(-1, 1)
    return [picture(image, SIDE) for image in images]
