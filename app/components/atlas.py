"""The atlas: three linked maps of a gallery, to move, zoom, filter and lasso, with the visitor's faces on all of them.

Its value is {"stars": [...]}; a star is {"name", "thumbnail" (a data address), "places": {method: {map: [x, y]}},
"small"}, with method "umap" or "pca", and x and y in [0, 1].
"""

from __future__ import annotations

import base64
from typing import Any

import gradio as gr
import numpy as np

from app.components.export import origin
from app.components.files import address, text
from latentface.gallery import Gallery
from latentface.glossary import glossary

PCL_NOTE = "PCL draws nothing here: a selection is decoded by this page's model."
TITLES = {
    "whole": ("Whole code", "All the model says of a face: form and colours."),
    "identity": ("Identity", "What stays when the face rests: one person's pictures should huddle."),
    "expression": ("Expression", "What the moment added: people should mix, smiles should meet."),
    "shape": ("Shape", "3D form, and where the features lie."),
    "texture": ("Texture", "The skin's colours."),
    "pcl_face": ("PCL: face", f"Another method's features of who is seen. {PCL_NOTE}"),
    "pcl_pose": ("PCL: pose", f"Another method's features of how the head is turned. {PCL_NOTE}"),
}
"""Each map's name and what it shows."""
SHOWN = ("whole", "identity", "expression")
"""Maps that are open at first."""
PARTS = ("data", "colours", "dots", "density", "panel", "hands", "card", "take")
"""Files of the script, web/atlas_PART.js, before atlas.js itself."""


def atlas(gallery: Gallery, value: dict[str, Any], start: int, elem_id: str) -> gr.HTML:
    """Add the maps.

    Its events: `select` {index: row, map} for a dot that was clicked, `lasso` {rows, map} for a selection (empty once
    it is cleared), `group` {rows, side: "a" or "b"} for one that is kept.

    Args:
        gallery: The faces and their coordinates.
        value: Stars at first, see above.
        start: The row that is chosen at first.
        elem_id: Its id on the page.
    """
    script = "".join(text(f"atlas_{part}.js") for part in PARTS) + text("atlas.js")
    return gr.HTML(
        value, html_template=text("atlas.html"), css_template=text("atlas.css"), js_on_load=script,
        apply_default_css=False, elem_id=elem_id, points=points(gallery), start=start, shown=list(SHOWN),
    )  # fmt: skip


def packed(shares: np.ndarray) -> str:
    """Write numbers in [0, 1] as base64 of little-endian uint16."""
    return base64.b64encode((65535 * np.clip(shares, 0, 1)).round().astype("<u2").tobytes()).decode()


def factor(column: list[float]) -> dict[str, Any]:
    """Write a factor of all faces as its ends and shares between them."""
    values = np.array(column, float)
    low, high = float(values.min()), float(values.max())
    return {"low": low, "high": high, "shares": packed((values - low) / (high - low or 1))}


def points(gallery: Gallery) -> dict[str, Any]:
    """List what the maps draw, sent once with the page."""
    return {
        "methods": {
            "umap": {name: packed(gallery.coordinates[name].numpy()) for name in gallery.names},
            "pca": {name: packed(gallery.along_axes(name, gallery.features[name])[:, :2]) for name in gallery.names},
        },
        "titles": {name: TITLES[name] for name in gallery.names},
        "factors": {name: factor([face[name] for face in gallery.faces]) for name in gallery.factors},
        "people": [face["person"] for face in gallery.faces],
        "frames": [face["frame"] for face in gallery.faces],
        "sheets": {
            kind: {**sheet.record(), "files": [f"{address(gallery.folder)}/{file}" for file in sheet.files]}
            for kind, sheet in gallery.sheets.items()
        },
        "trust": gallery.trusted,
        "trustMeaning": glossary()["trustworthiness"],
    }


def made_by(gallery: Gallery, what: str) -> str:
    """Say in one line where a gallery's maps come from (see export.origin).

    Args:
        gallery: The faces and their coordinates.
        what: What is shown.
    """
    record, data, config = gallery.record, _within(gallery.record, "data"), _within(gallery.record, "config")
    people = len({face["person"] for face in gallery.faces})
    source = f"{len(gallery.faces):,} pictures of {people:,} people, {data.get('source', 'own pictures')}"
    seed, more = _within(config, "umap").get("seed"), gallery.further
    known = more and "command" in more and "commit" in more
    further = f" · 3-D and PCL: {more['command']}, commit {more['commit']}" if known else ""
    return origin({**record, "data": source, "seed": seed}, what) + further


def _within(record: dict[str, Any], name: str) -> dict[str, Any]:
    """Give a record's part; empty where it has none, as files of others may not."""
    part = record.get(name)
    return part if isinstance(part, dict) else {}
