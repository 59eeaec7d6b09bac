"""Tab Video: a clip taken apart into who it is and how it moves, and another face that makes the movements."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import plotly.graph_objects as go

from app import clips
from app.clips import EXAMPLE, LANE, Clip, Driven, drive_codes, forget, take
from app.components.clip_box import clip_box, progress, upload
from app.components.clip_map import clip_map, trail
from app.components.export import export, origin_of_run, taken_as
from app.components.film_player import curve_values, film_player, films_content
from app.components.marked_slider import Scale, marked_slider
from app.components.plotly_panel import plotly_panel
from app.components.plotly_panel import shown as drawn_figure
from app.session import Model, Session, Shown, plain_error
from app.work import Work, number_of
from latentface.curves import figure
from latentface.expression_sliders import load_sliders
from latentface.options import DRIVEN

ABOUT = """A clip in; **who** it is and **how** it moves out. What stays the same through all frames is the
**identity**; what is left in each is its **expression**. The films below show both at the same moment. Then choose
another face: all that changes from frame to frame moves it. Turns carry over fully, brows, lids and smiles by half or
more, open mouths by a third to a half, tongues not at all; glasses that come and go in the clip leave a trace."""
SCALE = Scale("Strength of the movements", *DRIVEN, 0.05, ((0, "none"), (1, "usual"), (2, "twice")))
STRENGTH = 1.0
"""At first."""
CHANGES, WHOLE = "Changes only", "Mean expression, too"
HEIGHT = 540
"""Of the charts, in CSS pixels."""
QUIET: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
KEPT = 3600
"""Seconds for which a clip is kept without being used."""


def curves_of(clip: Clip | None) -> go.Figure | None:
    """Draw a clip's curves for the page."""
    if clip is None:
        return None
    plot = figure(clip.table).update_xaxes(title_text="")
    return plot.update_layout(height=HEIGHT, margin={"l": 4, "r": 8, "t": 8, "b": 8}, showlegend=False)


def targets(model: Model, shown: Shown, faces: list[Shown]) -> list[str]:
    """List whose face can make the movements: this face, the visitor's own, the examples."""
    names = [
        shown.name,
        *(face.name for face in faces),
        *(f"Example {n + 1}" for n in range(len(model.examples))),
    ]
    return list(dict.fromkeys(names))


def target(model: Model, shown: Shown, faces: list[Shown], name: str | None) -> Shown:
    """Find the face of a name that `targets` lists.

    Raises:
        gr.Error: There is no such face any more.
    """
    for face in (shown, *faces):
        if face.name == name:
            return face
    numbers = {f"Example {n + 1}": n for n in range(len(model.examples))}
    if name not in numbers:
        raise plain_error("choose whose face makes the movements", "No face")
    return model.example(numbers[name])


