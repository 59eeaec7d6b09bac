"""Tab Diffusion: from pure noise to a person, step by step, and switches that break it."""

from __future__ import annotations

import html
import secrets
from typing import Any

import gradio as gr

from app.components.export import export, origin_of_run, taken_as
from app.components.face_chips import use_buttons
from app.components.files import text
from app.components.marked_slider import Scale, marked_slider
from app.components.pictures import uri
from app.components.walk_player import drawn, walk_player, walks_content
from app.session import Model, Session, Shown, plain_error
from latentface.codes import Codes
from latentface.walks import Watched, expression_walk, identity_walk, shuffled, split_walk

ABOUT = """The second stage of this model is a diffusion over **codes**, not over pixels. It starts from random numbers
and guesses the whole clean code anew at every step, with less noise left each time; every guess is drawn here, so you
can watch a person come out of noise. **Guidance** says how much it heeds this face: 0 is anyone, 1 somebody like this
person. Nobody who comes out of the noise exists."""
DETERMINISTIC = """This checkpoint's diffusion has **one answer**: it starts from noise, looks at the face, and ends at
nearly the same identity from any noise. So it cannot draw new people. What you see are the steps of its search for what
stays when this face comes to rest; other noise should change little."""
SCALE = Scale("Guidance", 0, 2, 0.1, ((0, "anyone"), (1, "like this person"), (2, "more so")))
PERSON, EXPRESSION = "A person", "An expression for this person"
THIS, NONE, SHUFFLED = "This face", "Nothing", "Its code, shuffled"
STEPS = ("1", "5", "50")
DICE = 6
"""Results of other noise that are shown below a walk."""
SEEDS = 2**31 - DICE
ALONE = "Nobody"
QUIET: dict[str, Any] = {"api_visibility": "private", "trigger_mode": "always_last", "show_progress": "hidden"}


def condition_of(model: Model, shown: Shown, told: str) -> Codes | None:
    """Give what the diffusion is told of a face: its code, the same numbers shuffled, or nothing."""
    if told == NONE:
        return None
    return shuffled(model.pipeline, shown.face.codes) if told == SHUFFLED else shown.face.codes


def walk_of(model: Model, shown: Shown, kind: str, told: str, guidance: float, steps: int, seed: int) -> Watched:
    """Let a face, or an expression for it, come out of noise.

    Args:
        model: The model.
        shown: The face that it looks at.
        kind: PERSON or EXPRESSION; without a prior neither counts.
        told: THIS, NONE or SHUFFLED.
        guidance: See SCALE.
        steps: Denoising steps.
        seed: Of the noise.
    """
    pipeline, like = model.pipeline, condition_of(model, shown, told)
    if pipeline.prior is None:
        return split_walk(pipeline, shown.face.codes if like is None else like, steps, seed)
    if kind == PERSON:
        return identity_walk(pipeline, like, guidance, steps, seed)
    person = shown.face.codes if like is None else like
    return expression_walk(pipeline, person, 0.0 if like is None else guidance, steps, seed)


def lane_name(model: Model, shown: Shown, settings: dict[str, Any]) -> str:
    """Say who comes out of the noise.

    Args:
        model: The model.
        shown: The face that the diffusion looks at.
        settings: kind, told and guidance, see `walk_of`.
    """
    if settings["told"] == SHUFFLED:
        return f"Told {shown.name}'s code, shuffled"
    if model.pipeline.prior is None:
        return f"Told {shown.name}"
    if settings["told"] == NONE or not settings["guidance"]:
        return "Anyone" if settings["kind"] == PERSON else f"Any expression, on {shown.name}"
    return f"Somebody like {shown.name}" if settings["kind"] == PERSON else f"An expression for {shown.name}"


def title_of(model: Model, kind: str) -> str:
    """Say what the player shows."""
    if model.pipeline.prior is None:
        return "The search for what stays"
    return "From noise to a person" if kind == PERSON else "From noise to an expression"


