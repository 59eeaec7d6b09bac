"""Files without metadata: where, when, by whom and with what a photo or clip was taken.

Bytes are only left out or overwritten: pictures, their orientation and their colour profile stay as they are, and
nothing is decoded. Standard library only; no step is taken more often than MOST times, whatever a file says.
"""

from __future__ import annotations

from latentface.intake.limits import kind_of
from latentface.intake.plain.boxes import plain_clip_boxes, plain_photo_boxes
from latentface.intake.plain.chunks import plain_avi, plain_png, plain_webp
from latentface.intake.plain.ebml import plain_matroska
from latentface.intake.plain.gif import plain_gif
from latentface.intake.plain.jpeg import plain_jpeg
from latentface.intake.plain.tiff import plain_tiff

PHOTOS = {
    "JPEG": plain_jpeg, "PNG": plain_png, "WEBP": plain_webp, "GIF": plain_gif, "TIFF": plain_tiff,
    "AVIF": plain_photo_boxes, "HEIF": plain_photo_boxes, "BMP": bytes,
}  # fmt: skip
"""Kind of a photo -> what takes its bytes and gives those without metadata. A BMP has none."""
HEAD = 64
"""Bytes that are left of any other file: they tell its format."""


def plain(data: bytes) -> bytes:
    """Give a photo or clip without its metadata.

    Args:
        data: of the file, whatever it is.

    Returns:
        The file without them: a JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF, HEIC, MP4, MOV, 3GP, WebM, MKV or AVI. Of any
        other, and of one whose parts cannot be told, the first HEAD bytes.
    """
    try:
        kind = kind_of(data[:HEAD])
        if kind is not None:
            return PHOTOS[kind](data)
        if data[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"):
            return plain_clip_boxes(data)
        if data.startswith(b"\x1a\x45\xdf\xa3"):
            return plain_matroska(data)
        if data[:4] == b"RIFF" and data[8:12] == b"AVI ":
            return plain_avi(data)
    except (ValueError, IndexError, OverflowError):  # cut off, or made to break a parser
        pass
    return data[:HEAD]
