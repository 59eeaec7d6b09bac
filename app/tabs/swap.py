"""Tab Swap: one person with another's expression, in one line, with its numbers; and a grid of many."""

from __future__ import annotations

from typing import Any

import gradio as gr

from app.components.downloads import downloads
from app.components.export import export, origin_of_run, taken_as
from app.components.face_chips import use_buttons
from app.components.face_notes import face_notes
from app.components.marked_slider import Scale, marked_slider
from app.components.photo_box import photo_box
from app.components.pictures import LARGE, figure, front, neutral_scene, seen, strip
from app.components.swap_grid import swap_grid
from app.components.swap_numbers import STYLE, numbers_figure, numbers_html
from app.components.whose_parts import whose_of, whose_switches
from app.session import Model, Session, Shown, whole_seed
from latentface.expression_sliders import ExpressionSliders, load_sliders
from latentface.options import SWAPPED
from latentface.pipeline import USUAL, Whose
from latentface.swap_numbers import swap_numbers

ABOUT = """Two photos in; **A** with the expression of **B** out. A diffusion model looks at each face and imagines what
stays when the face comes to rest: that is its **identity**. What is left over is its **expression**, and expressions
can be added to anyone, weaker or stronger. The two are not split cleanly: part of B's looks comes over with the
expression, and a neutral face is the model's guess, sometimes another's."""
STRENGTH = 1.25
"""How strongly the expression is put on at first: between 1 and 1.5, both of which the checkpoint's card measures."""
SCALE = Scale(
    "Strength of the expression", *SWAPPED, 0.05, ((-1, "reversed"), (0, "at rest"), (1, "as in B"), (1.5, "strong"))
)
QUIET: dict[str, Any] = {"api_visibility": "private", "trigger_mode": "always_last"}


def swapped(model: Model, a: Shown, b: Shown, strength: float, seed: int, whose: Whose = USUAL) -> Shown:
    """Make A with B's expression."""
    codes = model.pipeline.swap(a.face.codes, b.face.codes, strength, seed, whose)
    first, second = ("a swap" if side.name.startswith("Swap of") else side.name for side in (a, b))
    return model.make(codes, f"Swap of {first} and {second}")


def result_html(result: Shown, whose: Whose = USUAL) -> str:
    """Draw the swap at A's view and light, as HTML."""
    caption = "A with B's expression" if whose == USUAL else "A and B, mixed as below"
    detail = f"{result.name}, drawn at the view and light of photo A"
    return strip(figure(seen(result.scene, LARGE), caption, detail), large=True)


def rebuilt_html(a: Shown) -> str:
    """Draw A as the model rebuilds it, unswapped, as HTML."""
    detail = f"{a.name} as the model rebuilds it, unchanged: what differs from the photo here is not the swap's doing"
    return strip(figure(seen(a.scene, LARGE), "A, rebuilt", detail), large=True)


def ingredients(model: Model, a: Shown, b: Shown, result: Shown, seed: int) -> str:
    """Draw the swap from the front and both neutral faces, as HTML."""
    neutral = [front(neutral_scene(model.pipeline, side.face.codes, seed)) for side in (a, b)]
    return strip(
        figure(front(result.scene), "The swap, from the front"),
        figure(neutral[0], "A, neutral", "A without its expression: the identity part alone"),
        figure(neutral[1], "B, neutral", "B without its expression: what B's expression is measured from"),
    )


def seed_field() -> gr.Number:
    """Add the seed of the noise that identities are sampled from."""
    with gr.Accordion("Advanced", open=False):
        return gr.Number(
            0, label="Start-over noise (seed)", precision=0, elem_id="seed",
            info="Identity is sampled from noise. Another seed, another sample: how much does the face depend on it?",
        )  # fmt: skip


