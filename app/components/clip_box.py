"""The clip of tab Video: upload, a recording of the camera, or the bundled example; and how far its work is."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import gradio as gr

from app.clips import CLIP_SECONDS
from app.components.files import text
from app.session import plain_error
from app.uploads import NotUploaded, uploaded_file
from latentface.photo import MAX_BYTES


def clip_box(elem_id: str) -> gr.HTML:
    """Add the box.

    Its events: `upload` with the file's path (see `upload`), `input` for the example, `stop`; each with the number of
    the work that it begins, or of the last that it ends.

    Args:
        elem_id: Its id on the page.
    """
    return gr.HTML(
        progress(), html_template=text("clip_box.html"), css_template=text("clip_box.css"),
        js_on_load=text("clip_box.js"), apply_default_css=False, elem_id=elem_id, most=MAX_BYTES,
        seconds=int(CLIP_SECONDS),
    )  # fmt: skip


def progress(status: str = "", error: str = "", busy: bool = False, number: int = 0) -> dict[str, Any]:
    """Put words into the form that the box takes as its value.

    Args:
        status: How far it is, or what is seen.
        error: Why there is nothing.
        busy: Whether it can be stopped.
        number: Of the work that they are about; 0 for what has none. Words about stopped work are not shown.
    """
    return {"status": status, "error": error, "busy": busy, "number": number, "stamp": time.monotonic_ns()}


def upload(path: object) -> Path:
    """Check the path of an uploaded clip.

    Args:
        path: As it came with a request: anything a stranger may write.

    Raises:
        gr.Error: It is no upload.
    """
    try:
        return uploaded_file(path if isinstance(path, str) else None, [])
    except NotUploaded as error:
        raise plain_error(error, "No clip") from error
