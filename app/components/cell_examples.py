"""Pictures that a probe read right and wrong in one cell of the matrix, from the sheet beside its results."""

from __future__ import annotations

import json
from html import escape
from pathlib import Path

from app.components.pictures import figure, strip
from latentface.disentanglement import BLOCKS, FACTORS
from latentface.sprites import Sprites

NONE = """<p>Pictures read right and wrong come with new results:
<code>python -m train evaluate --suite leakage</code>.</p>"""
HEADS = {True: ("read right", "read wrong"), False: ("the quarter read best", "the quarter read worst")}
"""Whether the factor has classes -> what stands above the two rows."""


def examples(file: Path | None, block: str, factor: str) -> str:
    """Draw a cell's examples, as HTML.

    Args:
        file: The matrix's JSON; None for codes without pictures.
        block: Its line.
        factor: Its column.
    """
    if file is None:
        return ""
    about = file.with_name(f"{file.stem}_examples.json")
    try:
        found = json.loads(about.read_text())
        sheets, cell = Sprites(**found["sheets"]), found["cells"][block][factor]
        rows = [_row(sheets, file.parent, cell[kind]) for kind in ("right", "wrong")]
        right, count = cell["right_n"], int(cell["n"])
    except (OSError, ValueError, KeyError, TypeError, IndexError):  # none, half of one, or a sheet that is gone
        return NONE
    heads = HEADS[right is not None]
    of_all = f"{right:,} of {count:,} right" if right is not None else f"{count:,} frames"
    parts = "".join(f"<div><h5>{head}</h5>{row}</div>" for head, row in zip(heads, rows, strict=True) if row)
    title = f"{escape(FACTORS[factor].capitalize())} read off the {escape(BLOCKS[block])}: {of_all}"
    return f"<h4>{title}</h4><div class=read-cell>{parts}</div>"


def _row(sheets: Sprites, folder: Path, shown: list[list]) -> str:
    """Draw pictures side by side, each [number, caption, number of whom it was taken for or None]; "" for none."""
    figures = []
    for number, words, taken in shown:
        own = figure(sheets.read(folder, number), str(words))
        other = "" if taken is None else figure(sheets.read(folder, taken), "this person")
        figures.append(f"<div class=pair>{own}{other}</div>" if other else own)
    return strip(*figures) if figures else ""