def build(session: Session) -> None:
    """Build the tab inside the current gr.Blocks, with a swap of two examples already in it."""
    model, pipeline = session.model, session.model.pipeline
    sliders: ExpressionSliders | None = load_sliders(model.checkpoint, 2 * pipeline.autoencoder.config["code"])
    a, b = session.a.value, session.b.value
    first = swapped(model, a, b, STRENGTH, 0)

    def change(a: Shown, b: Shown, strength: float, seed: float | None, *whose: str | None) -> tuple[Shown, str]:
        """Draw the swap."""
        chosen = whose_of(*whose)
        new = swapped(model, a, b, strength, whole_seed(seed), chosen)
        return new, result_html(new, chosen)

    def slide(
        a: Shown, b: Shown, seed: float | None, s1: str | None, s2: str | None, s3: str | None, s4: str | None,
        event: gr.EventData,
    ) -> tuple[float, Shown, str]:  # fmt: skip
        """Draw the swap at the strength that the slider moved to."""
        amount = SCALE.checked(getattr(event, "value", None), 1)
        return amount, *change(a, b, amount, seed, s1, s2, s3, s4)

    def tell(a: Shown, b: Shown, result: Shown, seed: float | None) -> tuple[str, str, dict]:
        """Measure the swap, draw what it is made of, and give the numbers to take along."""
        number = whole_seed(seed)
        found = swap_numbers(pipeline, a.face.codes, b.face.codes, result.face.codes, sliders, number)
        caption = origin_of_run(model.checkpoint, model.folder, "rdm", f"{result.name}, seed {number}")
        taken = taken_as("swap", caption, numbers_figure(found))
        return numbers_html(found), ingredients(model, a, b, result, number), taken

    gr.Markdown(ABOUT, elem_classes="about")
    with gr.Row(elem_classes="swap-line"):
        with gr.Column(scale=5, min_width=230, elem_classes="side-a"):
            photo_box(session, session.a, "A: the identity", "photo-a")
        with gr.Column(scale=0, min_width=76, elem_classes="between"):
            turn = gr.Button("A ⇄ B", size="md", elem_id="turn", min_width=72)
        with gr.Column(scale=5, min_width=230, elem_classes="side-b"):
            photo_box(session, session.b, "B: the expression", "photo-b")
        with gr.Column(scale=12, min_width=300, elem_id="swap-stage"):
            face_notes(session.a, session.b, elem_id="swap-notes")
            with gr.Row(elem_classes="results"):
                rebuilt = gr.HTML(rebuilt_html(a), elem_id="rebuilt", min_width=120)
                picture = gr.HTML(result_html(first), elem_id="swapped", min_width=120)
            slider = marked_slider(SCALE, STRENGTH, "strength")
            session.links["strength"] = "#strength .range"
    strength, result = gr.State(STRENGTH), gr.State(first)
    with gr.Row():
        with gr.Column(scale=6, min_width=300):
            use_buttons(session, result, "swap-use")
            downloads(model, result, gr.State(None), "swap-take")
            measured, made_of, taken = tell(a, b, first, 0)
            numbers = gr.HTML(measured, css_template=STYLE, apply_default_css=False, elem_id="swap-numbers")
            files = export("swap-numbers", taken)
        with gr.Column(scale=7, min_width=300):
            parts = gr.HTML(made_of, elem_id="ingredients")
            switches = whose_switches()
            seed = seed_field()
    swap_grid(session, strength, seed)

    sides = [session.a, session.b]
    inputs, outputs = [*sides, strength, seed, *switches], [result, picture]
    quietly: dict[str, Any] = {"show_progress": "hidden", **QUIET}
    session.a.change(rebuilt_html, session.a, rebuilt, queue=False, **quietly)
    drawn = (
        gr.on(  # one after the other: of two sides that change at once, the last run sees both
            [side.change for side in sides], change, inputs, outputs, show_progress_on=picture, concurrency_limit=1,
            **QUIET,
        ),
        slider.input(slide, [*sides, seed, *switches], [strength, *outputs], queue=False, **quietly),
        gr.on([seed.change, *(switch.input for switch in switches)], change, inputs, outputs, queue=False, **quietly),
    )  # fmt: skip
    for event in drawn:
        event.success(
            tell,
            [*sides, result, seed],
            [numbers, parts, files],
            concurrency_limit=1,
            **{**QUIET, "show_progress": "minimal"},
        )
    turn.click(lambda a, b: (b, a), sides, sides, **quietly)  # with the queue, or nobody learns of the change
