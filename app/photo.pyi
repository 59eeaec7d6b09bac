"""The photo input of every tab: upload, webcam, clipboard, or one of the gallery's faces."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr
from gradio_client.utils import is_http_url_like

from app.files import address, text
from app.model import Model, plain_error
from app.uploads import REFUSED, NotUploaded, uploaded_file

STALE = (
    '<p class="stale"><strong>No new face.</strong> This photo gave none; what you see is still the face before it.</p>'
)

class PhotoInput(gr.Image):
    """An image input that hands over the uploaded file as it came, and no other file of the server.

    gradio would open the file itself and fail with its own words (a text file, a bomb); reading is the pipeline's. gradio also
    takes any path of the server from a request without `meta`, and fetches web addresses: neither passes here.
    """

    def __init__(self, *args: Any, folders: tuple[Path, ...] = (), **options: Any):
        """folders: whose files may be named beside uploads."""
        super().__init__(*args, **options)
        self.folders = list(folders)

    def preprocess(self, payload: Any) -> str | None:
        """Path of the uploaded photo; None for an empty input. Raises gr.Error for any other file."""
        return None if payload is None else str(self.checked(payload.path))

    async def async_move_resource_to_block_cache(self, url_or_file_path: str | Path | None) -> str | None:
        """As gradio's, which runs before `preprocess`; never fetches a web address. Raises gr.Error for one."""
        if is_http_url_like(str(url_or_file_path)):
            raise plain_error(REFUSED, "No photo")
        return await super().async_move_resource_to_block_cache(url_or_file_path)

    def checked(self, path: str | None) -> Path:
        """The file behind a request's path. Raises gr.Error where it is no upload and no example."""
        try:
            return uploaded_file(path, self.folders)
        except NotUploaded as error:
            raise plain_error(error, "No photo") from error

    def get_block_name(self) -> str:
        """What the page draws: gradio's own image input."""
        return "image"
    from typing import TYPE_CHECKING, Any, Callable, Literal, Sequence

    from gradio.blocks import Block

    if TYPE_CHECKING:
        from gradio.components import Timer
        from gradio.components.base import Component

def photo_input(model: Model, label: str, path: str | None, elem_id: str, height: int = 260) -> PhotoInput:
    """A photo input for uploads, the camera, the clipboard, and the gallery's faces."""
    return PhotoInput(
        path, type="filepath", label=label, height=height, elem_id=elem_id, folders=(model.gallery.folder,),
        sources=["upload", "webcam", "clipboard"], buttons=["fullscreen"],
    )  # fmt: skip

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

def two_photos(
    model: Model, labels: tuple[str, str], paths: list[str], prefix: str = ""
) -> tuple[list[gr.Image], list[gr.HTML]]:
    """Two columns inside the current row, each a photo with the example faces below it; the photos, and their notices."""
    photos, notices = [], []
    for side, label, path in zip("ab", labels, paths):
        with gr.Column(scale=3, min_width=260):
            photos.append(photo_input(model, label, path, f"{prefix}photo-{side}", height=220))
            notices.append(notice(f"{prefix}notice-{side}"))
            example_faces(model, photos[-1], f"{prefix}examples-{side}")
    return photos, notices
