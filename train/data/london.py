"""Photos in the layout of the Face Research Lab London Set: FILE.tar, and FILE.csv with a row a photo."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from train.common.tar_slices import Place, members, read_slice


@dataclass(frozen=True)
class LondonPhoto:
    """One photo and its row of the table."""

    row: dict[str, str]
    """The csv's columns: file, person, and what else is known."""
    tar: Path
    place: Place

    def content(self) -> bytes:
        """Read the photo's file."""
        return read_slice(self.tar, self.place)


def london_photos(tar: Path, columns: Sequence[str], partial: bool = False) -> list[LondonPhoto]:
    """List the photos of a set, in the table's order.

    Args:
        tar: an uncompressed tar, its csv beside it.
        columns: those that the table must have beside "file" and "person".
        partial: leave out rows whose photo is not in the tar.

    Returns:
        One entry a row.

    Raises:
        ValueError: the tar or the csv is missing, a column is, or (unless partial) a photo is.
    """
    table = tar.with_suffix(".csv")
    if not (tar.suffix == ".tar" and tar.exists() and table.exists()):
        raise ValueError(f"{tar} or the .csv beside it is missing: expected FILE.tar and FILE.csv")
    with open(table, newline="") as file:
        rows = list(csv.DictReader(file))
    wanted = ["file", "person", *columns]
    if not rows or not set(wanted) <= set(rows[0]):
        raise ValueError(f"{table} must have the columns {','.join(wanted)}")
    places = dict(members(tar))
    absent = next((row["file"] for row in rows if row["file"] not in places), None)
    if absent and not partial:
        raise ValueError(f"{table} names {absent}, which is not in {tar}")
    return [LondonPhoto(row, tar, places[row["file"]]) for row in rows if row["file"] in places]
