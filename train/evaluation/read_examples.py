"""Frames that the probes of a matrix read right and wrong: a sprite sheet and a JSON.

They are drawn, not picked: in one random order of all frames, the same for all cells, the first that fit are taken, so
cells can be compared face by face. Right and wrong are plain for classes; of numbers the better and the worse quarter
of the frames stand for them.
"""

import io
import json
import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from latentface.pictures import picture
from latentface.sprites import write_sprites
from train.evaluation.answers import Answers

EXAMPLES = 3
"""Frames read right, and as many read wrong, of each cell."""
SIDE, QUALITY = 112, 65
"""Side of a picture in pixels, and the quality of its WebP: all cells of a checkpoint take about 150 KB."""


@dataclass
class Thumbnails:
    """Small pictures of all frames, kept as WebP."""

    files: list[bytes] = field(default_factory=list)

    def add(self, crops: Tensor) -> None:
        """Keep N x 3 x S x S crops in [-1, 1]."""
        for crop in crops.cpu():
            buffer = io.BytesIO()
            Image.fromarray(picture(crop, SIDE)).save(buffer, "WEBP", quality=90)
            self.files.append(buffer.getvalue())

    def read(self, row: int) -> np.ndarray:
        """Give one, uint8 SIDE x SIDE x 3."""
        return np.asarray(Image.open(io.BytesIO(self.files[row])).convert("RGB"))


@dataclass(frozen=True)
class Words:
    """What the classes and numbers of the factors are called."""

    people: list[int]
    """Number of each frame's person."""
    expressions: list[str]
    actions: list[str]

    def of(self, cell: Answers, place: int) -> str:
        """Say what a frame shows and what was read, such as "smile, read as plain" or "31°, read 12°"."""
        truth, said = cell.truth[place], cell.said[place]
        if cell.factor in ("identity", "retrieval"):
            return f"person {self.people[int(cell.rows[place])]}" + ("" if truth == said else ", taken for")
        if cell.is_class:
            name = self.expressions[int(truth)]
            return name if truth == said else f"{name}, read as {self.expressions[int(said)]}"
        if cell.factor == "actions":
            strongest = int(truth.argmax())
            name = re.sub("([A-Z])", r" \1", self.actions[strongest]).lower()
            return f"{name} {truth[strongest]:.1f}, read {said[strongest]:.1f}"
        if cell.factor == "light":
            x, y, read_x, read_y = (round(value, 1) + 0.0 for value in (*truth[2:].tolist(), *said[2:].tolist()))
            return f"light going ({x}, {y}), read ({read_x}, {read_y})"
        digits, unit = (0, "°") if cell.factor in ("yaw", "pitch") else (2, "")
        if cell.factor == "age" and float(cell.truth.max()) > 10:  # an engine's; judges give scores
            digits, unit = 0, " years"
        shown, read = (round(float(value), digits) + 0.0 for value in (truth, said))
        return f"{shown:.{digits}f}{unit}, read {read:.{digits}f}{unit if unit == '°' else ''}"


def drawn(cell: Answers, order: Tensor) -> dict[str, list[int]]:
    """Draw a cell's examples.

    Args:
        cell: the answers.
        order: N int64, the place of every frame in the random order.

    Returns:
        "right" and "wrong" -> places among the cell's frames, at most EXAMPLES each.
    """
    misses = cell.misses()
    low, high = (0.5, 0.5) if cell.is_class else torch.quantile(misses, torch.tensor([0.25, 0.75]).double()).tolist()
    turn = order[cell.rows].argsort().tolist()
    right = [place for place in turn if misses[place] <= low]
    wrong = [place for place in turn if misses[place] >= high and misses[place] > low]
    return {"right": right[:EXAMPLES], "wrong": wrong[:EXAMPLES]}


def write_examples(
    answers: dict[tuple[str, str], Answers], thumbnails: Thumbnails, words: Words, out: Path, seed: int = 0
) -> None:
    """Write STEM_examples.json and its sheets STEM_examples_0.webp, ... beside the results.

    Args:
        answers: of each block and factor.
        thumbnails: of all frames.
        words: for the captions.
        out: the results' JSON.
        seed: of the order.
    """
    order = torch.randperm(len(thumbnails.files), generator=torch.Generator().manual_seed(seed)).argsort()
    tiles: dict[int, int] = {}

    def tile(row: int) -> int:
        """Give a frame's number in the sheet."""
        return tiles.setdefault(row, len(tiles))

    cells: dict[str, dict[str, dict]] = {}
    for (block, factor), cell in answers.items():
        shown = {
            kind: [
                [
                    tile(int(cell.rows[place])), words.of(cell, place),
                    None if cell.taken is None or kind == "right" else tile(int(cell.taken[place])),
                ]
                for place in places
            ]
            for kind, places in drawn(cell, order).items()
        }  # fmt: skip
        right = int((cell.misses() < 0.5).sum()) if cell.is_class else None
        cells.setdefault(block, {})[factor] = {**shown, "n": len(cell.rows), "right_n": right}
    stem = f"{out.stem}_examples"
    sheets = write_sprites((thumbnails.read(row) for row in tiles), SIDE, out.parent, stem, QUALITY)
    out.with_name(f"{stem}.json").write_text(json.dumps({"sheets": sheets.record(), "cells": cells}))
