"""What is behind one number of the comparison, in words and pictures: how it came about, faces read well and badly."""

from __future__ import annotations

from html import escape

import gradio as gr
import numpy as np
from PIL import Image

from app.components.comparison_table import name_of
from app.components.files import text
from app.components.pictures import figure
from app.components.terms import term
from latentface.results import Comparison, Row

SHOWN = 8
"""Pictures in a row of a sheet of examples."""
BESIDE = 4
"""Pictures of each kind of the number beside."""


def evidence(comparison: Comparison, row: Row, method: str, elem_id: str) -> gr.HTML:
    """Add the words and pictures behind one number."""
    return gr.HTML(
        behind(comparison, row, method), css_template=text("evidence.css"), apply_default_css=False, elem_id=elem_id
    )


def behind(comparison: Comparison, row: Row, method: str) -> str:
    """Write the words and pictures behind one number, and behind one that tells beside it, as HTML."""
    own = f"{facts(comparison, row, method)}<div class=rows>{examples(comparison, row, method, SHOWN)}</div>"
    beside = telling(comparison, row, method)
    if beside is None:
        return own
    other, whose, why = beside
    pictures = examples(comparison, other, whose, BESIDE)
    return f"{own}<aside><p>{why}</p>{facts(comparison, other, whose)}<div class=rows>{pictures}</div></aside>"


def telling(comparison: Comparison, row: Row, method: str) -> tuple[Row, str, str] | None:
    """Choose the number to hold beside another, and say why: the row's best, or what the best one fails at.

    Returns:
        Row, method and a sentence; None where this number has no pictures: its chart stands there.
    """
    if not comparison.of(method, f"{row.task}_sheet"):
        return None
    if method != row.best and comparison.of(row.best, f"{row.task}_sheet"):
        return row, row.best, "Beside it, the best on the same measure:"
    for other in comparison.rows:
        if comparison.of(method, f"{other.task}_sheet") and method in other.values and other.best != method:
            return other, method, f"Beside it, where <b>{escape(method)}</b> is not the best:"
    return None


def facts(comparison: Comparison, row: Row, method: str) -> str:
    """Write one sentence on how a number came about, as HTML."""
    results, task = comparison.results, row.task
    block = comparison.of(method, f"{task}_{row.measure}_block") or comparison.of(method, f"{task}_block")
    folds = comparison.of(method, f"{task}_folds")
    seeds = f"{len(results['seeds'])} seeds" if method in row.spread else f"seed {results['seeds'][0]}"
    if row.measure in ("similarity", "whitened"):
        seeds = f"each of {folds} folds once"
    parts = [
        f"<b>{row.text(row.values[method], row.spread.get(method))}</b>, {term('chance')} {row.text(row.chance)}",
        f"{row.n:,} {'pairs' if folds else 'pictures'} of {escape(row.data)}, {seeds}",
        f"block <code>{escape(str(block))}</code>" if block else "",
        f"shown as {escape(str(comparison.of(method, f'{task}_shown')))}",
        f"commit <code>{escape(comparison.commit(method))}</code>",
    ]
    return f"<h3>{escape(name_of(row, method))}</h3><p>{' · '.join(filter(None, parts))}</p>"


def examples(comparison: Comparison, row: Row, method: str, most: int) -> str:
    """Cut pictures read well and badly, of people who do not exist, out of the results' sheet; `most` of each."""
    sheet, entries = comparison.of(method, f"{row.task}_sheet"), comparison.of(method, f"{row.task}_examples", [])
    if not sheet or not (comparison.folder / sheet).exists():
        charted = comparison.of(method, f"{row.task}_confusion") or comparison.of(method, f"{row.task}_histogram")
        return "" if charted else "<p>No pictures were kept.</p>"
    image = np.asarray(Image.open(comparison.folder / sheet).convert("RGB"))
    side, parts = image.shape[1] // SHOWN, []
    for line, (kind, words) in enumerate((("right", "Read well"), ("wrong", "Read worst of all"))):
        band = image[line * side : (line + 1) * side]
        figures = [
            figure(band[:, at * side : (at + 1) * side], caption(row, entry), detail(entry))
            for at, entry in enumerate([entry for entry in entries if entry["kind"] == kind][:most])
        ]
        parts.append(f"<div><h4>{words}</h4><div class=strip>{''.join(figures)}</div></div>")
    return "".join(parts)


def caption(row: Row, entry: dict) -> str:
    """Write the number of an example that was missed by most, true and said."""
    name = max(entry["true"], key=lambda name: abs(entry["true"][name] - entry["said"][name]))
    unit, digits = ("°", 0) if row.unit == "°" else ("", 1)
    true, said = (round(entry[key][name], digits) + 0.0 for key in ("true", "said"))  # no minus before a nought
    return f"{name} {true:.{digits}f}{unit}, said {said:.{digits}f}{unit}"


def detail(entry: dict) -> str:
    """Write all numbers of an example."""
    return "; ".join(f"{name}: {value:.1f}, said {entry['said'][name]:.1f}" for name, value in entry["true"].items())
