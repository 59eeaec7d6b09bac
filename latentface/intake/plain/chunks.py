"""PNG, WebP and AVI without metadata: the chunks that hold pictures, and what their colours mean."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

from latentface.intake.plain.exif import exif_of, orientation_of
from latentface.intake.plain.steps import steps

PNG = b"\x89PNG\r\n\x1a\n"
PNG_KEPT = {b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND", b"iCCP", b"gAMA", b"cHRM", b"sRGB", b"sBIT", b"cICP"}
"""Chunks of a PNG that stay; of an animation, its first picture."""
WEBP_KEPT = {b"VP8 ", b"VP8L", b"ALPH", b"ICCP", b"ANIM", b"ANMF"}
"""Chunks of a WebP that stay, beside VP8X."""
HAS_EXIF, HAS_XMP = 0x08, 0x04
"""Flags of VP8X."""
AVI_LISTS, AVI_BLANK = (b"hdrl", b"strl"), {b"IDIT", b"ISMP", b"strd", b"strn", b"JUNK", b"GPSD", b"_PMX"}
"""Lists of an AVI that are gone into, and chunks that are emptied; so is the list INFO."""


def plain_png(data: bytes) -> bytes:
    """Leave out texts, times, EXIF data but for the orientation, later pictures, and a tail."""
    kept: list[bytes] = []
    exif = xmp = b""
    at = len(PNG)
    for _ in steps():
        length, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        whole = data[at : at + 12 + length]
        if kind in PNG_KEPT:
            kept.append(whole)
        elif kind == b"eXIf":
            exif = whole[8:-4]
        elif kind == b"iTXt" and whole[8:].startswith(b"XML:com.adobe.xmp"):
            xmp = whole[8:]
        at += 12 + length
        if kind == b"IEND" or at >= len(data):
            break
    if kept and (orientation := orientation_of(exif, xmp)) is not None:
        body = b"eXIf" + exif_of(orientation)
        kept.insert(1, struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body)))
    return PNG + b"".join(kept)


def plain_webp(data: bytes) -> bytes:
    """Leave out EXIF data but for the orientation, XMP, unknown chunks, and a tail."""
    kept: list[bytes] = []
    exif = xmp = b""
    for kind, body, whole in _riff(data, 12, min(len(data), 8 + int.from_bytes(data[4:8], "little"))):
        if kind == b"VP8X" and len(body) >= 10:
            kept.append(whole[:8] + bytes([body[0] & ~(HAS_EXIF | HAS_XMP)]) + whole[9:])
        elif kind in WEBP_KEPT:
            kept.append(whole)
        elif kind == b"EXIF":
            exif = exif or body.removeprefix(b"Exif\0\0")
        elif kind == b"XMP ":
            xmp = xmp or body
    orientation = orientation_of(exif, xmp)
    if orientation is not None and kept and kept[0].startswith(b"VP8X"):
        kept[0] = kept[0][:8] + bytes([kept[0][8] | HAS_EXIF]) + kept[0][9:]
        body = exif_of(orientation)
        kept.append(b"EXIF" + struct.pack("<I", len(body)) + body)
    inside = b"".join(kept)
    return b"RIFF" + struct.pack("<I", len(inside) + 4) + b"WEBP" + inside


def _riff(data: bytes, at: int, end: int) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Give kind, body, and all bytes of the chunks between two places."""
    for _ in steps():
        if at + 8 > end:
            return
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        yield data[at : at + 4], data[at + 8 : at + 8 + length], data[at : at + 8 + length + length % 2]
        at += 8 + length + length % 2


def plain_avi(data: bytes) -> bytes:
    """Empty what programs and cameras say of themselves; everything stays where it is."""
    made = bytearray(data)
    lists = [(12, len(data))]
    for _ in steps():
        if not lists:
            return bytes(made)
        at, end = lists.pop()
        if at + 8 > end:
            continue
        kind, length = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        after = at + 8 + length + length % 2
        lists.append((after, end))
        inside = data[at + 8 : at + 12]
        if kind == b"LIST" and inside in AVI_LISTS:
            lists.append((at + 12, min(after, end)))
        elif kind in AVI_BLANK or (kind == b"LIST" and inside == b"INFO"):
            made[at : at + 4] = b"JUNK"
            last = min(at + 8 + length, len(data))
            made[at + 8 : last] = bytes(max(0, last - at - 8))
        elif kind == b"RIFF":  # further parts of a large file
            lists.append((at + 12, min(after, end)))
    return bytes(made)
