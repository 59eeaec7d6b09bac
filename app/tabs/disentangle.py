"""Tab Disentangle: what each block of the code tells of each factor, and what stands behind each cell."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import gradio as gr

from app.components.block_evidence import exchanged, films, nearest
from app.components.cell_examples import examples
from app.components.export import export, origin, taken_as
from app.components.matrix import cell_of, cell_words, heat_map, numbers, words
from app.components.plotly_panel import clicked, plotly_panel, shown
from app.components.terms import explained_text, term_notes
from app.session import Session, Shown, plain_error
from latentface.checkpoints import ASSETS, bundled, find
from latentface.disentanglement import BLOCKS, FACTORS, Matrix, read_matrix
from latentface.results import read_comparison
from latentface.weights import digest_of_all

ABOUT = """A face's [[code]] has parts: [[identity]], [[expression]], [[view]], [[light]]. A good split tells **who it
is** by the identity part alone and **the expression** by the expression part alone. Each number is what a simple
reader, trained on one [[block]], reads off new people: full colour is perfect, none is [[chance]]. What is told where
it should not be is [[leakage]]. Framed cells are the ones that should be high. Click a cell for what that block
does."""
FIRST = ("expression", "identity")
"""Block and factor that the tab opens with: the leak that matters most."""
FILES = ("leakage_test.json", "leakage_validation.json", "leakage.json")
"""Names that a checkpoint's matrix may have, the best first."""
MEASURE = "python -m train evaluate --suite all --checkpoint {} --data ..."
TOY_LABEL = "toy codes: "
OTHER = "<p>Pictures are drawn for the model of this page: choose the other one at the top to see its own.</p>"
TOY = "<p>Toy codes are numbers alone: there is no face to draw.</p>"
QUIET: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden", "trigger_mode": "always_last"}


def file_of(checkpoint: str) -> Path | None:
    """Find the matrix of a checkpoint beside its weights; `python -m train evaluate --suite all` puts it there."""
    folder = find(checkpoint)
    files = () if folder is None else (folder / name for name in FILES)
    return next((file for file in files if file.exists()), None)


def matrix_files(session: Session) -> dict[str, Path | None]:
    """Find the files of all matrices, the page's own first: label -> file; None for checkpoints that have none."""
    own = session.model.checkpoint
    others = (name for name in bundled() if find(name) != find(own) and name != session.model.name)
    files = {session.model.name: file_of(own)} | {name: file_of(name) for name in others}
    return files | {f"{TOY_LABEL}{path.stem[4:]}": path for path in sorted((ASSETS / "results").glob("toy_*.json"))}


def matrices(session: Session) -> dict[str, Matrix]:
    """Read all matrices there are, the page's own first: label -> matrix; files that are none are passed over."""
    found: dict[str, Matrix] = {}
    for name, file in matrix_files(session).items():
        try:
            if file is not None:
                found[name] = read_matrix(file)
        except ValueError:
            continue
    return found


def is_older(matrix: Matrix, folder: Path | None) -> bool:
    """Tell whether a matrix names other weights than those that lie in a checkpoint's folder now."""
    known = matrix.results.get("weights")
    return folder is not None and known is not None and known != digest_of_all(folder)


def is_shown(session: Session) -> bool:
    """Tell whether there is any matrix."""
    return bool(matrices(session))


def taken(label: str, matrix: Matrix) -> dict[str, Any]:
    """Name the files of a matrix, and say where it comes from (see export)."""
    stem = re.sub(r"[^a-z0-9]+", "-", Path(label).name.lower()).strip("-")
    return taken_as(f"matrix-{stem}", origin(matrix.results, f"What each block tells of each factor, {label}"))