def build(session: Session) -> None:
    """Build the tab inside the current gr.Blocks, with the bundled clip in it."""
    model, first = session.model, session.shown.value
    sliders = load_sliders(model.checkpoint, 2 * model.pipeline.autoencoder.config["code"])
    opening = clips.example(model, sliders)
    gr.set_static_paths([EXAMPLE.resolve()])
    clip = gr.State(opening, time_to_live=KEPT, delete_callback=forget)
    driven = gr.State(None, time_to_live=KEPT, delete_callback=forget)
    strength, work = gr.State(STRENGTH), gr.State(Work())
    caption = origin_of_run(model.checkpoint, model.folder, "autoencoder", "A clip's frames, read in the app")
    gr.Markdown(ABOUT, elem_classes="about")
    with gr.Row(elem_classes="video"):
        with gr.Column(scale=3, min_width=280):
            box = clip_box("clip-box")
        with gr.Column(scale=9, min_width=300):
            player = film_player(opening, "clip-player", "clip-curves")
    with gr.Row(elem_classes="video"):
        with gr.Column(scale=3, min_width=280):
            face = gr.Dropdown(
                targets(model, first, []), value=first.name, label="Whose face makes the movements",
                info="Yours from the other tabs, or an example.", elem_id="clip-target",
            )  # fmt: skip
            way = gr.Radio(
                (CHANGES, WHOLE), value=CHANGES, label="What comes over", elem_id="clip-way",
                info="Changes from the clip's mean face keep the other's looks best.",
            )  # fmt: skip
            dial = marked_slider(SCALE, STRENGTH, "clip-strength")
            start = gr.Button("Move this face", variant="primary", elem_id="clip-drive")
        with gr.Column(scale=9, min_width=300):
            charts = plotly_panel(curves_of(opening), "clip-curves")
            curve_values("clip-curves")
            export("clip-curves", taken_as("clip-curves", caption))
            maps = clip_map(model, opening, "clip-curves")
            export("clip-curves-maps", taken_as("clip-maps", caption))

    def settle(new: Clip, before: Clip | None, moved: Driven | None) -> tuple:
        """Show a new clip, and let go of the one before."""
        for old in (before, moved):
            if old is not new:
                forget(old)
        return (
            progress(f"{new.name}: {len(new.face)} frames."),
            films_content(new, None),
            drawn_figure(curves_of(new)),
            trail(model, new),
            new,
            None,
        )

    nothing = (gr.skip(),) * 5

    def steps(
        path: Path, name: str, before: Clip | None, moved: Driven | None, number: int
    ) -> Generator[tuple, None, None]:
        """Take a clip apart and say how far it is; where that fails, the clip before stays."""
        try:
            for step in take(model, sliders, path, name):
                if isinstance(step, str):
                    yield progress(step, busy=True, number=number), *nothing
                else:
                    yield settle(step, before, moved)
        except gr.Error as error:
            yield progress(error=f"{error.title}: {error.message}", number=number), *nothing

    def read(before: Clip | None, moved: Driven | None, work: Work, event: gr.EventData) -> Iterator[tuple]:
        """Take an uploaded clip apart."""
        number = number_of(event)
        try:
            path = upload(getattr(event, "file", None))
        except gr.Error as error:
            yield progress(error=f"{error.title}: {error.message}", number=number), *nothing
            return
        yield from work.until_stopped(steps(path, "Your clip", before, moved, number), number)

    def show_example(before: Clip | None, moved: Driven | None, work: Work, event: gr.EventData) -> Iterator[tuple]:
        """Go back to the bundled clip."""
        number = number_of(event)
        if opening is None:
            steps_of_it = steps(EXAMPLE / "clip.mp4", "Example clip", before, moved, number)
            yield from work.until_stopped(steps_of_it, number)
        elif not work.watch(number)():
            yield settle(opening, before, moved)

    def move(
        now: Clip | None, before: Driven | None, shown: Shown, faces: list[Shown], name: str | None, way: str,
        amount: float, work: Work,
    ) -> Iterator[tuple]:  # fmt: skip
        """Let the chosen face make the clip's movements."""
        if now is None:
            raise plain_error("bring a clip first, or take the example", "No clip")
        chosen = target(model, shown, faces, name)
        yield progress("Waiting for the first frames …", busy=True), gr.skip(), gr.skip()
        made = drive_codes(model, now, chosen.face.codes, chosen.name, way == CHANGES, amount)
        for step in work.until_stopped(made, 0):
            if isinstance(step, str):
                yield progress(step, busy=True), gr.skip(), gr.skip()
            else:
                forget(before)
                yield progress(f"{step.name} makes the movements."), films_content(now, step), step

    def turn_dial(event: gr.EventData) -> float:
        """Keep the strength that the slider was moved to."""
        return SCALE.checked(getattr(event, "value", None), STRENGTH)

    def offer(shown: Shown, faces: list[Shown], name: str | None) -> gr.Dropdown:
        """List the faces that there are now; one that is gone gives way to this face."""
        names = targets(model, shown, faces)
        return gr.Dropdown(choices=names, value=name if name in names else shown.name)

    everything = [box, player, charts, maps, clip, driven]

    def stop(work: Work, event: gr.EventData) -> None:
        """Stop what the visitor has asked for so far."""
        work.stop(number_of(event))

    once_more: dict[str, Any] = {"trigger_mode": "multiple"}  # else what is asked for right after a stop is passed over
    box.upload(read, [clip, driven, work], everything, **LANE, **QUIET, **once_more)
    box.input(show_example, [clip, driven, work], everything, **LANE, **QUIET, **once_more)
    start.click(
        move, [clip, driven, session.shown, session.faces, face, way, strength, work], [box, player, driven], **LANE,
        **QUIET,
    )  # fmt: skip
    box.stop(stop, work, None, queue=False, **QUIET)
    dial.input(turn_dial, None, strength, **QUIET)
    gr.on(
        [session.shown.change, session.faces.change], offer, [session.shown, session.faces, face], face, queue=False,
        **QUIET,
    )  # fmt: skip
