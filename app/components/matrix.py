"""The matrix of blocks and factors as a heat map, and what it says in words."""

from __future__ import annotations

from html import escape

import plotly.graph_objects as go

from app.components.plotly_panel import ACCENT, GROUND, TEXT
from app.components.terms import explained, term
from latentface.disentanglement import BLOCKS, FACTORS, OWN, Matrix, elsewhere, how_judged, sentences, summary
from latentface.results import Comparison

SHORT = {"identity": "who", "retrieval": "nearest", "expression": "expression", "actions": "actions"}
"""Factor -> what stands above its column, where its name is too long for a phone."""
CHANCE = "chance"
"""Name of the line that holds chance."""
DEEPEST = 1.3
"""Share of which a cell would be all ACCENT: at 1, in pale and in dark, numbers stand out from what is left of it."""
LINE = 30
"""Height of a line in pixels."""
DCI = (
    ("disentanglement", "a block speaks of one factor alone"),
    ("completeness", "a factor is told by one block alone"),
    ("informativeness", "the whole code tells the factors"),
)


def heat_map(matrix: Matrix, cell: tuple[str, str] | None = None) -> go.Figure:
    """Draw the matrix: a line a block, a column a factor, coloured from chance to perfect; last, chance itself.

    Args:
        matrix: The matrix.
        cell: Block and factor that are marked as chosen.
    """
    columns = [SHORT.get(factor, FACTORS[factor]) for factor in matrix.factors]
    lines = [BLOCKS[block] for block in matrix.blocks] + [CHANCE]
    shares = [[matrix.share(factor, block) for factor in matrix.factors] for block in matrix.blocks]
    scores = [[matrix.score(factor, block) for factor in matrix.factors] for block in matrix.blocks]
    scores.append([matrix.chance(factor) for factor in matrix.factors])
    names = [matrix.measure(factor) for factor in matrix.factors]
    said = [
        [f"{line}, {FACTORS[f]}: {name} {score:.3f}" for f, name, score in zip(matrix.factors, names, row, strict=True)]
        for line, row in zip(lines, scores, strict=True)
    ]  # fmt: skip
    texts = [[f"{round(score, 2) + 0.0:.2f}" for score in row] for row in scores]  # no minus before a nought
    figure = go.Figure(
        go.Heatmap(
            x=columns, y=lines, z=[*shares, [0.0] * len(columns)], customdata=scores, hovertext=said, zmin=0,
            zmax=DEEPEST, text=texts, texttemplate="%{text}", showscale=False, xgap=2, ygap=2,
            colorscale=[[0, GROUND], [1, ACCENT]], hoverinfo="text",
        )
    )  # fmt: skip
    for factor, block in OWN.items():
        if factor in matrix.factors and block in matrix.blocks:
            _frame(figure, matrix, block, factor, 1)
    if cell is not None:
        _frame(figure, matrix, *cell, 3)
    figure.update_layout(
        meta="What each block (lines) tells of each factor (columns)", height=64 + LINE * len(lines),
        margin={"l": 4, "r": 4, "t": 56, "b": 4},
    )  # fmt: skip
    figure.update_xaxes(side="top", tickangle=-40, showgrid=False, fixedrange=True)
    figure.update_yaxes(autorange="reversed", showgrid=False, fixedrange=True)
    return figure


def _frame(figure: go.Figure, matrix: Matrix, block: str, factor: str, width: int) -> None:
    """Draw a frame around one cell."""
    x, y = matrix.factors.index(factor), matrix.blocks.index(block)
    figure.add_shape(
        type="rect", x0=x - 0.47, x1=x + 0.47, y0=y - 0.45, y1=y + 0.45, line={"color": TEXT, "width": width}
    )


def cell_of(matrix: Matrix, mark: tuple[int, ...]) -> tuple[str, str] | None:
    """Give block and factor of a mark of `heat_map`, as `plotly_panel.clicked` names it; None where it is no cell."""
    if len(mark) != 3 or mark[0] != 0 or mark[1] >= len(matrix.blocks) or mark[2] >= len(matrix.factors):
        return None
    return matrix.blocks[mark[1]], matrix.factors[mark[2]]


def words(matrix: Matrix, comparison: Comparison | None) -> str:
    """Say what the matrix says, and what other data say, as Markdown.

    Args:
        matrix: The matrix.
        comparison: The results of the suite `probes`, for real photos.
    """
    known = str(matrix.results.get("config", {}).get("checkpoint", ""))
    about = matrix.results
    made_up = about.get("suite") == "toy"
    kind = "parametric people nobody trained on"
    if made_up:
        kind = "toy people"
    elif about.get("truth_by") == "judges":
        kind = "people nobody trained on, whose factors judges read off their pictures"
    people = f"{about.get('people', 0):,} {kind}"
    said = [f"**{summary(matrix)}**", "", f"On {people}, {about.get('n', 0):,} frames:", ""]
    said += [f"- {sentence}" for sentence in sentences(matrix)]
    other = elsewhere(comparison, known) if comparison is not None and not made_up else []
    if other:
        said += ["", "On photos of real people, whose truth is coarser:", "", *(f"- {sentence}" for sentence in other)]
    said += ["", how_judged(matrix)]
    if "age" in matrix.factors and about.get("truth_by") == "engine":
        said[-1] += " Age and skin tone are the numbers that the people were drawn from."
    return "\n".join(said)


def numbers(matrix: Matrix) -> str:
    """Write block-level DCI in one line of Markdown; empty where the suite has none."""
    found = [
        f"{name} **{matrix.results[f'dci_{name}']:.2f}** ({what})"
        for name, what in DCI
        if isinstance(matrix.results.get(f"dci_{name}"), float)
    ]
    return explained(f"[[DCI]] over blocks, 1 is perfect: {'; '.join(found)}.") if found else ""


def cell_words(matrix: Matrix, block: str, factor: str) -> str:
    """Say in HTML what one cell holds."""
    hsic = matrix.hsic(factor, block)
    beside = f" · {term('HSIC')} {hsic:.3f} (0: independent, 1: the same)" if hsic is not None else ""
    own = OWN.get(factor)
    wish = "" if own is None else (" · should be high" if block == own else " · should be at chance")
    if block == "full" or "_" in block or block in ("shape", "texture"):
        wish = ""
    return (
        f"<h3>{escape(BLOCKS[block][:1].upper() + BLOCKS[block][1:])}: {escape(FACTORS[factor])}</h3><p>"
        f"{escape(matrix.measure(factor))} <b>{matrix.score(factor, block):.3f}</b>"
        f"{_spread(matrix, factor, block)} · {term('chance')} "
        f"{matrix.chance(factor):.3f} · {term('code', 'whole code')} "
        f"{matrix.score(factor, 'full'):.3f}{beside}{wish}</p>"
    )


def _spread(matrix: Matrix, factor: str, block: str) -> str:
    """Write a score's spread over people; empty where the results have none."""
    spread = matrix.spread(factor, block)
    return f" ± {spread:.3f} over people" if spread else ""