def build(session: Session) -> None:
    """Build the tab inside the current gr.Blocks."""
    found, comparison, model = matrices(session), read_comparison(), session.model
    own = model.name
    name = next(iter(found))
    matrix = found[name]
    if name != own:
        gr.Markdown(f"`{own}` has no matrix yet: `{MEASURE.format(own)}`")
    elif is_older(matrix, model.folder):
        gr.Markdown(f"The matrix of `{own}` was measured on older weights: `{MEASURE.format(own)}` measures it anew.")
    term_notes()
    explained_text(ABOUT)
    chosen = gr.State(FIRST)
    choice = gr.Radio(list(found), value=name, label="Whose code", elem_id="matrix-choice")
    with gr.Row():
        with gr.Column(min_width=300):
            panel = plotly_panel(heat_map(matrix, FIRST), "matrix")
            dci = explained_text(numbers(matrix), "matrix-dci")
            files = export("matrix", taken(name, matrix))
        with gr.Column(min_width=300):
            said = gr.Markdown(words(matrix, comparison), elem_id="matrix-words")
    with gr.Row():
        blocks = gr.Dropdown(pairs(matrix.blocks, BLOCKS), value=FIRST[0], label="Block", elem_id="matrix-block")
        factors = gr.Dropdown(pairs(matrix.factors, FACTORS), value=FIRST[1], label="Factor", elem_id="matrix-factor")
    cell = gr.HTML(cell_words(matrix, *FIRST), elem_id="block-cell")
    states = (session.a, session.b, session.shown)
    read = gr.HTML("", elem_id="block-examples")
    live, strips = gr.HTML("", elem_id="block-live"), gr.HTML("", elem_id="block-films")
    opened = gr.State(False)  # nothing is drawn for those who never open the tab: only then is the page's part there
    opening = gr.HTML("", js_on_load='trigger("select", {});', apply_default_css=False, elem_id="block-opening")

    def turn(label: str) -> tuple:
        """Show another matrix, from its first cell."""
        matrix = found[label]
        return (
            FIRST, shown(heat_map(matrix, FIRST)), words(matrix, comparison), numbers(matrix), taken(label, matrix),
            gr.Dropdown(pairs(matrix.blocks, BLOCKS), value=FIRST[0]),
            gr.Dropdown(pairs(matrix.factors, FACTORS), value=FIRST[1]), cell_words(matrix, *FIRST),
        )  # fmt: skip

    def pick(label: str, event: gr.EventData) -> tuple:
        """Choose the cell that was clicked."""
        matrix = found[label]
        chosen = cell_of(matrix, clicked(event))
        if chosen is None:
            raise plain_error("that is no cell of the matrix", "No result")
        return (chosen, *chosen, shown(heat_map(matrix, chosen)), cell_words(matrix, *chosen))

    def name_cell(label: str, block: str, factor: str) -> tuple:
        """Choose the cell that the lists name."""
        matrix = found[label]
        if block not in matrix.blocks or factor not in matrix.factors:
            raise plain_error("that is no cell of the matrix", "No result")
        return ((block, factor), shown(heat_map(matrix, (block, factor))), cell_words(matrix, block, factor))

    def draw(is_open: bool, label: str, chosen: tuple[str, str], a: Shown, b: Shown, face: Shown) -> object:
        """Draw what the block does with the visitor's own faces."""
        return drawn(session, label, chosen[0], a, b, face) if is_open else gr.skip()

    def show(is_open: bool, label: str, chosen: tuple[str, str]) -> object:
        """Show pictures that were read right and wrong."""
        file = None if label.startswith(TOY_LABEL) else matrix_files(session).get(label)
        return examples(file, *chosen) if is_open else gr.skip()

    def roll(label: str, chosen: tuple[str, str]) -> str:
        """Draw the block's main directions."""
        return films(model, chosen[0]) if label == own else ""

    choice.input(turn, choice, [chosen, panel, said, dci, files, blocks, factors, cell], **QUIET)
    panel.select(pick, choice, [chosen, blocks, factors, panel, cell], **QUIET)
    gr.on([blocks.input, factors.input], name_cell, [choice, blocks, factors], [chosen, panel, cell], **QUIET)
    opening.select(lambda: True, None, opened, **QUIET)
    gr.on(
        [opened.change, chosen.change, choice.change, *(state.change for state in states)], draw,
        [opened, choice, chosen, *states], live, **QUIET,
    )  # fmt: skip
    gr.on([opened.change, chosen.change, choice.change], show, [opened, choice, chosen], read, **QUIET)
    gr.on([opened.change, chosen.change, choice.change], roll, [choice, chosen], strips, **QUIET)


def drawn(session: Session, label: str, block: str, a: Shown, b: Shown, face: Shown) -> str:
    """Draw a block exchanged between A and B, and the faces nearest to one by it.

    For the matrix of another checkpoint, say why there is nothing to draw.
    """
    own = session.model.name
    if label != own:
        return none(label, own)
    return exchanged(session.model, a, b, block) + nearest(session.model, face, block)


def pairs(keys: list[str], names: dict[str, str]) -> list[tuple[str, str]]:
    """Name keys for a list to choose from."""
    return [(names[key], key) for key in keys]


def none(label: str, own: str) -> str:
    """Say why a matrix has no pictures; empty for the page's own."""
    return "" if label == own else TOY if label.startswith(TOY_LABEL) else OTHER