def dice_of(model: Model, shown: Shown, kind: str, told: str, guidance: float, steps: int, seed: int) -> list[dict]:
    """Draw the ends of walks from other noise: their pictures."""
    pipeline, like = model.pipeline, condition_of(model, shown, told)
    if pipeline.prior is None:
        return []
    if kind == PERSON:
        faces = pipeline.frontal(pipeline.draw_people(DICE, like, guidance, steps, seed).result)
    else:
        person = shown.face.codes if like is None else like
        walk = pipeline.draw_expressions(person, DICE, 0.0 if like is None else guidance, steps, seed)
        faces = pipeline.frontal(pipeline.split(person).identity + walk.result)
    return [{"picture": uri(image)} for image in drawn(model, faces)]


def others(model: Model, faces: list[Shown]) -> list[str]:
    """List who can be put beside this face: the visitor's own, then the examples."""
    return [
        ALONE,
        *dict.fromkeys(face.name for face in faces),
        *(f"Example {n + 1}" for n in range(len(model.examples))),
    ]


def beside(model: Model, faces: list[Shown], name: str | None) -> Shown | None:
    """Find the face of a name that `others` lists; None for nobody, or for one that is gone."""
    for face in faces:
        if face.name == name:
            return face
    numbers = {f"Example {n + 1}": n for n in range(len(model.examples))}
    return model.example(numbers[name]) if name in numbers else None


def dice_number(index: object) -> int:
    """Read which of the dice was clicked.

    Args:
        index: As it came with a request: anything a stranger may write.

    Raises:
        gr.Error: There is no such one.
    """
    if type(index) is not int or not 0 <= index < DICE:
        raise plain_error("there is no such face", "No face")
    return index


def looked_at(shown: Shown) -> str:
    """Show which face the diffusion looks at, as HTML."""
    name = html.escape(shown.name, quote=True)
    words = f"<p>It looks at <b>{name}</b>, this face.</p>"
    return f'<div class=looked><img src="{shown.thumbnail}" alt="{name}">{words}</div>'


