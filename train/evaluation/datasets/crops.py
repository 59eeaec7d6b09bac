"""Standard crops of a data set's pictures: where its faces are, and cutting them at any size.

Two ways for pictures that are not standard crops yet: `found` looks for the face in each, and takes the set's usual
square where there is none; `fixed` takes the usual square for all (the median of those found in a sample of the
training part). Which is better for a method, its probe finds out on validation. Faces that the set's authors cut out
already are taken as they cut them, at the usual square, as all published numbers on them have it.
"""

import hashlib
import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from latentface.alignment import NoFaceError, align
from latentface.crop import crop, standard_crop
from latentface.detection import tight_face
from train.common.run import Progress
from train.data.shards import MARGIN
from train.evaluation.datasets.forms import Pictures

SAMPLE = 300
"""Pictures of the training part in which faces are looked for to tell the usual square."""


def cache_folder() -> Path:
    """Where found squares are kept between runs: $XDG_CACHE_HOME/latentface, or ~/.cache/latentface."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "latentface"


class Crops:
    """Squares of pictures, found once and kept in a file a data set; a square is centre x, y and half side."""

    def __init__(self, pictures: Pictures, sample: np.ndarray):
        """sample: indices of pictures (of the training part) from which the usual square is told."""
        self.pictures, self.sample = pictures, sample[:: max(1, len(sample) // SAMPLE)]
        about = json.dumps([pictures.form, [[str(f.path), f.offset, f.size] for f in pictures.files]])
        self.file = cache_folder() / f"squares-{hashlib.sha1(about.encode()).hexdigest()[:16]}.jsonl"
        self._known: dict[int, tuple | None] = {}
        self.kept: dict | None = None
        """A place where a probe may keep what a method made of these pictures, while several tasks ask about them."""
        if self.file.exists():
            whole, newline, cut_off = self.file.read_text().rpartition("\n")
            if cut_off:  # by a stop in the middle of a line
                self.file.write_text(whole + newline)
            for line in whole.splitlines():
                index, square = json.loads(line)
                self._known[index] = tuple(square) if square else None

    @property
    def ways(self) -> tuple[str, ...]:
        """What can be asked of `cut`."""
        return {"standard": ("standard",), "tight": ("fixed",)}.get(self.pictures.form, ("found", "fixed"))

    def look(self, rows: np.ndarray) -> list[tuple | None]:
        """Squares of the faces in the pictures `rows`, None where there is none."""
        unknown = [int(row) for row in dict.fromkeys(rows.tolist()) if row not in self._known]
        if unknown:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            progress = Progress(len(unknown), unit="pictures looked at")
            with self.file.open("a") as file:
                for done, row in enumerate(unknown, 1):
                    self._known[row] = find(self.pictures.image(row), self.pictures.form)
                    file.write(json.dumps([row, self._known[row]]) + "\n")
                    progress(done, line=done % 2000 == 0 or done == len(unknown))
        return [self._known[int(row)] for row in rows]

    def usual(self) -> np.ndarray:
        """Measure the usual square in shares of width, height and longer side; the inner square if no face is found."""
        found = []
        for row, square in zip(self.sample, self.look(self.sample), strict=True):
            if square:
                height, width = self.pictures.image(int(row)).shape[:2]
                found.append((square[0] / width, square[1] / height, square[2] / max(height, width)))
        return np.median(found, axis=0) if found else np.array([0.5, 0.5, 0.5])

    def squares(self, rows: np.ndarray, way: str) -> list[tuple]:
        """The square of each picture: ("found", square in pixels) or ("usual", shares), or ("standard", None)."""
        if way == "standard":
            return [("standard", None)] * len(rows)
        usual = tuple(self.usual())
        found = self.look(rows) if way == "found" else [None] * len(rows)
        return [("found", square) if square else ("usual", usual) for square in found]

    def cut(self, rows: np.ndarray, way: str, size: int, zoom: float = 1.0) -> Tensor:
        """Standard crops of the pictures `rows`, uint8 B x 3 x size x size. zoom: the half side is multiplied by it."""
        squares = self.squares(rows, way)

        def one(at: int) -> np.ndarray:
            image = self.pictures.image(int(rows[at]))
            height, width = image.shape[:2]
            kind, square = squares[at]
            if kind == "standard":
                square = (width / 2, height / 2, width / 2 / MARGIN)
            elif kind == "usual":
                square = (square[0] * width, square[1] * height, square[2] * max(width, height))
            return crop(image, (square[0], square[1], square[2] * zoom), size)

        with ThreadPoolExecutor(2) as pool:
            return torch.from_numpy(np.stack(list(pool.map(one, range(len(rows)))))).permute(0, 3, 1, 2)


def find(image: np.ndarray, form: str) -> tuple[float, float, float] | None:
    """The standard crop's square of the largest face, in pixels of the picture, or None where there is none."""
    try:
        if form == "tight":
            face = tight_face(image)
            return standard_crop(face.landmarks) if face else None
        x, y, half = align(image, 8).square
        return float(x), float(y), float(half)
    except (NoFaceError, ValueError):
        return None
