"""The photo input of every tab: upload, webcam, clipboard, or one of the gallery's faces."""

from __future__ import annotations

import gradio as gr

from .files import address, text
from .model import Model


def photo_input(label: str, path: str | None, elem_id: str, height: int = 260) -> gr.Image:
    """An image input that hands over the file as it came.

    gradio would open the file itself and fail with its own words (a text file, a bomb); reading is the pipeline's.
    """
    image = gr.Image(
        path, type="filepath", label=label, height=height, elem_id=elem_id,
        sources=["upload", "webcam", "clipboard"], buttons=["fullscreen"],
    )  # fmt: skip
    image.preprocess = lambda payload: payload.path if payload else None
    return image


def example_faces(model: Model, photo: gr.Image, elem_id: str) -> None:
    """The example faces; a click puts one into `photo`, whose change event does the rest."""
    paths = [str(model.gallery.picture(row)) for row in model.examples]
    faces = [{"src": address(path), "alt": f"Example face {i + 1}"} for i, path in enumerate(paths)]
    row = gr.HTML(
        None, html_template=text("faces.html"), css_template=text("faces.css"), js_on_load=text("faces.js"),
        apply_default_css=False, elem_id=elem_id, faces=faces,
    )  # fmt: skip

    def use(event: gr.EventData) -> str:
        return paths[int(event.index) % len(paths)]

    row.select(use, None, photo, api_visibility="private", show_progress="hidden", queue=False)


def two_photos(model: Model, labels: tuple[str, str], paths: list[str], prefix: str = "") -> list[gr.Image]:
    """Two columns inside the current row, each a photo with the example faces below it."""
    photos = []
    for side, label, path in zip("ab", labels, paths):
        with gr.Column(scale=3, min_width=260):
            photos.append(photo_input(label, path, f"{prefix}photo-{side}", height=220))
            example_faces(model, photos[-1], f"{prefix}examples-{side}")
    return photos
