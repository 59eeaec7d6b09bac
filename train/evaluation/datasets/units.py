"""Facial action units that people coded: DISFA (intensity 0 to 5) and BP4D (occurrence)."""

import csv
from pathlib import Path

import numpy as np

from train.evaluation.datasets.files import DataError, Stored, need, numbered, stored
from train.evaluation.datasets.forms import Pictures, Values

EVERY = 3
"""Both sets are used in three folds of people; here the last third reports."""
FRAMES = 20
"""Every twentieth frame of a video: neighbours show the same."""
BP4D_UNITS = ("1", "2", "4", "6", "7", "10", "12", "14", "15", "17", "23", "24")
"""The twelve that papers report."""


def _values(task: str, rows: list[tuple], names: list[str], active: float) -> list[Values]:
    """rows: (name, Stored, values, person)."""
    if not rows:
        raise DataError(f"{task}: no coded frame has its picture")
    people = sorted({row[3] for row in rows})
    if len(people) < EVERY:
        raise DataError(f"{task}: {len(people)} people are too few; at least {EVERY} are needed")
    part = np.array(["test" if people.index(row[3]) % EVERY == EVERY - 1 else "train" for row in rows])
    pictures = Pictures([row[0] for row in rows], [row[1] for row in rows])
    value = np.array([row[2] for row in rows], dtype=float)
    return [Values(task, pictures, value, names, part, numbered(row[3] for row in rows), active)]


def disfa(path: Path) -> list[Values]:
    """ActionUnit_Labels/SN001/SN001_au1.txt (`frame,intensity` a line) and Images/SN001/NUMBER.jpg.

    The pictures are the left camera's video as frames, numbered from 1 like the labels. Active from intensity 2, as
    published.
    """
    labels, images = need(path, "disfa", "ActionUnit_Labels", "Images")
    rows, names = [], []
    for folder in sorted(f for f in labels.iterdir() if f.is_dir()):
        notes = {int(f.stem.partition("_au")[2]): f for f in folder.glob(f"{folder.name}_au*.txt")}
        if not notes:
            raise DataError(f"disfa: {folder} has no {folder.name}_au1.txt and the like")
        units = sorted(notes)
        names = names or [f"AU{unit}" for unit in units]
        if names != [f"AU{unit}" for unit in units]:
            raise DataError(f"disfa: {folder.name} has other units than the people before it")
        table: list[dict[int, int]] = []
        for unit in units:
            rows_of = (line.split(",") for line in notes[unit].read_text().split())
            table.append({int(frame): int(intensity) for frame, intensity in rows_of})
        frames = {int(Path(name).stem.rpartition("_")[2]): file for name, file in stored(images / folder.name).items()}
        for frame in sorted(set(frames) & set(table[0]))[::FRAMES]:
            rows.append(
                (f"{folder.name}/{frame}", frames[frame], [column.get(frame, 0) for column in table], folder.name)
            )
    return _values("disfa", rows, names, active=2.0)


def bp4d(path: Path) -> list[Values]:
    """AUCoding/AU_OCC/F001_T1.csv, or AUCoding/F001_T1.csv, and pictures F001/T1/0001.jpg.

    A csv has a row of unit numbers, then a row a frame, 9 unknown. The pictures stand in 2D+3D or beside AUCoding.
    """
    (coding,) = need(path, "bp4d", "AUCoding")
    notes = sorted((coding / "AU_OCC" if (coding / "AU_OCC").is_dir() else coding).glob("*_T*.csv"))
    root = path / "2D+3D" if (path / "2D+3D").is_dir() else path
    if not notes:
        raise DataError(f"bp4d: {coding} has no F001_T1.csv and the like, nor has AU_OCC in it")
    rows = []
    for note in notes:
        person, _, session = note.stem.partition("_")
        with open(note, newline="") as file:
            head, *body = list(csv.reader(file))
        units = [cell.strip() for cell in head]
        missing = [unit for unit in BP4D_UNITS if unit not in units[1:]]
        if missing:
            raise DataError(f"bp4d: {note.name} has no column for unit {missing[0]}")
        columns = [units.index(unit, 1) for unit in BP4D_UNITS]
        folder = root / person / session
        frames = (
            {int(file.stem): file for file in folder.glob("*.jpg") if file.stem.isdigit()} if folder.is_dir() else {}
        )
        coded = [row for row in body if int(row[0]) in frames and all(row[c].strip() in ("0", "1") for c in columns)]
        for row in coded[::FRAMES]:
            file = frames[int(row[0])]
            rows.append((f"{person}/{session}/{file.name}", Stored(file), [float(row[c]) for c in columns], person))
    return _values("bp4d", rows, [f"AU{unit}" for unit in BP4D_UNITS], active=1.0)
