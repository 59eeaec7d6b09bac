"""Pairs of pictures of the same person or of two: LFW and the two harder sets made of it."""

import csv
from pathlib import Path

import numpy as np

from train.evaluation.datasets.files import DataError, Stored, lines, need, numbered, stored
from train.evaluation.datasets.forms import Pairs, Pictures

FOLDS = 10


def _pairs(task: str, files: dict[str, Stored], rows: list[tuple], form: str = "photo") -> list[Pairs]:
    """rows: (first name, second name, same, fold). Raises DataError for a name without a picture."""
    names = sorted({name for row in rows for name in row[:2]})
    missing = [name for name in names if name not in files]
    if missing:
        raise DataError(f"{task}: the pairs name {missing[0]} and {len(missing) - 1} more pictures that are not there")
    index = {name: i for i, name in enumerate(names)}
    first, second = (np.array([index[row[side]] for row in rows]) for side in (0, 1))
    same, fold = np.array([bool(row[2]) for row in rows]), numbered(row[3] for row in rows)
    if fold.max() < 2:
        raise DataError(
            f"{task}: at least three folds of pairs are needed (one reports, one validates), not {fold.max() + 1}"
        )
    return [Pairs(task, Pictures(names, [files[n] for n in names], form), first, second, same, fold)]


def lfw(path: Path) -> list[Pairs]:
    """FILE.tar (or a folder) of Name_0001.jpg with FILE_pairs.csv beside it (fold,same,first,second).

    Or the published layout: a folder with pairs.txt and a folder a person in it or in lfw, lfw_funneled or
    lfw-deepfunneled.
    """
    table = path.with_name(path.stem + "_pairs.csv")
    if table.exists():
        with open(table, newline="") as file:
            rows = list(csv.DictReader(file))
        if not rows or not {"fold", "same", "first", "second"} <= set(rows[0]):
            raise DataError(f"lfw: {table} must have the columns fold,same,first,second")
        return _pairs("lfw", stored(path), [(r["first"], r["second"], int(r["same"]), int(r["fold"])) for r in rows])
    if not path.is_dir() or not (path / "pairs.txt").exists():
        raise DataError(f"lfw: there is neither {table} nor, in a folder, pairs.txt")
    folder = next((path / f for f in ("lfw", "lfw_funneled", "lfw-deepfunneled") if (path / f).is_dir()), path)
    head, *body = lines(path / "pairs.txt")
    per_class = int(head.split()[-1])
    rows = []
    for number, line in enumerate(body):
        parts = line.split()
        if len(parts) not in (3, 4):
            raise DataError(f"lfw: line {number + 2} of pairs.txt has {len(parts)} fields, expected 3 or 4")
        a, i, b, j = parts if len(parts) == 4 else (parts[0], parts[1], parts[0], parts[2])
        names = [f"{name}/{name}_{int(at):04d}.jpg" for name, at in ((a, i), (b, j))]
        rows.append((*names, len(parts) == 3, number // (2 * per_class)))
    return _pairs("lfw", stored(folder), rows)


def _consecutive(kind: str, count: int) -> np.ndarray:
    if count < FOLDS:
        raise DataError(f"{kind}: {count} pairs are too few for {FOLDS} folds")
    return np.arange(count) * FOLDS // count


def cplfw(path: Path) -> list[Pairs]:
    """images/ and pairs_CPLFW.txt: two lines a pair, `file label`, label 1 for the same person; ten folds in order."""
    images, table = need(path, "cplfw", "images", "pairs_CPLFW.txt")
    rows = [line.split() for line in lines(table)]
    if len(rows) % 2 or any(len(row) != 2 or row[1] not in ("0", "1") for row in rows):
        raise DataError("cplfw: pairs_CPLFW.txt must have two lines a pair, each a file and 0 or 1")
    fold = _consecutive("cplfw", len(rows) // 2)
    pairs = [(a[0], b[0], int(a[1]), k) for a, b, k in zip(rows[::2], rows[1::2], fold, strict=True)]
    return _pairs("cplfw", stored(images), pairs)


def slfw(path: Path) -> list[Pairs]:
    """SLLFW, strangers who look alike: pair_SLLFW.txt, two lines a pair, person/person_0001.jpg; LFW's pictures beside.

    Same where the person is; ten folds in order.
    """
    (table,) = need(path, "slfw", "pair_SLLFW.txt")
    folder = next((path / f for f in ("lfw", "lfw_funneled", "lfw-deepfunneled") if (path / f).is_dir()), path)
    rows = [line.split()[0].replace("\\", "/") for line in lines(table)]
    if len(rows) % 2 or any(row.count("/") != 1 for row in rows):
        raise DataError("slfw: pair_SLLFW.txt must have two lines a pair, each person/person_0001.jpg")
    fold = _consecutive("slfw", len(rows) // 2)
    pairs = [(a, b, a.split("/")[0] == b.split("/")[0], k) for a, b, k in zip(rows[::2], rows[1::2], fold, strict=True)]
    return _pairs("slfw", stored(folder), pairs)
