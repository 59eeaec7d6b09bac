"""A TIFF without metadata: entries of its directories that say nothing about its pixels are emptied (TIFF 6.0)."""

from __future__ import annotations

from latentface.intake.plain.steps import EditedFile, steps

SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
"""Type of an entry -> bytes of a value."""
KEPT = {
    *range(254, 260), 262, 263, 264, 265, 266, 273, 274, 277, 278, 279, *range(280, 285), *range(290, 294), 296, 301,
    *range(317, 326), *range(332, 342), 347, *range(512, 522), *range(529, 533), 34675,
}  # fmt: skip
"""Entries that say how pixels are stored, how they lie, and what their colours mean."""
DIRECTORIES = {330, 34665, 34853, 40965}
"""Entries that point to further directories: EXIF, GPS and others."""


def plain_tiff(data: bytes) -> bytes:
    """Empty the values of all other entries, in every directory; everything stays where it is."""
    order = "little" if data[:2] == b"II" else "big"
    edited = EditedFile(data)
    one_byte = (1).to_bytes(2, order) + (1).to_bytes(4, order)

    def number(at: int, count: int) -> int:
        return int.from_bytes(data[at : at + count], order)

    waiting, seen = [(number(4, 4), False)], set()
    count = steps()
    while waiting:
        at, is_private = waiting.pop()
        if at in seen or not 8 <= at <= len(data) - 2:
            continue
        seen.add(at)
        entries = number(at, 2)
        for entry in range(at + 2, at + 2 + 12 * entries, 12):
            if entry + 12 > len(data):
                break
            next(count)
            tag, size = number(entry, 2), SIZES.get(number(entry + 2, 2), 1) * number(entry + 4, 4)
            if tag in DIRECTORIES:
                many, start = number(entry + 4, 4), number(entry + 8, 4)
                places = [entry + 8] if many == 1 else [start + 4 * i for i in range(min(many, 16))]
                waiting += [(number(place, 4), True) for place in places]
            if is_private or tag not in KEPT:
                if size > 4:
                    edited.empty(number(entry + 8, 4), number(entry + 8, 4) + size)
                edited.empty(entry + 2, entry + 12, one_byte)
        if not is_private:
            waiting.append((number(at + 2 + 12 * entries, 4), False))
    return bytes(edited.data)
