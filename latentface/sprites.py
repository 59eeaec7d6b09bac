"""Sprite sheets: many small square pictures of one side in a few WebP files, found by their number."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image

COLUMNS, ROWS = 16, 16
"""Pictures across and down one sheet."""


@dataclass(frozen=True)
class Sprites:
    """Pictures of one kind."""

    files: list[str]
    """Names of the sheets, in order."""
    side: int
    """Of a picture, in pixels."""
    columns: int = COLUMNS
    rows: int = ROWS

    def read(self, folder: Path, number: int) -> np.ndarray:
        """Cut one picture out.

        Args:
            folder: Of the sheets.
            number: Of the picture, counted from 0.

        Returns:
            uint8 side x side x 3.

        Raises:
            IndexError: There is no such picture.
            OSError: Its sheet can't be read.
        """
        sheet, place = divmod(number, self.columns * self.rows)
        row, column = divmod(place, self.columns)
        y, x = row * self.side, column * self.side
        name = self.files[sheet]
        if name != Path(name).name:  # a file of others may name any path
            raise OSError(f"{name} is no name of a sheet")
        file = folder / name
        picture = _sheet(file, file.stat().st_mtime_ns)[y : y + self.side, x : x + self.side]
        if picture.shape[:2] != (self.side, self.side):
            raise IndexError(f"{file.name} ends before picture {number}")
        return picture

    def record(self) -> dict:
        """Give the fields as JSON takes them."""
        return asdict(self)


@lru_cache(maxsize=4)
def _sheet(file: Path, written: int) -> np.ndarray:
    """Read a sheet; the last few are kept, by when they were written."""
    try:
        with Image.open(file) as image:
            return np.asarray(image.convert("RGB"))
    except Image.DecompressionBombError as error:
        raise OSError(f"{file.name} is too large for a sheet") from error


def write_sprites(pictures: Iterable[np.ndarray], side: int, folder: Path, name: str, quality: int) -> Sprites:
    """Write pictures as sheets `folder/NAME_0.webp`, `NAME_1.webp`, ...

    Args:
        pictures: uint8 H x H x 3 of any side.
        side: at which they are stored, in pixels.
        folder: of the sheets.
        name: of the kind.
        quality: of WebP.
    """
    files: list[str] = []
    waiting: list[np.ndarray] = []
    for picture in pictures:
        image = Image.fromarray(picture)
        small = image if image.width == side else image.resize((side, side), Image.Resampling.LANCZOS)
        waiting.append(np.asarray(small))
        if len(waiting) == COLUMNS * ROWS:
            files.append(_write(waiting, side, folder / f"{name}_{len(files)}.webp", quality))
            waiting = []
    if waiting:
        files.append(_write(waiting, side, folder / f"{name}_{len(files)}.webp", quality))
    return Sprites(files, side)


def _write(pictures: Sequence[np.ndarray], side: int, file: Path, quality: int) -> str:
    """Write one sheet and return its name."""
    sheet = np.zeros((-(-len(pictures) // COLUMNS) * side, COLUMNS * side, 3), np.uint8)
    for i, picture in enumerate(pictures):
        y, x = i // COLUMNS * side, i % COLUMNS * side
        sheet[y : y + side, x : x + side] = picture
    Image.fromarray(sheet).save(file, quality=quality, method=6)
    return file.name
