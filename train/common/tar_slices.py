"""Files inside uncompressed tars, read by their place: any of them is one seek away, from any process."""

import tarfile
from collections.abc import Iterator
from pathlib import Path

Place = tuple[int, int]
"""First byte and count of bytes of a file's content."""


def members(path: str | Path) -> Iterator[tuple[str, Place]]:
    """Yield (name without a leading "./", place) of the regular files of an uncompressed tar, in its order.

    Args:
        path: the tar.

    Raises:
        tarfile.TarError: the file is no uncompressed tar, or is cut off.
    """
    with tarfile.open(path, "r:") as tar:
        for member in tar:
            if member.isreg() and not member.issparse():
                yield member.name.removeprefix("./"), (member.offset_data, member.size)


def read_slice(path: str | Path, place: Place) -> bytes:
    """Return the bytes of a file at a place."""
    with open(path, "rb") as file:
        file.seek(place[0])
        return file.read(place[1])
