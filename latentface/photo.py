"""Untrusted photo files -> clean RGB arrays: every visitor's photo is read here.

The bytes are decoded in a process of its own (latentface/intake), under limits of memory and time; what comes back is
an array and nothing else of the file.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from latentface.intake import door
from latentface.intake.limits import EXTENSIONS, MAX_BYTES, MAX_SIDE

__all__ = ["EXTENSIONS", "MAX_BYTES", "MAX_SIDE", "Photo", "PhotoError", "open_photo", "read_photo"]

PhotoError = door.IntakeError
"""A photo that cannot be used. The message is one line for the person who brought it: what is wrong, what to do."""


@dataclass(frozen=True)
class Photo:
    """A photo as it is worked with."""

    pixels: np.ndarray
    """uint8 H x W x 3, RGB in [0, 255], row 0 at the top of the upright photo, longer side <= MAX_SIDE."""
    scale: float
    """Pixels of the photo as given to one of these."""


def read_photo(source: str | Path | bytes) -> np.ndarray:
    """Read one photo's pixels; see `open_photo`."""
    return open_photo(source).pixels


def open_photo(source: str | Path | bytes) -> Photo:
    """Read one photo from a path or from the bytes of a file.

    The EXIF orientation and the colour profile are applied, transparency is laid over white, every colour mode becomes
    RGB, an animation gives its first frame, and a photo longer than MAX_SIDE is shrunk to it.

    Args:
        source: path of the file, or its bytes.

    Raises:
        PhotoError: the file is missing, empty, too large, no photo, of a format that is not read here, or damaged, or
            takes too long or too much memory to read.
    """
    if isinstance(source, bytes | bytearray | memoryview):
        data, place = bytes(source), {}
        _check_bytes(len(data))
    else:
        data, place = b"", {"path": _checked(Path(source))}
    head, body = door.ask({"job": "photo", **place}, data)
    try:
        (height, width), (own_width, own_height) = head["shape"], head["size"]
        pixels = np.frombuffer(body, np.uint8).reshape(height, width, 3)
        return Photo(pixels, max(own_width, own_height) / max(width, height))
    except (KeyError, TypeError, ValueError, ArithmeticError) as error:
        raise PhotoError("the photo is damaged: save it again as JPEG") from error


def _checked(path: Path) -> str:
    """Give the whole path of a file that is there and not too large; the worker reads it."""
    try:
        if not path.is_file():
            what = "is a folder or a device, not a file" if path.exists() else "is not there"
            raise PhotoError(f"{path} {what}: give the path of a photo")
        _check_bytes(path.stat().st_size)
        return str(path.absolute())
    except (OSError, ValueError) as error:
        if isinstance(error, PhotoError):
            raise
        raise PhotoError("the file cannot be read: check its path and its permissions") from error


def _check_bytes(count: int) -> None:
    if count == 0:
        raise PhotoError("the file is empty: choose the photo again, or copy it once more from where it came from")
    if count > MAX_BYTES:
        raise PhotoError(
            f"the file has {count / 2**20:.0f} MB and the limit is {MAX_BYTES // 2**20} MB: save a smaller JPEG of it"
        )
