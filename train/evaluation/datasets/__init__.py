"""Readers of the data sets that probes measure on: `--data KIND:PATH` to pictures with labels, in one of three forms.

Every reader knows its set's published layout and raises DataError, one line, where a folder is not like that. Which
part of a set trains, validates and reports is the reader's word; where a set has no validation part, the probe takes
one out of the training part by itself. Nothing is decoded before it is asked for.
"""

import importlib
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from latentface.photo import EXTENSIONS, read_photo
from train.common.tar_slices import members, read_slice

KINDS = {
    "lfw": "verification",
    "cplfw": "verification",
    "slfw": "verification",
    "fer2013": "expression",
    "rafdb": "expression",
    "affectnet": "expression",
    "ckplus": "expression",
    "affwild2": "expression",
    "london": "expression",
    "300wlp": "pose",
    "aflw2000": "pose",
    "biwi": "pose",
    "disfa": "units",
    "bp4d": "units",
    "truth": "truth",
}
"""KIND and the module here whose function of that name (n300wlp for 300wlp) reads it."""
PARTS = ("train", "validation", "test")


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


@dataclass
class Pictures:
    """Pictures, read when they are asked for."""

    names: list[str]
    """One a picture, unique in its set."""
    files: list[Stored]
    form: str = "photo"
    """"photo": the face is looked for. "tight": the picture is a face cut out by the set's authors. "standard":
    standard crops with margin, as our shards hold them."""

    def __len__(self) -> int:
        return len(self.names)

    def image(self, index: int) -> np.ndarray:
        """Picture `index`, uint8 H x W x 3 RGB. Raises PhotoError for a file that is no picture."""
        return read_photo(self.files[index].read())


@dataclass
class Classes:
    """One of a few classes for each picture."""

    task: str
    """Name in the results, such as fer2013."""
    pictures: Pictures
    label: np.ndarray
    """N int64, index into names."""
    names: list[str]
    part: np.ndarray
    """N str of PARTS. "test" reports; where none is "validation", the probe splits "train"."""
    group: np.ndarray
    """N int64: pictures of one person (or video) never stand on both sides of a split that the probe makes."""


@dataclass
class Pairs:
    """Pairs of pictures: the same person, or not. Folds are in turn what reports, while the others choose and train."""

    task: str
    pictures: Pictures
    first: np.ndarray
    """N int64, index of a picture."""
    second: np.ndarray
    same: np.ndarray
    """N bool."""
    fold: np.ndarray
    """N int64; people of different folds differ, where the set's authors saw to it."""


@dataclass
class Values:
    """Numbers for each picture: head pose in degrees, or how strong each facial action is."""

    task: str
    pictures: Pictures
    value: np.ndarray
    """N x T float64."""
    names: list[str]
    """T names."""
    part: np.ndarray
    group: np.ndarray
    active: float | None = None
    """For actions: the value from which one counts as active. None for pose."""


Task = Classes | Pairs | Values


def read(kind: str, path: Path) -> list[Task]:
    """The tasks of a data set. Raises DataError for a kind that is not there, or a folder that is not such a set."""
    if kind not in KINDS:
        raise DataError(f"no reader for --data kind {kind!r}: choose {', '.join(KINDS)}")
    if not path.exists():
        raise DataError(f"{kind}: {path} does not exist")
    module = importlib.import_module(f".{KINDS[kind]}", __package__)
    function: Callable[[Path], list[Task]] = getattr(module, kind if kind[0].isalpha() else f"n{kind}")
    try:
        return function(path)
    except DataError:
        raise
    except (ValueError, IndexError, KeyError, OSError) as error:  # a label file that holds something else
        message = f"{type(error).__name__}: {error}".splitlines()[0]
        raise DataError(
            f"{kind}: {path} is not laid out as expected ({message}); {' '.join(function.__doc__.split())}"
        ) from error


def stored(path: Path) -> dict[str, Stored]:
    """Name (with /) -> file, of all pictures in a folder or an uncompressed tar, in order of name."""
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
    """Paths under a set's folder that must be there. Raises DataError naming the first that is not and the layout."""
    for path in paths:
        if not (root / path).exists():
            raise DataError(f"{kind}: {root} has no {path}; expected {', '.join(paths)}")
    return [root / path for path in paths]


def lines(file: Path) -> list[str]:
    """Lines of a small text file that are not empty."""
    return [line for line in file.read_text(encoding="utf-8-sig").splitlines() if line.strip()]


def numbered(values) -> np.ndarray:
    """N hashable values as N int64: equal values get equal numbers, in order of first appearance."""
    index: dict = {}
    return np.array([index.setdefault(value, len(index)) for value in values], dtype=np.int64)
