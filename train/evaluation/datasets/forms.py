"""The three forms that a data set's labels come in: classes, pairs and numbers; pictures are read when asked for."""

from dataclasses import dataclass

import numpy as np

from latentface.photo import read_photo
from train.evaluation.datasets.files import Stored

PARTS = ("train", "validation", "test")


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
        """Read picture `index`, uint8 H x W x 3 RGB. Raises PhotoError for a file that is no picture."""
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
