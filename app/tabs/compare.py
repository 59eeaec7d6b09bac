"""Tab Compare: methods beside each other on the same data, and what stands behind each number."""

from __future__ import annotations

import html
from pathlib import Path

import gradio as gr
import numpy as np
from PIL import Image

from app.components.files import text
from app.components.pictures import figure
from app.session import plain_error
from latentface.results import RESULTS, Comparison, Row, read_comparison

ABOUT = """Every method looks at the same pictures and is then **frozen**; a simple reader on top of its features has to
name an expression, tell people apart, read the head's pose or the face's actions. Choices are made on validation, the
numbers come from pictures that chose nothing. Click a number to see what is behind it."""
MISSING = """There are no results to compare yet. They are made by one command:
`python -m train evaluate --suite probes --checkpoint explorer --data lfw:lfw_dev.tar --out assets/results/probes.json`"""
SHOWN = 8
"""Pictures in a row of a sheet of examples."""


def table(comparison: Comparison, chosen: tuple[int, str]) -> str:
    """The table as HTML: a row a measure, a column a method; `chosen` is the marked cell."""
    head = "".join(
        f"<th scope=col title='{html.escape(str(comparison.of(m, 'about', '')))}'>{html.escape(m)}</th>"
        for m in comparison.methods
    )
    lines = []
    for number, row in enumerate(comparison.rows):
        cells = []
        for method in comparison.methods:
            if method not in row.values:
                cells.append("<td></td>")
                continue
            marks = " best" * (method == row.best) + " chosen" * ((number, method) == chosen)
            spread = f"<small>± {row.text(row.spread[method]).rstrip('°')}</small>" if method in row.spread else ""
            label = html.escape(f"{method}: {row.title.removeprefix('... ')} on {row.data}")
            cells.append(
                f'<td><button type=button class="cell{marks}" data-row={number} data-method="{html.escape(method)}" '
                f'title="{label}" aria-label="{label}, {row.text(row.values[method])}">{row.text(row.values[method])}{spread}</button></td>'
            )
        others = "<br>".join(f"{html.escape(name)} {row.text(value)}" for name, value in row.published.items())
        title = html.escape(row.title) + (" (%)" if row.unit == "%" else "")
        lines.append(
            f"<tr><th scope=row>{title}<small>{html.escape(row.data)}, n = {row.n:,}</small></th><td class=chance>{row.text(row.chance)}</td>"
            f"{''.join(cells)}<td class=published>{others}</td></tr>"
        )
    note = f"Published elsewhere: {html.escape(comparison.results['published']['source'])}; not run here."
    return (
        f"<div class=wide><table><thead><tr><th></th><th scope=col>chance</th>{head}<th scope=col class=published>published elsewhere</th>"
        f"</tr></thead><tbody>{''.join(lines)}</tbody></table></div><p class=source>{note}</p>"
    )


def facts(comparison: Comparison, row: Row, method: str) -> str:
    """One sentence on how a number came about."""
    results, task = comparison.results, row.task
    block = comparison.of(method, f"{task}_{row.measure}_block") or comparison.of(method, f"{task}_block")
    seeds = f"{len(results['seeds'])} seeds" if method in row.spread else f"seed {results['seeds'][0]}"
    if row.measure in ("similarity", "whitened"):
        seeds = f"each of {comparison.of(method, f'{task}_folds')} folds once"
    parts = [
        f"<b>{row.text(row.values[method], row.spread.get(method))}</b>, chance {row.text(row.chance)}",
        f"{row.n:,} {'pairs' if comparison.of(method, f'{task}_folds') else 'pictures'} of {html.escape(row.data)}, {seeds}",
        f"block <code>{html.escape(str(block))}</code>" if block else "",
        f"shown as {html.escape(str(comparison.of(method, f'{task}_shown')))}",
        f"commit <code>{html.escape(comparison.commit(method))}</code>",
    ]
    return f"<h4>{html.escape(method)}: {html.escape(row.title.removeprefix('... '))} on {html.escape(row.data)}</h4><p>{' · '.join(filter(None, parts))}</p>"


def bars(comparison: Comparison, row: Row, method: str) -> str:
    """The same measure for every block alone."""
    prefix = f"{row.task}_{row.measure}_"
    found = comparison.results["methods"][method]
    blocks = {k.removeprefix(prefix): v for k, v in found.items() if k.startswith(prefix) and isinstance(v, float)}
    blocks = {k: v for k, v in blocks.items() if not k.endswith("spread") and k not in ("validation", "authors")}
    if len(blocks) < 2:
        return ""
    top = max([*blocks.values(), row.chance]) or 1
    ordered = sorted(blocks.items(), key=lambda item: item[1], reverse=row.unit != "°")
    lines = [
        f"<div class=bar><span>{html.escape(name.replace('_', ' '))}</span><i style='width:{max(0.0, 52 * value / top):.1f}%'></i><b>{row.text(value)}</b></div>"
        for name, value in ordered
    ]
    lines.append(
        f"<div class='bar none'><span>chance</span><i style='width:{52 * row.chance / top:.1f}%'></i><b>{row.text(row.chance)}</b></div>"
    )
    return f"<h5>Each block alone</h5><div class=bars>{''.join(lines)}</div>"


