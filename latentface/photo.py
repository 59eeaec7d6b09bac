"""Untrusted photo files -> clean RGB arrays: every visitor's bytes are read here.

Sizes are read from the header before a pixel is decoded, so that a small file that unpacks to gigabytes is refused
while it is still small. Colour profiles are not applied: the bytes are taken as sRGB.
"""

from __future__ import annotations

import io
import re
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF")
EXTENSIONS = {".jpg", ".jpeg", ".jfif", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff"}
"""Endings of the files that count as photos in a folder or an archive."""
MAX_BYTES = 64 * 2**20
MAX_PIXELS = 50_000_000
"""Pixels that may be decoded. Pillow holds four bytes a pixel, so this is 200 MB."""
MAX_JPEG_PIXELS = 250_000_000
"""Pixels in a JPEG's header: its decoder reduces by 2, 4 or 8 as it reads, so large phone photos fit MAX_PIXELS."""
MAX_BUFFERED_JPEG_PIXELS = 40_000_000
"""A progressive JPEG cannot be read that way: its decoder holds all coefficients (measured: 10 bytes a pixel)."""
MAX_WEBP_PIXELS = 25_000_000
"""Pillow reads WebP through the decoder for animations, which holds three canvases (measured: 16 bytes a pixel)."""
MAX_SIDE = 2048
"""Longer side of what is returned. The models see faces at 128 pixels or less: a face that fills a photo of this size
is already shrunk eight times or more, and more pixels would cost time and memory for nothing."""

_ORIENTATION_TAG = 0x0112
_TRANSPOSE = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_READ = "JPEG, PNG, WebP, BMP, GIF or TIFF"


class PhotoError(ValueError):
    """A photo that cannot be used. The message is one line for the person who brought it: what is wrong, what to do."""


def read_photo(source: str | Path | bytes) -> np.ndarray:
    """Read one photo from a path or from the bytes of a file.

    The EXIF orientation is applied, transparency is laid over white, every colour mode becomes RGB, an animation gives
    its first frame, and a photo longer than MAX_SIDE is shrunk to it.

    Args:
        source: path of the file, or its bytes.

    Returns:
        uint8 array H x W x 3, RGB in [0, 255], row 0 at the top of the upright photo, longer side <= 2048.

    Raises:
        PhotoError: the file is missing, empty, too large, no photo, of a format that is not read here, or damaged.
    """
    data = bytes(source) if isinstance(source, (bytes, bytearray, memoryview)) else _read_file(Path(source))
    _check_bytes(len(data))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns of large images and odd metadata; sizes are checked here
        with _open(data) as image:
            _check_pixels(image, data)
            try:
                image.load()
                upright = _TRANSPOSE.get(_orientation(image))
                small = _shrink(image)
                return np.array(small if upright is None else small.transpose(upright))
            except Exception as error:  # decoders of hostile bytes raise nearly anything
                raise PhotoError(
                    "the photo is damaged or cut off: open it in a photo program, save it as JPEG, and try that file"
                ) from error


def _read_file(path: Path) -> bytes:
    try:
        if not path.is_file():
            what = "is a folder or a device, not a file" if path.exists() else "is not there"
            raise PhotoError(f"{path} {what}: give the path of a photo")
        _check_bytes(path.stat().st_size)
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
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


def _open(data: bytes) -> Image.Image:
    """Open the header only; no pixel is decoded."""
    try:
        return Image.open(io.BytesIO(data), formats=FORMATS)
    except Image.DecompressionBombError as error:
        count = re.search(r"(\d+) pixels", str(error))
        size = f"{int(count[1]) / 1e6:.0f} megapixels" if count else "far too many pixels"
        raise PhotoError(_too_large(size, MAX_PIXELS)) from error
    except UnidentifiedImageError as error:
        if data[4:8] == b"ftyp":
            raise PhotoError("HEIC and AVIF photos are not read here: save the photo as JPEG and try again") from error
        raise PhotoError(f"the file is not a photo that can be read: use {_READ}") from error
    except Exception as error:  # headers made to break a parser
        raise PhotoError(f"the header of the file is damaged: save the photo again as JPEG, of {_READ}") from error


def _too_large(size: str, limit: int) -> str:
    limit_text = f"{limit / 1e6:.0f} megapixels"
    return f"the photo has {size} and the limit is {limit_text}: shrink it, or save it as a smaller JPEG"


def _check_pixels(image: Image.Image, data: bytes) -> None:
    """Ask a JPEG's decoder to reduce as it reads, then hold the size against the limit."""
    width, height = image.size
    limit = MAX_WEBP_PIXELS if image.format == "WEBP" else MAX_PIXELS
    if image.format in ("JPEG", "MPO"):
        limit = MAX_BUFFERED_JPEG_PIXELS if _is_buffered(image, data) else MAX_JPEG_PIXELS
        if width * height <= limit:
            scale = MAX_SIDE / max(width, height)
            image.draft(None, (max(1, round(width * scale)), max(1, round(height * scale))))
    decoded = image.size[0] * image.size[1]
    if width * height > limit or decoded > MAX_PIXELS:
        raise PhotoError(_too_large(f"{width} x {height} = {width * height / 1e6:.0f} megapixels", limit))


def _is_buffered(image: Image.Image, data: bytes) -> bool:
    """Tell whether a JPEG's decoder must hold all coefficients: it is progressive, or its planes come one by one."""
    if image.info.get("progressive"):
        return True
    at = 2
    while at + 4 < len(data) and data[at] == 0xFF:
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        if marker == 0xDA:  # start of scan: the number of planes in it
            return data[at + 4] < len(image.getbands())
        at += 1 if marker == 0xFF else 2 + length
    return True


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(_ORIENTATION_TAG, 1))
    except Exception:  # broken metadata is no reason to refuse the photo
        return 1


