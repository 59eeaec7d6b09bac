"""Files of a data set: pictures in folders and tars, label files, and the error that says what is not as expected."""

import tarfile
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from latentface.photo import EXTENSIONS
from train.common.tar_slices import members, read_slice


class DataError(ValueError):
    """A data set that is not as its layout says. The message is one line: what is wrong, and what was expected."""


@dataclass(frozen=True)
class Stored:
    """A picture file: in a folder, or `size` bytes at `offset` of an uncompressed tar."""

    path: Path
    offset: int | None = None
    size: int = 0

    def read(self) -> bytes:
        """Read the file's content."""
        return self.path.read_bytes() if self.offset is None else read_slice(self.path, (self.offset, self.size))


def stored(path: Path) -> dict[str, Stored]:
    """List the pictures of a folder or an uncompressed tar, in order of name.

    Args:
        path: the folder or tar.

    Returns:
        Name (with /) -> file.

    Raises:
        DataError: the file is no uncompressed tar.
    """
    if path.is_dir():
        files = (file for file in path.rglob("*") if file.suffix.lower() in EXTENSIONS)
        found = {file.relative_to(path).as_posix(): Stored(file) for file in files}
    else:
        try:
            found = {name: Stored(path, *place) for name, place in members(path)}
        except tarfile.TarError as error:
            raise DataError(f"{path} is neither a folder nor an uncompressed tar") from error
        found = {name: file for name, file in found.items() if PurePosixPath(name).suffix.lower() in EXTENSIONS}
    return dict(sorted(found.items()))


def need(root: Path, kind: str, *paths: str) -> list[Path]:
    """Return paths under a set's folder. Raises DataError naming the first that is not there, and the layout."""
    for path in paths:
        if not (root / path).exists():
            raise DataError(f"{kind}: {root} has no {path}; expected {', '.join(paths)}")
    return [root / path for path in paths]


def lines(file: Path) -> list[str]:
    """Read the lines of a small text file that are not empty."""
    return [line for line in file.read_text(encoding="utf-8-sig").splitlines() if line.strip()]


def numbered(values: Iterable[Hashable]) -> np.ndarray:
    """Number N hashable values, N int64: equal values get equal numbers, in order of first appearance."""
    index: dict[Hashable, int] = {}
    return np.array([index.setdefault(value, len(index)) for value in values], dtype=np.int64)