def confusion(comparison: Comparison, row: Row, method: str) -> str:
    """Which class was taken for which: shares of each true class, the darker the more."""
    counts = comparison.of(method, f"{row.task}_confusion")
    if row.measure != "linear" or not counts:
        return ""
    names = comparison.of(method, f"{row.task}_classes")
    share = np.array(counts) / np.maximum(1, np.sum(counts, axis=1, keepdims=True))
    head = "".join(f"<th scope=col><span>{html.escape(name)}</span></th>" for name in names)
    lines = "".join(
        f"<tr><th scope=row>{html.escape(name)}</th>"
        + "".join(
            f"<td class='{'right' if i == j else 'wrong'}' style='--share:{value:.2f}'>{100 * value:.0f}</td>"
            for j, value in enumerate(line)
        )
        + "</tr>"
        for i, (name, line) in enumerate(zip(names, share))
    )
    return (
        "<h5>True (rows) and said (columns), % of the true class</h5>"
        f"<div class=wide><table class=confusion><thead><tr><th></th>{head}</tr></thead><tbody>{lines}</tbody></table></div>"
    )


def histogram(comparison: Comparison, row: Row, method: str) -> str:
    """How similar pairs of the same person and of two were found, as an SVG; the line is the threshold."""
    found = comparison.of(method, f"{row.task}_histogram")
    if row.measure != "similarity" or not found:
        return ""
    edges, most = found["edges"], max([*found["same"], *found["different"], 1])
    low, wide = edges[0], edges[-1] - edges[0]

    def path(counts: list[int]) -> str:
        points = [f"{100 * (edge - low) / wide:.1f},{38 - 36 * count / most:.1f}" for edge, count in zip(edges, counts)]
        return f"M0,38 L{' L'.join(points)} L100,38 Z"

    at = 100 * (0 - low) / wide
    return (
        "<h5>Similarity of pairs: one person, two people, and the threshold between</h5>"
        '<svg class=histogram viewBox="0 0 100 40" preserveAspectRatio=none role=img aria-label="Histogram of similarities">'
        f'<path class=different d="{path(found["different"])}"/><path class=same d="{path(found["same"])}"/>'
        f"<line x1={at:.1f} x2={at:.1f} y1=0 y2=38 /></svg><p class=key><i class=same></i>same person<i class=different></i>two people</p>"
    )


def examples(comparison: Comparison, row: Row, method: str) -> str:
    """Pictures read well and badly, from the sheet that the command wrote; only of people who do not exist."""
    sheet, rows = comparison.of(method, f"{row.task}_sheet"), comparison.of(method, f"{row.task}_examples", [])
    if not sheet or not (comparison.folder / sheet).exists():
        return (
            ""
            if comparison.of(method, f"{row.task}_confusion") or comparison.of(method, f"{row.task}_histogram")
            else "<p>No pictures were kept.</p>"
        )
    image = np.asarray(Image.open(comparison.folder / sheet).convert("RGB"))
    side, parts = image.shape[1] // SHOWN, []
    for line, (kind, words) in enumerate((("right", "Read well"), ("wrong", "Read worst of all"))):
        own = [entry for entry in rows if entry["kind"] == kind]
        figures = [
            figure(
                image[line * side : (line + 1) * side, at * side : (at + 1) * side],
                caption(row, entry),
                detail(row, entry),
            )
            for at, entry in enumerate(own)
        ]
        parts.append(f"<h5>{words}</h5><div class=strip>{''.join(figures)}</div>")
    return "".join(parts)


def caption(row: Row, entry: dict) -> str:
    """What matters most, short: the number that was missed by most, true and said."""
    name = max(entry["true"], key=lambda name: abs(entry["true"][name] - entry["said"][name]))
    unit, digits = ("°", 0) if row.unit == "°" else ("", 1)
    true, said = (round(entry[key][name], digits) + 0.0 for key in ("true", "said"))  # no minus before a nought
    return f"{name} {true:.{digits}f}{unit}, said {said:.{digits}f}{unit}"


def detail(row: Row, entry: dict) -> str:
    """All numbers of an example."""
    return "; ".join(f"{name}: {value:.1f}, said {entry['said'][name]:.1f}" for name, value in entry["true"].items())


def behind(comparison: Comparison, number: int, method: str) -> str:
    """What is behind one cell, as HTML."""
    row = comparison.rows[number]
    sections = [made(comparison, row, method) for made in (examples, confusion, histogram, bars)]
    boxes = "".join(f"<div>{section}</div>" for section in sections if section)
    return f"{facts(comparison, row, method)}<div class=sections>{boxes}</div>"


def valid(comparison: Comparison, index: object) -> bool:
    """Whether [row, method], as the page sends it, is a cell of the table."""
    if not isinstance(index, (list, tuple)) or len(index) != 2 or type(index[0]) is not int:
        return False
    return 0 <= index[0] < len(comparison.rows) and index[1] in list(comparison.rows[index[0]].values)


def build(results: Path = RESULTS) -> None:
    """Builds the tab inside the current gr.Blocks; `results` is the JSON of the probes suite."""
    gr.Markdown(ABOUT, elem_classes="about")
    comparison = read_comparison(results)
    if comparison is None or not comparison.rows:
        gr.Markdown(MISSING)
        return
    start = next(
        (i for i, row in enumerate(comparison.rows) if comparison.of(comparison.methods[0], f"{row.task}_sheet")), 0
    )
    method = next(m for m in comparison.methods if m in comparison.rows[start].values)
    style = text("compare.css")
    cells = gr.HTML(
        table(comparison, (start, method)),
        css_template=style,
        js_on_load=text("compare.js"),
        apply_default_css=False,
        elem_id="compare",
    )
    shown = gr.HTML(behind(comparison, start, method), css_template=style, apply_default_css=False, elem_id="behind")

    def pick(event: gr.EventData) -> str:
        if not valid(comparison, event.index):
            raise plain_error("there is no such number in the table", "No result")
        return behind(comparison, *event.index)

    cells.select(pick, None, shown, api_visibility="private", show_progress="hidden", trigger_mode="always_last")
