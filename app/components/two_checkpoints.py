"""Two checkpoints on one photo: what each rebuilds of it, its neutral face, depth, and a borrowed expression."""

from __future__ import annotations

from dataclasses import replace
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from app.components.files import text
from app.components.photo_box import photo_box
from app.components.pictures import figure, front, neutral_scene, seen
from app.pipelines import PIPELINES
from app.session import Model, Session, Shown, plain_error
from latentface.checkpoints import CheckpointError, shown_name, summary_of
from latentface.pictures import depth_picture, normal_picture, picture
from latentface.pipeline import LatentFacePipeline
from latentface.second_look import look_again, rebuilding_error

ABOUT = """**This face** through two checkpoints, one line each. What differs between the lines is the models' doing:
the photo is the same. The last picture is this face with the expression of **B** in tab Swap. The second checkpoint is
loaded once you ask for it; that takes a few seconds."""
STRENGTH = 1.25
"""Of the borrowed expression, as tab Swap opens with."""
SIDE = 224
"""Of a picture, in pixels."""
QUIET: dict[str, Any] = {"api_visibility": "private", "trigger_mode": "always_last"}


def read_by(model: Model, pipeline: LatentFacePipeline, shown: Shown) -> Shown:
    """Give a face as another model sees it, out of its photo; out of its crop where that is gone.

    Args:
        model: The page's.
        pipeline: The other.
        shown: A face of the page's.
    """
    other, at = replace(model, pipeline=pipeline), shown.face.alignment
    if shown.photo is not None and at is not None and Path(shown.photo.file).is_file():
        return replace(other.look(shown.photo.file, before=shown, face=at.index), name=shown.name)
    face = look_again(pipeline, shown.face)
    return replace(shown, face=face, scene=pipeline.decode_fine(face.codes))


def line(pipeline: LatentFacePipeline, name: str, shown: Shown, other: Shown, crop: Shown) -> str:
    """Draw what one model makes of a face, as HTML.

    Args:
        pipeline: The model.
        name: Of its checkpoint.
        shown: The face as this model sees it.
        other: The face whose expression is borrowed, as this model sees it.
        crop: The face as the page's model sees it: what all lines are held against.
    """
    off = rebuilding_error(shown.scene, crop.face.crop)
    codes = pipeline.swap(shown.face.codes, other.face.codes, STRENGTH)
    normals = picture(normal_picture(shown.scene.depth)[0], SIDE)
    pictures = (
        figure(picture(crop.face.crop[0], SIDE), "The photo", f"{shown.name}, as the models are fed"),
        figure(seen(shown.scene, SIDE), f"Rebuilt, {off:.3f} off", "Mean difference from the photo, 0 to 1"),
        figure(front(neutral_scene(pipeline, shown.face.codes), SIDE), "Neutral", "The identity part alone"),
        figure(picture(depth_picture(shown.scene.depth)[0], SIDE), "Depth", "Near is bright"),
        figure(normals, "Normals", "Which way the surface faces: red right, green up"),
        figure(seen(pipeline.decode_fine(codes), SIDE), "With B's expression", f"The expression of {other.name}"),
    )
    about = summary_of(name)
    head = f"<h4>{escape(shown_name(name))}</h4>"
    words = f"{head}<p>{escape(about)}</p>" if about else head
    return f'<section>{words}<div class="six">{"".join(pictures)}</div></section>'


def both_lines(model: Model, second: str, shown: Shown, b: Shown) -> str:
    """Draw a face through the page's checkpoint and through another, as HTML.

    Args:
        model: The page's.
        second: The other checkpoint.
        shown: The face.
        b: The face whose expression is borrowed.

    Raises:
        gr.Error: The other checkpoint does not load.
    """
    try:
        pipeline = PIPELINES.beside(second)
    except CheckpointError as error:
        raise plain_error(error.for_visitors()[:-1], "This checkpoint can't be shown") from error
    face, other = (read_by(model, pipeline, one) for one in (shown, b))
    return line(model.pipeline, model.checkpoint, shown, b, shown) + line(pipeline, second, face, other, shown)


def two_checkpoints(session: Session) -> None:
    """Add the two lines, drawn once they are asked for and then for every new face."""
    model = session.model
    others = PIPELINES.others(model.checkpoint)
    if not others:
        gr.Markdown(
            "There is one checkpoint here: start the app with `--checkpoint` once more to put two side by side."
        )
        return
    gr.Markdown(ABOUT, elem_classes="about")
    asked = gr.State(False)
    with gr.Row():
        with gr.Column(scale=4, min_width=260):
            photo_box(session, session.shown, "This face", "both-photo")
        with gr.Column(scale=9, min_width=300):
            with gr.Row(equal_height=True):
                choice = gr.Dropdown(
                    [(shown_name(other), number) for number, other in enumerate(others)], value=0,
                    label=f"{model.name}, and beside it", elem_id="both-with", scale=2,
                )  # fmt: skip
                ask = gr.Button("Put them side by side", variant="primary", elem_id="both-ask", scale=1)
            lines = gr.HTML(
                "", css_template=text("two_checkpoints.css"), apply_default_css=False, elem_id="both", min_height=40
            )

    def draw(is_asked: bool, second: int, shown: Shown, b: Shown) -> object:
        """Draw both lines, where they were asked for."""
        if not is_asked:
            return gr.skip()
        if type(second) is not int or not 0 <= second < len(others):
            raise plain_error("choose one of the checkpoints of the list", "No checkpoint")
        return both_lines(model, others[second], shown, b)

    def first(second: int, shown: Shown, b: Shown) -> tuple:
        """Draw both lines for the first time."""
        return True, draw(True, second, shown, b)

    inputs = [choice, session.shown, session.b]
    ask.click(first, inputs, [asked, lines], show_progress_on=lines, concurrency_limit=1, **QUIET)
    gr.on(
        [choice.input, session.shown.change, session.b.change], draw, [asked, *inputs], lines, show_progress="hidden",
        concurrency_limit=1, **QUIET,
    )  # fmt: skip
