"""How far a file's own directions are followed, and how much of it is overwritten."""

from __future__ import annotations

from collections.abc import Iterator

MOST = 200_000
"""Segments, chunks, boxes, blocks of one file."""


def steps(most: int = MOST) -> Iterator[None]:
    """Count so many steps.

    Raises:
        ValueError: after the last.
    """
    yield from (None for _ in range(most))
    raise ValueError("this file has too many parts")


class EditedFile:
    """A file's bytes, of which some are overwritten: no more than twice as many as there are."""

    def __init__(self, data: bytes):
        self.data, self._left = bytearray(data), 2 * len(data)

    def empty(self, at: int, end: int, words: bytes = b"") -> None:
        """Overwrite bytes by zeros, or by words and then zeros.

        Args:
            at: the first one.
            end: after the last one; beyond the file there is none.
            words: left out where there is no room for them.

        Raises:
            ValueError: it is too much.
        """
        end = min(end, len(self.data))
        count = end - at
        if at < 0 or count <= 0:
            return
        self._left -= count
        if self._left < 0:
            raise ValueError("this file's parts lie upon each other")
        words = words if len(words) <= count else b""
        self.data[at:end] = words + bytes(count - len(words))
