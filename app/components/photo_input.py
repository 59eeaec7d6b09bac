"""The photo input of every tab: upload, webcam, clipboard, or one of the gallery's faces."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr
from gradio.blocks import Block

from app.components.uploaded import UploadedOnly
from app.session import Model


class PhotoInput(UploadedOnly, gr.Image):
    """An image input that hands over the uploaded file as it came, and no other file of the server.

    gradio would open the file itself and fail with its own words (a text file, a bomb); reading is the pipeline's.
    """

    refused = "No photo"

    def __init__(self, value: str | None = None, folders: tuple[Path, ...] = (), **options: Any):
        """Make the input; files in `folders` may be named beside uploads. gradio would drop what *args collects."""
        super().__init__(value=value, **options)
        self.folders = list(folders)

    def preprocess(self, payload: Any) -> str | None:
        """Give the path of the uploaded photo.

        Args:
            payload: The request's file, as gradio parsed it; None for an empty input.

        Raises:
            gr.Error: The file is no upload and no example.
        """
        return None if payload is None else str(self.checked(payload.path))

    def get_config(self, cls: type[Block] | None = None) -> dict[str, Any]:
        """List what the page needs to draw: gradio reads it off the signature of a class, here that of gr.Image."""
        return super().get_config(cls or gr.Image)

    def get_block_name(self) -> str:
        """Name the part that the page draws: gradio's own image input."""
        return "image"


def photo_input(model: Model, label: str, path: str | None, elem_id: str, height: int = 260) -> PhotoInput:
    """Add a photo input for uploads, the camera, the clipboard, and the gallery's faces.

    Args:
        model: Whose gallery's files may be named.
        label: What stands above it.
        path: The photo it opens with; None for an empty one.
        elem_id: Its id on the page.
        height: In CSS pixels.
    """
    return PhotoInput(
        path, type="filepath", label=label, height=height, elem_id=elem_id, elem_classes="photo",
        folders=(model.gallery.folder,), sources=["upload", "webcam", "clipboard"], buttons=["fullscreen"],
    )  # fmt: skip
