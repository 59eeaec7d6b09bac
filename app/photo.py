"""The photo input of every tab: upload, webcam, clipboard, or one of the gallery's faces."""

from __future__ import annotations

import gradio as gr

from .files import address, text
from .model import Model, plain_error

STALE = '<p class="stale"><strong>No new face.</strong> This photo gave none; what you see is still the face before it.</p>'


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


def notice(elem_id: str) -> gr.HTML:
    """Room below a photo for STALE; what belongs to an older photo pales while it stands there (page.css)."""
    return gr.HTML("", elem_id=elem_id, padding=False)


def tell_stale(looked: gr.events.Dependency, place: gr.HTML) -> None:
    """Says so in `place` when the event that looks at a photo fails, and no longer when it succeeds."""
    quiet = {"api_visibility": "private", "show_progress": "hidden", "queue": False}
    looked.failure(lambda: STALE, None, place, **quiet)
    looked.success(lambda: "", None, place, **quiet)


def both(a: str | None, b: str | None) -> tuple[str, str]:
    """The two photos in each other's place. Raises gr.Error where one is missing."""
    if a is None or b is None:
        raise plain_error("one of the two boxes is empty: put a photo into it first", "Two photos are needed")
    return b, a


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


def two_photos(model: Model, labels: tuple[str, str], paths: list[str], prefix: str = "") -> tuple[list[gr.Image], list[gr.HTML]]:
    """Two columns inside the current row, each a photo with the example faces below it; the photos, and their notices."""
    photos, notices = [], []
    for side, label, path in zip("ab", labels, paths):
        with gr.Column(scale=3, min_width=260):
            photos.append(photo_input(label, path, f"{prefix}photo-{side}", height=220))
            notices.append(notice(f"{prefix}notice-{side}"))
            example_faces(model, photos[-1], f"{prefix}examples-{side}")
    return photos, notices
