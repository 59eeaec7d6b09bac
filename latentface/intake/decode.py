"""Bytes of a photo -> upright sRGB pixels. Runs in the worker alone (latentface/intake/worker.py), under its limits.

The format is told by the first bytes and only its own decoder is opened. Sizes are read from the header before a pixel
is decoded.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import AvifImagePlugin, Image, ImageCms

from latentface.intake.limits import KINDS, MAX_PROFILE, MAX_SIDE, SAID, SIDE_ENOUGH, kind_of

Image.MAX_IMAGE_PIXELS = None  # sizes are held against KINDS
AvifImagePlugin.DEFAULT_MAX_THREADS = 1

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
DAMAGED = "the photo is damaged or cut off: open it in a photo program, save it as JPEG, and try that file"
HUNGRY = "the photo takes too much memory to read: save it as a smaller JPEG"


class Refused(ValueError):
    """A photo that cannot be used. The message is one line for the person who brought it."""


@dataclass(frozen=True)
class Decoded:
    """A photo's pixels."""

    pixels: np.ndarray
    """uint8 H x W x 3, sRGB, upright, longer side at most MAX_SIDE."""
    width: int
    """Of the upright photo before it was shrunk, in pixels."""
    height: int
    """The same."""


def decode(data: bytes) -> Decoded:
    """Decode a photo.

    The EXIF orientation and the colour profile are applied, transparency is laid over white, every colour mode becomes
    RGB, an animation gives its first frame, and a photo longer than MAX_SIDE is shrunk to it.

    Args:
        data: of the file.

    Raises:
        Refused: it is no photo, of a format that is not read here, too large, or damaged.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns of odd metadata
        with _open(data) as image:
            width, height = image.size
            _check_pixels(image, data)
            try:
                image.load()
                orientation = _orientation(image)
                small = _coloured(*_shrink(image))
                upright = _TRANSPOSE.get(orientation)
                pixels = np.asarray(small if upright is None else small.transpose(upright))
            except MemoryError as error:
                raise Refused(HUNGRY) from error
            except Exception as error:  # decoders of hostile bytes raise nearly anything
                raise Refused(DAMAGED) from error
    return Decoded(pixels, *((height, width) if orientation >= 5 else (width, height)))


def _open(data: bytes) -> Image.Image:
    """Open the header only; no pixel is decoded."""
    kind = kind_of(data[:64])
    if kind is None:
        raise Refused(f"the file is not a photo that can be read: use {SAID}")
    try:
        if kind == "HEIF":
            from pi_heif import register_heif_opener  # 20 ms, for those who bring one

            register_heif_opener(thumbnails=False)
        return Image.open(io.BytesIO(data), formats=(kind,))
    except MemoryError as error:
        raise Refused(HUNGRY) from error
    except Exception as error:  # headers made to break a parser
        raise Refused(f"the header of the file is damaged: save the photo again, as one of {SAID}") from error


def _check_pixels(image: Image.Image, data: bytes) -> None:
    """Hold the size against the limits, and ask a JPEG's decoder to reduce as it reads."""
    width, height = image.size
    is_jpeg = image.format in ("JPEG", "MPO")
    kind = KINDS["JPEG" if is_jpeg else str(image.format)]
    limit = kind.holds_all if is_jpeg and _is_buffered(image, data) else kind.pixels
    if width * height > limit:
        size = f"{width} x {height} = {width * height / 1e6:.0f} megapixels"
        raise Refused(
            f"the photo has {size} and the limit of this kind of {kind.said} is {limit / 1e6:.0f} megapixels: "
            "shrink it, or save it as a smaller JPEG"
        )
    if is_jpeg:
        scale = SIDE_ENOUGH * MAX_SIDE / max(width, height)
        image.draft(None, (max(1, round(width * scale)), max(1, round(height * scale))))


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
        found = int(image.getexif().get(_ORIENTATION_TAG, 1))
    except MemoryError:
        raise
    except Exception:  # broken metadata is no reason to refuse the photo
        return 1
    return found if found in _TRANSPOSE else 1


def _shrink(image: Image.Image) -> tuple[Image.Image, bytes]:
    """Bring any mode to grey, RGB or CMYK, and any size to a longer side of at most MAX_SIDE.

    Whole-number reduction goes strip by strip, so that converting a large picture never needs a second copy of it.

    Returns:
        The picture, and the colour profile that its values mean; b"" where there is none.
    """
    flat = _flattener(image)
    width, height = image.size
    factor = max(1, max(width, height) // MAX_SIDE)
    if factor == 1:
        small = flat(image)
    else:
        rows = 64 * factor
        strips = (image.crop((0, top, width, min(top + rows, height))) for top in range(0, height, rows))
        small = None
        for number, strip in enumerate(strips):
            # its own transparency is weighed as it is reduced, in half the time
            part = flat(strip.reduce(factor)) if image.mode in ("RGBA", "LA") else flat(strip).reduce(factor)
            if small is None:
                small = Image.new(part.mode, (-(-width // factor), -(-height // factor)))
            small.paste(part, (0, number * 64))
        assert small is not None, "a photo has a row at least"
    if max(small.size) > MAX_SIDE:
        scale = MAX_SIDE / max(small.size)
        size = (max(1, round(small.width * scale)), max(1, round(small.height * scale)))
        small = small.resize(size, Image.Resampling.LANCZOS)
    profile = image.info.get("icc_profile")
    return small, profile if isinstance(profile, bytes) and len(profile) <= MAX_PROFILE else b""


def _flattener(image: Image.Image) -> Callable[[Image.Image], Image.Image]:
    """Choose how strips of a picture become 8-bit grey, RGB or CMYK without transparency."""
    mode = image.mode
    if mode.startswith("I;16") or mode in ("I", "F"):
        white = _white_level(image)
        return lambda strip: _grey(strip, white)
    if image.has_transparency_data:
        return _over_white
    if mode in ("L", "RGB", "CMYK"):
        return lambda strip: strip
    return lambda strip: strip.convert("L" if mode == "1" else "RGB")


def _white_level(image: Image.Image) -> float:
    """Find the value that stands for white in a mode of more than 8 bits a channel."""
    if image.mode.startswith("I;16"):
        return 65535.0
    _, high = image.getextrema()
    if isinstance(high, tuple):
        raise ValueError(f"mode {image.mode} has several channels")
    steps = (1.0, 255.0, 65535.0) if image.mode == "F" else (255.0, 65535.0)
    return next((step for step in steps if high <= step), float(high))


def _grey(strip: Image.Image, white: float) -> Image.Image:
    grey = np.nan_to_num(np.asarray(strip, dtype=np.float32)) * (255.0 / white)
    return Image.fromarray(grey.clip(0.0, 255.0).round().astype(np.uint8))


def _over_white(strip: Image.Image) -> Image.Image:
    rgba = strip.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB")


def _coloured(image: Image.Image, profile: bytes) -> Image.Image:
    """Bring a picture to sRGB by its colour profile; one that is damaged, or of other colours, is passed over."""
    if profile:
        try:
            given: Any = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            meant = {"RGB ": "RGB", "CMYK": "CMYK", "GRAY": "L"}.get(given.profile.xcolor_space)
            if meant == image.mode and "sRGB" not in (given.profile.profile_description or ""):
                done = ImageCms.profileToProfile(image, given, ImageCms.createProfile("sRGB"), outputMode="RGB")
                return done or image.convert("RGB")
        except (ImageCms.PyCMSError, OSError, ValueError):
            pass
    return image.convert("RGB")
