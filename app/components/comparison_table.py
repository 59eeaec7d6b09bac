"""The table of methods: a row a measure, a column a method; a click on a number asks what is behind it."""

from __future__ import annotations

from html import escape

import gradio as gr

from app.components.files import text
from app.components.terms import term
from latentface.results import Comparison, Row, methods_of

TERMS = {
    "linear": "linear probe", "knn": "nearest neighbours", "similarity": "cosine", "whitened": "whitened cosine",
    "protocol": "trained pair classifier", "mae": "mean error", "f1": "F1", "correlation": "correlation",
}  # fmt: skip
"""Measure -> the term of the glossary within its title."""


def comparison_table(comparison: Comparison, chosen: tuple[int, str], elem_id: str) -> gr.HTML:
    """Add the table; a click on a number is a `select` event whose index is a cell (see `is_cell`).

    Args:
        comparison: The methods and their numbers.
        chosen: Number of the row and name of the method that are marked at first.
        elem_id: Its id on the page.
    """
    return gr.HTML(
        table(comparison, chosen), css_template=text("comparison_table.css"), js_on_load=text("comparison_table.js"),
        apply_default_css=False, elem_id=elem_id,
    )  # fmt: skip


def is_cell(comparison: Comparison, index: object) -> bool:
    """Tell whether the index of a `select` event, anything a stranger may write, is [row, method] of a number."""
    if not isinstance(index, (list, tuple)) or len(index) != 2 or type(index[0]) is not int:
        return False
    return 0 <= index[0] < len(comparison.rows) and index[1] in list(comparison.rows[index[0]].values)


def name_of(row: Row, method: str) -> str:
    """Name a number in plain text: method, measure and data."""
    return f"{method}: {_measure(row)}"


def _measure(row: Row) -> str:
    """Name a measure in plain text, with its data."""
    return f"{row.title.removeprefix('... ')} on {row.data}"


def table(comparison: Comparison, chosen: tuple[int, str]) -> str:
    """Write the table as HTML.

    Args:
        comparison: The methods and their numbers.
        chosen: Number of the row and name of the method that are marked.
    """
    head = "".join(
        f'<th scope=col title="{escape(about)}">{escape(method)}</th>'
        for method, about in methods_of(comparison).items()
    )
    lines = "".join(_line(comparison, number, chosen) for number in range(len(comparison.rows)))
    head = f"<th scope=col>measure</th><th scope=col>{term('chance')}</th>{head}"
    return (
        f"<div class=wide><table><thead><tr>{head}</tr></thead>"
        f"<tbody>{lines}</tbody></table></div>{_elsewhere(comparison)}"
    )


def _elsewhere(comparison: Comparison) -> str:
    """List what others published on the same data."""
    found = [(row, [f"{name} {row.text(value)}" for name, value in row.published.items()]) for row in comparison.rows]
    rows = [f"<li>{escape(_measure(row) + ': ' + ', '.join(values))}</li>" for row, values in found if values]
    source = f"Published elsewhere: {escape(comparison.results['published']['source'])}; not run here."
    return f"<p class=source>{source}</p><ul class=source>{''.join(rows)}</ul>"


def _line(comparison: Comparison, number: int, chosen: tuple[int, str]) -> str:
    """Write one row of the table."""
    row = comparison.rows[number]
    cells = "".join(
        f"<td>{_cell(row, number, method, (number, method) == chosen) if method in row.values else ''}</td>"
        for method in comparison.methods
    )
    wish = "less is better" if row.better == "↓" else "more is better"
    name = TERMS[row.measure]
    named = escape(row.title).replace(name, term(name))
    title = f'{named}{" (%)" if row.unit == "%" else ""} <abbr title="{wish}">{row.better}</abbr>'
    return (
        f"<tr><th scope=row>{title}<small>{escape(row.data)}, n = {row.n:,}</small></th>"
        f"<td class=chance>{row.text(row.chance)}</td>{cells}</tr>"
    )


def _cell(row: Row, number: int, method: str, chosen: bool) -> str:
    """Write one number as a button."""
    marks = " best" * (method == row.best) + " chosen" * chosen
    value, label = row.text(row.values[method]), escape(name_of(row, method))
    beside = f"± {row.text(row.spread[method]).rstrip('°')}" if method in row.spread else ""
    spread = f"<small>{beside}</small>" if beside else ""
    return (
        f'<button type=button class="cell{marks}" data-row={number} data-method="{escape(method)}" '
        f'title="{label}" aria-label="{value}{beside}, {label}">{value}{spread}</button>'
    )
