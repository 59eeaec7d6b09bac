"""The row of example faces below a photo input, for those who have no photo at hand."""

from __future__ import annotations

import gradio as gr

from app.components.files import address, text
from app.session import Model


def example_faces(model: Model, photo: gr.Image, elem_id: str) -> None:
    """Add the example faces; a click puts one into `photo`, whose change event does the rest.

    Args:
        model: Whose examples.
        photo: The photo input to fill.
        elem_id: The row's id on the page.
    """
    paths = [str(model.gallery.picture(row)) for row in model.examples]
    faces = [{"src": address(path), "alt": f"Example face {i + 1}"} for i, path in enumerate(paths)]
    row = gr.HTML(
        None, html_template=text("example_faces.html"), css_template=text("example_faces.css"),
        js_on_load=text("example_faces.js"), apply_default_css=False, elem_id=elem_id, faces=faces,
    )  # fmt: skip

    def use(event: gr.EventData) -> str:
        return paths[int(event.index) % len(paths)]

    row.select(use, None, photo, api_visibility="private", show_progress="hidden", queue=False)
