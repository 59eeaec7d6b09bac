"""The clip input of the named endpoints: an uploaded video, as it came."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr
from gradio.blocks import Block

from app.components.uploaded import UploadedOnly


class ClipInput(UploadedOnly, gr.File):
    """A file input that hands over one uploaded file, and no other file of the server."""

    refused = "No clip"

    def __init__(self, folders: tuple[Path, ...] = (), **options: Any):
        """Make the input; files in `folders` may be named beside uploads."""
        super().__init__(**options)
        self.folders = list(folders)

    def preprocess(self, payload: Any) -> str | None:
        """Give the path of the uploaded file.

        Args:
            payload: The request's file, as gradio parsed it; None for an empty input.

        Raises:
            gr.Error: The file is no upload and no example.
        """
        return None if payload is None else str(self.checked(getattr(payload, "path", None)))

    def get_config(self, cls: type[Block] | None = None) -> dict[str, Any]:
        """List what the page needs to draw: gradio reads it off the signature of a class, here that of gr.File."""
        return super().get_config(cls or gr.File)

    def get_block_name(self) -> str:
        """Name the part that the page draws: gradio's own file input."""
        return "file"
