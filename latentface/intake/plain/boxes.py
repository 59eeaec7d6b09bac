"""HEIC, AVIF, MP4, MOV without metadata: boxes beside pictures and sound are emptied (ISO/IEC 14496-12, 23008-12)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from latentface.intake.plain.exif import NONE
from latentface.intake.plain.steps import EditedFile, steps

GONE_INTO = {b"moov", b"trak", b"mdia", b"minf", b"stbl", b"moof", b"traf", b"edts", b"dinf"}
"""Boxes of a clip whose children are looked at."""
EMPTIED = {b"udta", b"meta", b"uuid", b"free", b"skip", b"wide", b"PICT", b"pnot"}
"""Boxes of a clip that are emptied and set free."""
DATED = {b"mvhd", b"tkhd", b"mdhd"}
"""Boxes that begin with the times of making and changing."""
PLAYED = {b"vide", b"soun"}
"""Kinds of a clip's tracks that stay: others may hold a way by GPS."""
PHOTO = {b"ftyp", b"meta", b"mdat", b"moov"}
"""Boxes of a photo that are not emptied whole: telephones add films, with places and dates of their own, in others."""
PICTURED = {b"pict", b"auxv"}
"""Kinds of tracks that stay in a photo that moves: its pictures, and how far each is seen through."""


@dataclass(frozen=True)
class Box:
    """A piece of such a file."""

    kind: bytes
    at: int
    """Where it begins, ..."""
    inside: int
    """... where its content does, ..."""
    end: int
    """... and where it ends."""


def boxes(data: bytes | bytearray, at: int, end: int, count: Iterator[None]) -> Iterator[Box]:
    """Give the boxes between two places.

    Args:
        data: the file.
        at: the first byte.
        end: after the last one.
        count: of the steps in this file.

    Raises:
        ValueError: there are too many, or one is too small.
    """
    while at + 8 <= end:
        next(count)
        size, inside = int.from_bytes(data[at : at + 4], "big"), at + 8
        if size == 1:
            size, inside = int.from_bytes(data[at + 8 : at + 16], "big"), at + 16
        last = end if size == 0 else min(at + size, end)
        if last < inside:
            raise ValueError("this box is smaller than its head")
        yield Box(bytes(data[at + 4 : at + 8]), at, inside, last)
        at = last


def plain_clip_boxes(data: bytes) -> bytes:
    """Empty user data and metadata, dates, and tracks that are neither pictures nor sound; all stays where it is."""
    edited = EditedFile(data)
    _empty_beside(edited, 0, len(data), PLAYED, steps())
    return bytes(edited.data)


def _empty_beside(edited: EditedFile, at: int, end: int, kept: set[bytes], count: Iterator[None]) -> None:
    """Empty what is beside the tracks of some kinds, between two places."""
    waiting = [(at, end)]
    while waiting:
        for box in boxes(edited.data, *waiting.pop(), count):
            if box.kind == b"trak" and _handler(edited.data, box, count) not in kept:
                _empty_samples(edited, box, count)
                _free(edited, box)
            elif box.kind in EMPTIED:
                _free(edited, box)
            elif box.kind in DATED:
                wide = 8 if edited.data[box.inside] == 1 else 4
                edited.empty(box.inside + 4, box.inside + 4 + 2 * wide)
            elif box.kind in GONE_INTO:
                waiting.append((box.inside, box.end))


def _free(edited: EditedFile, box: Box) -> None:
    """Empty a box, and say that it holds nothing."""
    edited.data[box.at + 4 : box.at + 8] = b"free"
    edited.empty(box.inside, box.end)


def _child(data: bytearray, box: Box, count: Iterator[None], *way: bytes) -> Box | None:
    """Find a box within a box within a box."""
    found: Box | None = box
    for kind in way:
        if found is not None:
            found = next((one for one in boxes(data, found.inside, found.end, count) if one.kind == kind), None)
    return found


def _handler(data: bytearray, track: Box, count: Iterator[None]) -> bytes:
    """Tell what kind of track it is."""
    box = _child(data, track, count, b"mdia", b"hdlr")
    return b"" if box is None else bytes(data[box.inside + 8 : box.inside + 12])


