"""The orientation out of a photo's EXIF or XMP data, and EXIF data that say nothing else."""

from __future__ import annotations

import re

NONE = b"MM\0*\0\0\0\x08\0\0\0\0\0\0"
"""EXIF data that say nothing."""
_XMP = re.compile(rb"tiff:Orientation(?:=\"|>)([1-8])")


def orientation_of(exif: bytes, xmp: bytes = b"") -> int | None:
    """Read an orientation.

    Args:
        exif: from its byte order on, or b"".
        xmp: asked where EXIF has none, as Pillow does.

    Returns:
        1 to 8; None where there is none.
    """
    order = {b"II": "little", b"MM": "big"}.get(exif[:2])
    if order is not None:

        def number(at: int, count: int) -> int:
            return int.from_bytes(exif[at : at + count], "little" if order == "little" else "big")

        first = number(4, 4)
        for at in range(first + 2, min(first + 2 + 12 * number(first, 2), len(exif) - 11), 12):
            if number(at, 2) == 0x0112:
                value = number(at + 8, 2) if number(at + 2, 2) == 3 else number(at + 8, 4)
                return value if 1 <= value <= 8 else None
    found = _XMP.search(xmp)
    return int(found[1]) if found else None


def exif_of(orientation: int) -> bytes:
    """Write EXIF data that hold an orientation alone."""
    entry = b"\x01\x12\0\x03\0\0\0\x01" + orientation.to_bytes(2, "big") + b"\0\0"
    return b"MM\0*\0\0\0\x08\0\x01" + entry + b"\0\0\0\0"