def _shrink(image: Image.Image) -> Image.Image:
    """Convert any mode and size to RGB with a longer side of at most MAX_SIDE.

    Whole-number reduction goes strip by strip, so that converting a large picture never needs a second copy of it.
    """
    white = _white_level(image)
    width, height = image.size
    factor = max(1, max(width, height) // MAX_SIDE)
    if factor == 1:
        small = _to_rgb(image, white)
    else:
        small = Image.new("RGB", (-(-width // factor), -(-height // factor)))
        rows = 64 * factor
        for top in range(0, height, rows):
            strip = image.crop((0, top, width, min(top + rows, height)))
            small.paste(_to_rgb(strip, white).reduce(factor), (0, top // factor))
    if max(small.size) > MAX_SIDE:
        scale = MAX_SIDE / max(small.size)
        size = (max(1, round(small.width * scale)), max(1, round(small.height * scale)))
        small = small.resize(size, Image.Resampling.LANCZOS)
    return small


def _white_level(image: Image.Image) -> float:
    """Find the value that stands for white in a mode of more than 8 bits a channel."""
    if image.mode.startswith("I;16"):
        return 65535.0
    if image.mode in ("I", "F"):
        _, high = image.getextrema()
        if isinstance(high, tuple):
            raise ValueError(f"mode {image.mode} has several channels")
        steps = (1.0, 255.0, 65535.0) if image.mode == "F" else (255.0, 65535.0)
        return next((step for step in steps if high <= step), float(high))
    return 255.0


def _to_rgb(image: Image.Image, white: float) -> Image.Image:
    if image.mode.startswith("I;16") or image.mode in ("I", "F"):
        grey = np.nan_to_num(np.asarray(image, dtype=np.float32)) * (255.0 / white)
        return Image.fromarray(grey.clip(0.0, 255.0).round().astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        rgba = Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba)
        return rgba.convert("RGB")
    return image.convert("RGB")
