"""A GIF without metadata: its header and its first picture (GIF89a)."""

from __future__ import annotations

from collections.abc import Iterator

from latentface.intake.plain.steps import steps

PICTURE, EXTENSION, CONTROL = 0x2C, 0x21, 0xF9
"""What a block begins with, and the label of the extension that says which colour is transparent."""
SUB_BLOCKS = 600_000
"""Of one file: twice as many as 64 MB hold of full ones, 255 bytes each."""


def plain_gif(data: bytes) -> bytes:
    """Leave out comments, texts, application extensions, later pictures, and a tail.

    Raises:
        ValueError: there are too many parts.
    """
    left = steps(SUB_BLOCKS)
    at = 13 + _table(data[10])
    kept = [data[:at]]
    for _ in steps():
        if data[at] == PICTURE:
            start = at + 10 + _table(data[at + 9]) + 1
            kept += [data[at : _after(data, start, left)], b"\x3b"]
            break
        if data[at] != EXTENSION:
            break
        end = _after(data, at + 2, left)
        if data[at + 1] == CONTROL:
            kept.append(data[at:end])
        at = end
    return b"".join(kept)


def _table(flags: int) -> int:
    """Tell how many bytes of colours follow."""
    return 3 * 2 ** ((flags & 7) + 1) if flags & 128 else 0


def _after(data: bytes, at: int, left: Iterator[None]) -> int:
    """Find where a run of sub-blocks ends, the end of the file where it does not; each takes one of what is left."""
    for _ in left:
        if at >= len(data):
            return len(data)
        if not data[at]:
            return at + 1
        at += 1 + data[at]
    return at
