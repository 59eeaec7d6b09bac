"""Tab Training: one's own runs while they train, and how the shown checkpoint's two stages went."""

from __future__ import annotations

import gradio as gr

from app.components.export import export, origin_of_run, taken_as
from app.components.plotly_panel import plotly_panel, shown
from app.components.run_view import run_view
from app.components.training_curve import Curves, name_of, read_curves, training_curve
from app.session import Session

ABOUT = """How `{checkpoint}` was trained. **Stage 1** learns to take a picture apart into shape, colour, view and
light, and to put it together again. **Stage 2**, the diffusion model, then learns to tell a person's identity from the
expression of the moment. Choose a quantity to see it over the images that the run had seen. A checkpoint that went on
from an older one shows its last run alone."""
STAGES = {"autoencoder": "Stage 1: the autoencoder", "rdm": "Stage 2: the diffusion model"}
"""Stem of a stage's curves beside the checkpoint -> what it is called."""
RUNS = """A run as it trains, read from its folder every few seconds while you look: how far it is, what it measures,
and the contact sheets it draws. The loss can fall while a face goes flat: look at the sheets."""


def curves(session: Session) -> dict[str, Curves]:
    """Read the curves of the stages that have any, by the stage's stem."""
    folder = session.model.folder
    found = {} if folder is None else {stage: read_curves(folder / f"{stage}_curves.jsonl") for stage in STAGES}
    return {stage: curve for stage, curve in found.items() if curve}


def is_shown(session: Session) -> bool:
    """Tell whether there are runs, or the checkpoint came with curves; `python -m train ship` puts them there."""
    return bool(session.runs or curves(session))


def draw(curve: Curves, quantity: str) -> dict | None:
    """Draw the chosen quantity of a stage, for its panel."""
    return shown(training_curve(quantity, curve[quantity]))


def taken(session: Session, stage: str, quantity: str) -> dict:
    """Name the files of a curve, and say where it comes from (see export)."""
    model, what = session.model, f"{name_of(quantity)}. {STAGES[stage]}"
    return taken_as(f"{stage}-{quantity}", origin_of_run(model.checkpoint, model.folder, stage, what))


def build(session: Session) -> None:
    """Build the tab inside the current gr.Blocks: the runs, then a column a stage with a choice and its curve."""
    if session.runs:
        gr.Markdown(RUNS, elem_classes="about")
        run_view(session.model, session.runs)
    if not curves(session):
        return
    if session.runs:
        gr.HTML("<hr>")
    gr.Markdown(ABOUT.format(checkpoint=session.model.name), elem_classes="about")
    with gr.Row():
        for stage, curve in curves(session).items():
            stage_curve(session, stage, curve)


def stage_curve(session: Session, stage: str, curve: Curves) -> None:
    """Add a column with the choice of a quantity of one stage, and its curve."""
    first = next(iter(curve))
    with gr.Column(min_width=300):
        names = [(name_of(key), key) for key in curve]
        choice = gr.Dropdown(names, value=first, label=STAGES[stage], elem_id=f"{stage}-quantity")
        panel = plotly_panel(training_curve(first, curve[first]), f"{stage}-curve")
        files = export(f"{stage}-curve", taken(session, stage, first))

    def change(quantity: str) -> tuple[dict | None, dict]:
        """Draw the chosen quantity, and name what is taken along."""
        return draw(curve, quantity), taken(session, stage, quantity)

    choice.input(change, choice, [panel, files], api_visibility="private", show_progress="hidden")
