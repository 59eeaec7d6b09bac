"""What a link to the page shows elsewhere: title, description and picture for link previews."""

from __future__ import annotations

import html
import os

import gradio as gr

from app.components.files import address
from latentface.checkpoints import ASSETS

PICTURE = ASSETS / "pictures" / "faces.webp"
TITLE = "LatentFace"
DESCRIPTION = (
    "A photo in, a face in 3D out: turn it, light it, put another's expression on. Learned from plain pictures."
)
HOST = "SPACE_HOST"
"""Variable with the public host name, which Hugging Face Spaces sets; previews need the picture's whole address."""


def head() -> str:
    """Write the tags for the page's head; the picture becomes a static file."""
    tags = {"og:type": "website", "og:title": TITLE, "og:description": DESCRIPTION}
    if PICTURE.exists():
        gr.set_static_paths([PICTURE])
        host = os.environ.get(HOST)
        tags["og:image"] = (f"https://{host}/" if host else "") + address(PICTURE)
        tags["twitter:card"] = "summary_large_image"
    lines = [f'<meta property="{name}" content="{html.escape(value)}">' for name, value in tags.items()]
    return "\n".join([f'<meta name="description" content="{html.escape(DESCRIPTION)}">', *lines])
