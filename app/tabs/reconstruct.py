"""Tab Reconstruct: one photo, taken apart into shape, colour, view and light, and put together again as you like."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import Any

import gradio as gr

from app.components.detector_choice import detector_choice
from app.components.downloads import downloads
from app.components.face_chips import use_buttons
from app.components.face_notes import face_notes
from app.components.files import text
from app.components.photo_box import photo_box
from app.components.pictures import uri
from app.components.stage import bounded, look_of, moved_content, own_look, read, stage, stage_content, stand_in
from app.session import THUMBNAIL, Session, Shown
from latentface.expression_sliders import LIMIT, ExpressionSliders, load_sliders
from latentface.pictures import picture
from latentface.pipeline import Face

ABOUT = """One photo in, a 3D face out. Nobody ever showed this model a 3D scan: from plain pictures alone it learned
to explain each one by a **shape** (its relief, and where its features lie), a **colour**, a **view** and a **light**.
Drag the face to turn it, drag the light over the ball."""
STRAIGHT = 0.1
"""Light that comes from less far aside than this counts as straight."""
QUIET: dict[str, Any] = {"api_visibility": "private"}
NUMBERS = ("yaw", "pitch", "roll", "ambient", "diffuse", "light-x", "light-y")
"""Of the stage, as web/stage.js names them, that a link holds."""
AT_ONCE: dict[str, Any] = {"show_progress": "hidden", "queue": False, "trigger_mode": "multiple", **QUIET}
"""Every event counts; gradio's other modes drop the last of a row or send it with the data of an earlier one."""


def readout(face: Face) -> str:
    """Put the number of faces, pose and light in words, as HTML."""
    yaw, pitch, roll = face.codes.view[0, :3].tolist()
    ambient, diffuse, x, y = face.codes.light[0].tolist()
    count = face.count
    ways = (
        ("above" if y > 0 else "below", y),
        ("the left" if x > 0 else "the right", x),
    )  # x and y say where the light travels to
    origin = " and ".join(way for way, amount in ways if abs(amount) > STRAIGHT) or "the front"
    parts = {
        "Faces": "1 found" if count == 1 else f"{count} found, choose on the photo",
        "Pose": f"yaw {yaw:+.0f}°, pitch {pitch:+.0f}°, roll {roll:+.0f}°",
        "Light": f"from {origin}, ambient {ambient:.2f}, diffuse {diffuse:.2f}",
    }
    return "<dl>" + "".join(f"<div><dt>{k}</dt><dd>{v}</dd></div>" for k, v in parts.items()) + "</dl>"


def input_column(session: Session) -> gr.HTML:
    """Add the photo and the read-out, which is returned."""
    with gr.Column(scale=3, min_width=280):
        photo_box(session, session.shown, "Your photo", "photo")
        facts = gr.HTML(
            readout(session.shown.value.face), css_template=text("facts.css"), apply_default_css=False, elem_id="facts"
        )
        detector_choice(session)
    return facts


def moved_face(session: Session, sliders: ExpressionSliders, shown: Shown, amounts: dict[str, float]) -> Shown:
    """Move this face's expression along named directions.

    Args:
        session: Whose model.
        sliders: The named directions.
        shown: This face.
        amounts: By name; all 0 give this face itself.
    """
    if not any(amounts.values()):
        return shown
    codes = sliders.apply(shown.face.codes, amounts)
    scene = session.model.pipeline.decode_fine(codes)
    return replace(
        shown, face=replace(shown.face, codes=codes), scene=scene, name=f"{shown.name}, other expression",
        thumbnail=uri(picture(scene.render(THUMBNAIL)[0][0])), photo=None,
    )  # fmt: skip


def amounts_of(sliders: ExpressionSliders, data: object) -> dict[str, float]:
    """Read the expression sliders from an `input` event.

    Args:
        sliders: Whose names count.
        data: As it came with a request: anything a stranger may write.
    """
    amounts, limit = read(data, "amounts"), (-LIMIT, LIMIT)
    found = {name: bounded([read(amounts, name)], [limit]) for name in sliders.names}
    return {name: amount[0] for name, amount in found.items() if amount}


def connect_stage(session: Session, facts: gr.HTML, table: gr.HTML, moved: gr.State, look: gr.State) -> None:
    """Connect this face, whoever changes it, to the stage; and what the visitor does on the stage to the states."""
    pipeline = session.model.pipeline

    def show(shown: Shown) -> tuple:
        """Put this face on the stage, in words, and at its own view and light."""
        return stage_content(pipeline, shown), readout(shown.face), shown, own_look(shown)

    session.shown.change(
        show, session.shown, [table, facts, moved, look], show_progress_on=[table], **QUIET
    )  # fmt: skip

    def stand(shown: Shown, event: gr.EventData) -> object:
        """Keep the view and light at which the visitor left the face."""
        return look_of(event._data, own_look(shown))

    def draw(shown: Shown, event: gr.EventData) -> dict:
        """Draw the face here, for a page without WebGL."""
        return stand_in(pipeline, shown, event._data)

    table.release(stand, session.shown, look, **AT_ONCE)
    table.picture(draw, moved, table, **AT_ONCE)


def connect_expression(session: Session, sliders: ExpressionSliders, table: gr.HTML, moved: gr.State) -> None:
    """Connect the expression sliders to the stage's shape and colour."""

    def move(shown: Shown, event: gr.EventData) -> tuple:
        """Move the expression as far as the sliders say."""
        amounts = amounts_of(sliders, event._data)
        face = moved_face(session, sliders, shown, amounts)
        return moved_content(face, amounts, event._data), face

    def roll(shown: Shown, event: gr.EventData) -> tuple:
        """Draw an expression at random."""
        amounts = sliders.random(secrets.randbelow(2**31))
        face = moved_face(session, sliders, shown, amounts)
        return moved_content(face, amounts, event._data, random=True), face

    table.input(move, session.shown, [table, moved], **AT_ONCE)
    table.submit(roll, session.shown, [table, moved], **AT_ONCE)


def build(session: Session) -> None:
    """Build the tab inside the current gr.Blocks, with the first example's result already in it."""
    model, first = session.model, session.shown.value
    codes = first.face.codes
    sliders = load_sliders(model.checkpoint, codes.face.shape[1])
    moved, look = gr.State(first), gr.State(own_look(first))
    gr.Markdown(ABOUT, elem_classes="about")
    with gr.Row():
        facts = input_column(session)
        with gr.Column(scale=9, min_width=300):
            face_notes(session.shown, elem_id="notes")
            table = stage(model.pipeline, first, "stage", sliders)
            session.links.update({name: f'#stage [data-number="{name}"] input[type=range]' for name in NUMBERS})
            use_buttons(session, moved, "stage-use")
            downloads(model, moved, look, "take")
    connect_stage(session, facts, table, moved, look)
    if sliders is not None:
        for name in sliders.names:
            session.links[name.replace(" ", "-")] = f'#stage [data-expression="{name}"] input'
        connect_expression(session, sliders, table, moved)
