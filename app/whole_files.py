"""Files that visitors fetch, written whole: gradio writes equal pictures to one file, which it empties first.

Somebody who was being sent that file got half of it then.
"""

from __future__ import annotations

import os
import secrets
from io import BytesIO
from pathlib import Path

from gradio import processing_utils
from gradio.utils import get_upload_folder
from PIL import Image

from latentface.pictures import PNG_LEVEL


def write_whole(data: bytes, name: str, folder: str | Path | None = None) -> str:
    """Write a file that visitors may fetch, under a folder named by its content and a secret of gradio's.

    Equal files are one, and yet nobody who knows what another visitor's answer must be can work out its address.

    Args:
        data: Of the file.
        name: Its name.
        folder: Where; None for the folder for uploads, which is emptied by age.

    Returns:
        Its path; one that was there is as if it were new.
    """
    home = Path(folder or get_upload_folder()) / processing_utils.hash_bytes(data)
    home.mkdir(parents=True, exist_ok=True)
    file = (home / Path(name).name).resolve()
    try:
        os.utime(file)  # its age counts anew
    except FileNotFoundError:  # not there yet, or just swept
        partial = file.with_name(f"{file.name}.{secrets.token_hex(8)}")
        partial.write_bytes(data)
        partial.replace(file)
    return str(file)


def write_picture(img: Image.Image, cache_dir: str, name: str = "image", format: str = "webp") -> str:
    """Write a picture as gradio does (gradio.processing_utils.save_pil_to_cache), but whole, and a PNG sooner."""
    if format.lower() != "png":
        return write_whole(processing_utils.encode_pil_to_bytes(img, format), f"{name}.{format}", cache_dir)
    with BytesIO() as file:
        img.save(file, "png", compress_level=PNG_LEVEL)
        return write_whole(file.getvalue(), f"{name}.png", cache_dir)


def use() -> None:
    """Have gradio's own components write their pictures so."""
    processing_utils.save_pil_to_cache = write_picture
