"""A JPEG without metadata: its segments (ITU T.81, annex B) but for those of cameras and programs."""

from __future__ import annotations

import re

from latentface.intake.plain.exif import exif_of, orientation_of
from latentface.intake.plain.steps import steps

_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
"""What ends a scan: no stuffed zero, no restart, no fill byte."""
_ALONE = {0x01, *range(0xD0, 0xD8)}
"""Markers without a segment."""
JFIF = b"\xff\xe0\0\x10JFIF\0"
MOST = 20_000
"""Segments of one file."""


def plain_jpeg(data: bytes) -> bytes:
    """Leave out comments, thumbnails, all application segments but colour profile and colour transform, and a tail."""
    kept: list[bytes] = []
    exif = xmp = b""
    at, is_over = 2, False
    for _ in steps(MOST):
        while data[at + 1 : at + 2] == b"\xff":  # fill bytes
            at += 1
        if data[at : at + 1] != b"\xff" or at + 2 > len(data):
            break
        marker = data[at + 1]
        if marker == 0xD9:
            is_over = True
            break
        if marker in _ALONE:
            at += 2
            continue
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        if end < at + 4:
            break
        segment, body = data[at:end], data[at + 4 : end]
        if marker == 0xDA:
            found = _MARKER.search(data, end)
            end = found.start() if found else len(data)
            kept.append(data[at:end])
        elif marker == 0xE0 and segment.startswith(JFIF[:2]) and body.startswith(b"JFIF\0"):
            kept.append(JFIF + body[5:12] + b"\0\0")
        elif marker == 0xE1 and body.startswith(b"Exif\0"):
            exif = exif or body[6:]
        elif marker == 0xE1:
            xmp = xmp or body
        elif (
            (marker == 0xE2 and body.startswith(b"ICC_PROFILE\0"))
            or (marker == 0xEE and body.startswith(b"Adobe"))
            or not (0xE0 <= marker <= 0xEF or marker == 0xFE)
        ):
            kept.append(segment)
        at = end
    if (orientation := orientation_of(exif, xmp)) is not None:
        body = b"Exif\0\0" + exif_of(orientation)
        segment = b"\xff\xe1" + (len(body) + 2).to_bytes(2, "big") + body
        kept.insert(1 if kept and kept[0].startswith(JFIF) else 0, segment)
    return b"\xff\xd8" + b"".join(kept) + (b"\xff\xd9" if is_over else b"")
