"""A grid of swaps from any faces at hand: choose who goes down and who goes across, watch it fill, take it along."""

from __future__ import annotations

import html
from collections.abc import Iterator
from typing import Any

import gradio as gr

from app.components.files import address, text
from app.components.pictures import uri
from app.session import Model, Session, Shown, plain_error, whole_seed
from app.whole_files import write_whole
from latentface.codes import Codes
from latentface.pictures import picture
from latentface.swap_grid import MOST, grid_sheet, swap_rows

SIDE = 160
"""Side of a picture of the grid in pixels."""
FIRST = {"down": ["Example 3", "Example 6", "Example 12"], "across": ["Example 10", "Example 4", "Example 9"]}
"""Who is chosen at first: faces at rest, and faces that show something."""
QUIET: dict[str, Any] = {"api_visibility": "private"}
ASK = (
    "<p>Choose up to six faces down and six across, then draw. Photos that you put anywhere on this page are here.</p>"
)


def swap_grid(session: Session, strength: gr.State, seed: gr.Number) -> None:
    """Add the grid below a swap.

    Args:
        session: Whose faces and examples may be chosen.
        strength: Holds the strength of the expressions.
        seed: Of the split.
    """
    model = session.model
    with gr.Accordion("Grid: several people, several expressions", open=False, elem_id="grid"):
        picker = gr.HTML(
            pool(model, []), html_template=text("face_picker.html"), css_template=text("face_picker.css"),
            js_on_load=text("face_picker.js"), apply_default_css=False, elem_id="grid-picker", first=FIRST, most=MOST,
        )  # fmt: skip
        with gr.Row(elem_classes="grid-actions"):
            stop = gr.Button("Stop", size="md", elem_id="grid-stop", min_width=90)
            take = gr.DownloadButton(
                "Download the grid (PNG)", size="md", elem_id="grid-download", interactive=False, min_width=200
            )
        status = gr.HTML(ASK, elem_id="grid-status", elem_classes="grid-status", padding=False)
        table = gr.HTML("", css_template=text("swap_grid.css"), apply_default_css=False, elem_id="grid-table")

    def draw(
        faces: list[Shown], amount: float, number: float | None, event: gr.EventData
    ) -> Iterator[tuple[str, str, gr.DownloadButton]]:
        """Draw the grid of the faces that were picked, row by row."""
        down, across = (picked(model, faces, getattr(event, side, None)) for side in ("down", "across"))
        yield from drawn(model, down, across, amount, whole_seed(number))

    session.faces.change(lambda faces: pool(model, faces), session.faces, picker, show_progress="hidden", **QUIET)
    going = picker.submit(
        draw, [session.faces, strength, seed], [status, table, take], show_progress="hidden", concurrency_limit=1,
        trigger_mode="once", **QUIET,
    )  # fmt: skip
    stop.click(lambda: "<p>Stopped. What was drawn stays.</p>", None, status, cancels=[going], queue=False, **QUIET)


def pool(model: Model, faces: list[Shown]) -> list[dict]:
    """List the faces to choose from: the visitor's own, newest first, then the examples."""
    own = [{"name": face.name, "picture": face.thumbnail} for face in faces]
    return own + [
        {"name": f"Example {number + 1}", "picture": address(model.gallery.picture(row))}
        for number, row in enumerate(model.examples)
    ]


def picked(model: Model, faces: list[Shown], chosen: object) -> list[Shown]:
    """Give the faces that were chosen from the pool.

    Args:
        model: The model.
        faces: The visitor's own.
        chosen: Places in the pool, as they came with a request: anything a stranger may write.

    Raises:
        gr.Error: They are no places, or too few or too many.
    """
    most = len(faces) + len(model.examples)
    if not isinstance(chosen, list) or not all(type(place) is int and 0 <= place < most for place in chosen):
        raise plain_error("one of these faces is not here any more: choose again", "No face")
    if not 1 <= len(chosen) <= MOST:
        raise plain_error(f"choose one to {MOST} faces down and one to {MOST} across", "Choose faces")
    return [faces[place] if place < len(faces) else model.example(place - len(faces)) for place in chosen]


def drawn(
    model: Model, down: list[Shown], across: list[Shown], strength: float, seed: int
) -> Iterator[tuple[str, str, gr.DownloadButton]]:
    """Draw the grid, row by row.

    Args:
        model: The model.
        down: Whose identities.
        across: Whose expressions.
        strength: Of the expressions.
        seed: Of the split.

    Yields:
        Words on how far it is, the table so far as HTML, and the button that hands it over once it is whole.
    """
    identities, expressions = (Codes.cat([shown.face.codes for shown in side]) for side in (down, across))
    rows: list = []
    waiting = gr.DownloadButton(interactive=False)
    yield f"<p>Row 1 of {len(down)} is being drawn.</p>", table_html(down, across, rows), waiting
    for row in swap_rows(model.pipeline, identities, expressions, strength, seed, SIDE):
        rows.append(row)
        if len(rows) < len(down):
            words = f"<p>Row {len(rows) + 1} of {len(down)} is being drawn.</p>"
            yield words, table_html(down, across, rows), waiting
    heads_down, heads_across = ([picture(shown.face.crop[0], SIDE) for shown in side] for side in (down, across))
    file = write_whole(grid_sheet(heads_down, heads_across, rows), "swap-grid.png")
    count = f"{len(down) * len(across)} swaps at strength {strength:g}."
    yield f"<p>{count}</p>", table_html(down, across, rows), gr.DownloadButton(value=file, interactive=True)


def table_html(down: list[Shown], across: list[Shown], rows: list) -> str:
    """Write a grid, as far as it is drawn, as an HTML table headed by photos."""
    heads = "".join(f"<th scope=col>{photo(shown, 'Expression of')}</th>" for shown in across)
    body = []
    for number, shown in enumerate(down):
        cells = rows[number] if number < len(rows) else [None] * len(across)
        drawn_cells = "".join(
            "<td></td>" if cell is None else f"<td>{image(cell, f'{shown.name} with the expression of {b.name}')}</td>"
            for cell, b in zip(cells, across, strict=True)
        )
        body.append(f"<tr><th scope=row>{photo(shown, 'Identity of')}</th>{drawn_cells}</tr>")
    corner = "<td class=corner><span>expression →</span><span>identity ↓</span></td>"
    return (
        f"<div class=scroll><table><thead><tr>{corner}{heads}</tr></thead><tbody>{''.join(body)}</tbody></table></div>"
    )


def photo(shown: Shown, role: str) -> str:
    """Write the photo at the head of a row or column as HTML."""
    name = html.escape(shown.name, quote=True)
    return f'<img src="{shown.thumbnail}" alt="{role} {name}" title="{name}"><span>{name}</span>'


def image(cell: Any, words: str) -> str:  # noqa: ANN401 (uint8 S x S x 3)
    """Write one swap as HTML."""
    said = html.escape(words, quote=True)
    return f'<img src="{uri(cell)}" alt="{said}" title="{said}">'