def _empty_samples(edited: EditedFile, track: Box, count: Iterator[None]) -> None:
    """Overwrite what a track's tables point to."""
    table = _child(edited.data, track, count, b"mdia", b"minf", b"stbl")
    if table is None:
        return
    found = {box.kind: box.inside + 4 for box in boxes(edited.data, table.inside, table.end, count)}
    if not {b"stsz", b"stsc"} <= found.keys() or not {b"stco", b"co64"} & found.keys():
        return

    def number(at: int, length: int = 4) -> int:
        return int.from_bytes(edited.data[at : at + length], "big")

    sizes, runs, wide = found[b"stsz"], found[b"stsc"], 8 if b"co64" in found else 4
    chunks = found[b"co64" if wide == 8 else b"stco"]
    same, most, place, sample = number(sizes), number(sizes + 4), 0, 0
    for chunk in range(number(chunks)):
        while place + 1 < number(runs) and number(runs + 4 + 12 * (place + 1)) <= chunk + 1:
            next(count)
            place += 1
        next(count)
        at = number(chunks + 4 + wide * chunk, wide)
        for _ in range(min(number(runs + 4 + 12 * place + 4), most - sample)):
            next(count)
            size = same or number(sizes + 8 + 4 * sample)
            edited.empty(at, at + size)
            at, sample = at + size, sample + 1


def plain_photo_boxes(data: bytes) -> bytes:
    """Empty EXIF and XMP data, and films; all stays where it is. How a photo lies is said elsewhere in the file."""
    edited, count = EditedFile(data), steps()
    for top in boxes(data, 0, len(data), count):
        if top.kind not in PHOTO:
            _free(edited, top)
        if top.kind == b"moov":
            _empty_beside(edited, top.at, top.end, PICTURED, count)
        if top.kind != b"meta":
            continue
        inside = {box.kind: box for box in boxes(data, top.inside + 4, top.end, count)}
        if not {b"iinf", b"iloc"} <= inside.keys():
            continue
        named = _items(data, inside[b"iinf"], count)
        for item, at, end in _places(data, inside[b"iloc"], inside.get(b"idat"), count):
            if named.get(item) in (b"Exif", b"mime", b"uri "):
                edited.empty(at, end, b"\0\0\0\0" + NONE if named[item] == b"Exif" else b"")
    return bytes(edited.data)


def _items(data: bytes, box: Box, count: Iterator[None]) -> dict[int, bytes]:
    """Give the kinds of items by number."""
    named = {}
    for entry in boxes(data, box.inside + (6 if data[box.inside] == 0 else 8), box.end, count):
        version, wide = data[entry.inside], 4 if data[entry.inside] == 3 else 2
        if entry.kind == b"infe" and version >= 2:
            at = entry.inside + 4 + wide + 2
            named[int.from_bytes(data[entry.inside + 4 : entry.inside + 4 + wide], "big")] = data[at : at + 4]
    return named


def _places(data: bytes, box: Box, own: Box | None, count: Iterator[None]) -> Iterator[tuple[int, int, int]]:
    """Give the number of every piece of every item, where it begins, and where it ends."""
    at = box.inside + 4

    def take(count: int) -> int:
        nonlocal at
        at += count
        if at > box.end:
            raise ValueError("this list is cut off")
        return int.from_bytes(data[at - count : at], "big")

    version, sizes, more = data[box.inside], take(1), take(1)
    offset_size, length_size, base_size = sizes >> 4, sizes & 15, more >> 4
    index_size = more & 15 if version in (1, 2) else 0
    for _ in range(take(4 if version == 2 else 2)):
        next(count)
        item = take(4 if version == 2 else 2)
        method = take(2) & 15 if version in (1, 2) else 0
        take(2)
        base = take(base_size)
        for _ in range(take(2)):
            next(count)
            take(index_size)
            start, length = base + take(offset_size), take(length_size)
            if method == 0:
                yield item, start, start + length
            elif method == 1 and own is not None:
                yield item, own.inside + start, min(own.inside + start + length, own.end)
