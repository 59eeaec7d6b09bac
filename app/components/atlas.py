"""The atlas: three linked maps of a gallery, to move, zoom, filter and lasso, with the visitor's faces on all of them.

Its value is {"stars": [...]}; a star is {"name", "thumbnail" (a data address), "places": {method: {map: [x, y]}},
"small"}, with method "umap" or "pca", and x and y in [0, 1].
"""

from __future__ import annotations

import base64
from functools import lru_cache
from typing import Any

import gradio as gr
import numpy as np
from sklearn.decomposition import PCA

from app.components.files import address, text
from latentface.gallery import MAPS, Gallery

TITLES = {
    "whole": ("Whole code", "All the model says of a face: form and colours."),
    "identity": ("Identity", "What stays when the face rests: one person's pictures should huddle."),
    "expression": ("Expression", "What the moment added: people should mix, smiles should meet."),
    "shape": ("Shape", "3D form, and where the features lie."),
    "texture": ("Texture", "The skin's colours."),
}
"""Each map's name and what it shows."""
SHOWN = ("whole", "identity", "expression")
"""Maps that are open at first."""
PARTS = ("data", "colours", "dots", "density", "panel", "hands", "card", "save")
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


@lru_cache(maxsize=8)
def axes(gallery: Gallery, name: str) -> tuple[PCA, np.ndarray, np.ndarray]:
    """Fit the first three principal axes of a map's vectors: the fit, and the least and most along each."""
    fit = PCA(min(3, *gallery.features[name].shape), random_state=0).fit(gallery.features[name])
    rows = fit.transform(gallery.features[name])
    return fit, rows.min(0), np.maximum(rows.max(0) - rows.min(0), 1e-9)


def along_axes(gallery: Gallery, name: str, rows: np.ndarray) -> np.ndarray:
    """Place vectors on the principal axes, the gallery's own filling [0, 1]: N x 3."""
    fit, low, wide = axes(gallery, name)
    found = (fit.transform(rows) - low) / wide
    return np.pad(found, ((0, 0), (0, 3 - found.shape[1])), constant_values=0.5)


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
    record = gallery.record
    return {
        "methods": {
            "umap": {name: packed(gallery.coordinates[name].numpy()) for name in MAPS},
            "pca": {name: packed(along_axes(gallery, name, gallery.features[name])[:, :2]) for name in MAPS},
        },
        "titles": TITLES,
        "factors": {name: factor([face[name] for face in gallery.faces]) for name in gallery.factors},
        "people": [face["person"] for face in gallery.faces],
        "frames": [face["frame"] for face in gallery.faces],
        "sheets": {
            kind: {**sheet.record(), "files": [f"{address(gallery.folder)}/{file}" for file in sheet.files]}
            for kind, sheet in gallery.sheets.items()
        },
        "trust": record.get("trustworthiness", {}),
        "caption": f"Checkpoint {gallery.checkpoint}; {record.get('command', '')}, commit {record.get('commit', '')}; "
        f"{len(gallery.faces)} pictures, {record.get('data', {}).get('source', 'own pictures')}.",
    }