def build(session: Session) -> None:
    """Build the tab inside the current gr.Blocks, with a walk of this face already in it."""
    model, first = session.model, session.shown.value
    free = model.pipeline.prior is not None
    start: dict[str, Any] = {"kind": PERSON, "told": THIS, "guidance": 1.0, "steps": 50 if free else 5}

    def run(
        shown: Shown,
        faces: list[Shown],
        kind: str,
        told: str,
        guidance: float,
        steps: str,
        other: str | None,
        seed: int,
    ) -> tuple[dict, list[dict], Shown]:
        """Let this face, and another if one is chosen, come out of the noise as the controls say."""
        settings = {"kind": kind, "told": told, "guidance": guidance, "steps": int(steps)}
        return walked(shown, beside(model, faces, other), settings, seed)

    def walked(
        shown: Shown, second: Shown | None, settings: dict[str, Any], seed: int
    ) -> tuple[dict, list[dict], Shown]:
        """Let one face or two come out of the same noise."""
        walks = [
            (lane_name(model, face, settings), walk_of(model, face, seed=seed, **settings))
            for face in (shown, second)
            if face
        ]
        result = model.make(
            walks[0][1].faces[-1:], "Drawn person" if settings["kind"] == PERSON else "Drawn expression"
        )
        dice = dice_of(model, shown, seed=seed, **settings)
        return walks_content(model, walks, title_of(model, settings["kind"])), dice, result

    caption = origin_of_run(model.checkpoint, model.folder, "prior" if free else "rdm", "From noise to a face")
    gr.Markdown(ABOUT if free else DETERMINISTIC, elem_classes="about")
    content, dice, end = walked(first, None, start, 0)
    seed, guidance, result = gr.State(0), gr.State(start["guidance"]), gr.State(end)
    with gr.Row(elem_classes="diffusion"):
        with gr.Column(scale=4, min_width=280):
            face = gr.HTML(
                looked_at(first), css_template=text("looked_at.css"), apply_default_css=False, elem_id="walk-face"
            )
            kind = gr.Radio(
                (PERSON, EXPRESSION),
                value=PERSON,
                label="What comes out of the noise",
                elem_id="walk-kind",
                visible=free,
            )
            other = gr.Dropdown(
                others(model, session.faces.value), value=ALONE, label="Beside it, from the same noise",
                info="Two photos of one person should end at one person.", elem_id="walk-other",
            )  # fmt: skip
            with gr.Accordion("Break it", open=False, elem_id="walk-break"):
                steps = gr.Radio(STEPS, value=str(start["steps"]), label="Steps", elem_id="walk-steps")
                told = gr.Radio(
                    (THIS, NONE, SHUFFLED) if free else (THIS, SHUFFLED), value=THIS, label="What it is told",
                    elem_id="walk-told",
                )  # fmt: skip
        with gr.Column(scale=9, min_width=300, elem_id="walk-stage"):
            player = walk_player(model, content, "walk")
            export("walk", taken_as("walk", caption))
            with gr.Row(elem_classes="walk-dials"):
                with gr.Column(scale=4, min_width=220, visible=free):
                    dial = marked_slider(SCALE, start["guidance"], "guidance")
                new = gr.Button("Other noise", size="md", elem_id="walk-dice", scale=1, min_width=130)
            more = gr.HTML(
                dice, html_template=text("dice.html"), css_template=text("dice.css"), js_on_load=text("dice.js"),
                apply_default_css=False, elem_id="walk-more", visible=free,
            )  # fmt: skip
            use_buttons(session, result, "walk-use")

    settings = [session.shown, session.faces, kind, told, guidance, steps, other, seed]
    outputs = [player, more, result]

    def turn_dial(
        shown: Shown, faces: list[Shown], kind: str, told: str, steps: str, other: str | None, seed: int,
        event: gr.EventData,
    ) -> tuple:  # fmt: skip
        """Draw anew at the guidance that the dial was turned to."""
        amount = SCALE.checked(getattr(event, "value", None), 1)
        return amount, *run(shown, faces, kind, told, amount, steps, other, seed)

    def throw(
        shown: Shown, faces: list[Shown], kind: str, told: str, guidance: float, steps: str, other: str | None
    ) -> tuple:
        """Draw from other noise."""
        number = secrets.randbelow(SEEDS)
        return number, *run(shown, faces, kind, told, guidance, steps, other, number)

    def choose(
        shown: Shown, faces: list[Shown], kind: str, told: str, guidance: float, steps: str, other: str | None,
        seed: int, event: gr.EventData,
    ) -> tuple:  # fmt: skip
        """Watch the one of the dice that was chosen."""
        number = min(seed + dice_number(event.index), SEEDS - 1)
        return number, *run(shown, faces, kind, told, guidance, steps, other, number)

    session.shown.change(looked_at, session.shown, face, queue=False, **QUIET)
    session.faces.change(
        lambda faces: gr.Dropdown(choices=others(model, faces)), session.faces, other, queue=False, **QUIET
    )
    # one line for all of them: an answer to an earlier question never comes after a later one's
    one_at_a_time: dict[str, Any] = {
        "concurrency_limit": 1, "concurrency_id": "walks", **QUIET, "show_progress": "minimal",
    }  # fmt: skip
    gr.on(
        [session.shown.change, kind.input, told.input, steps.input, other.input], run, settings, outputs,
        show_progress_on=player, **one_at_a_time,
    )  # fmt: skip
    without = [setting for setting in settings if setting is not guidance]
    dial.input(turn_dial, without, [guidance, *outputs], show_progress_on=more, **one_at_a_time)
    new.click(throw, settings[:-1], [seed, *outputs], show_progress_on=more, **one_at_a_time)
    more.select(choose, settings, [seed, *outputs], show_progress_on=more, **one_at_a_time)
