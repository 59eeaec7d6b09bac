"""Files inside uncompressed tars, read by their place: any of them is one seek away, from any process."""

import tarfile
from collections.abc import Iterator
from pathlib import Path

from train.common.places import is_url, place, reached

Place = tuple[int, int]
"""First byte and count of bytes of a file's content."""


def members(path: str | Path) -> Iterator[tuple[str, Place]]:
    """Yield (name without a leading "./", place) of the regular files of an uncompressed tar, in its order.

    Args:
        path: the tar.

    Raises:
        tarfile.TarError: the file is no uncompressed tar, or is cut off.
    """
    path = place(path)
    with reached(path), path.open("rb") as file, tarfile.open(fileobj=file, mode="r:") as tar:
        for member in tar:
            if member.isreg() and not member.issparse():
                yield member.name.removeprefix("./"), (member.offset_data, member.size)


def read_slice(path: str | Path, where: Place) -> bytes:
    """Return the bytes of a file at a place."""
    first, count = where
    if is_url(path):
        path = place(path)
        with reached(path):  # one request, where a file would read ahead
            return path.fs.cat_file(path.path, start=first, end=first + count)  # type: ignore[attr-defined]  # of a UPath
    with open(path, "rb") as file:
        file.seek(first)
        return file.read(count)
