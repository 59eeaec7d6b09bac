"""Tab Swap: one person with another's expression, and the diffusion that takes a face apart, step by step."""

from __future__ import annotations

from dataclasses import dataclass, replace

import gradio as gr
import numpy as np

from app.components.files import text
from app.components.photo_input import both, tell_stale, two_photos
from app.components.pictures import LARGE, SIDE, figure, front, neutral_scene, seen, strip, uri
from app.session import Model, whole_seed
from latentface.autoencoder import Codes
from latentface.pictures import picture

ABOUT = """Two photos in; **A** with the expression of **B** out. A diffusion model looks at each face and imagines what
stays when the face comes to rest: that is its **identity**. What is left over is its **expression**, and expressions
can be added to anyone, weaker or stronger. The two are not split cleanly: part of B's looks comes over with the expression,
and a neutral face is the model's guess, sometimes another's."""

STRENGTH = 1.25
"""How strongly the expression is put on at first: between 1 and 1.5, both of which the checkpoint's card measures."""


@dataclass
class Seen:
    """One side of the swap, kept in the visitor's own gr.State."""

    codes: Codes
    crop: np.ndarray
    """uint8 SIDE x SIDE x 3."""


def player(model: Model, a: Seen, seed: int = 0) -> dict:
    """The denoising of A's identity for the player: pictures of the estimate after every step, and their captions."""
    parts = model.pipeline.split(a.codes, seed=seed)
    frames, steps = [uri(a.crop)], len(parts.shape.steps)
    for shape, texture in zip(parts.shape.steps, parts.texture.steps):
        scene = model.pipeline.decode(replace(a.codes, shape=shape, texture=texture))
        frames.append(uri(front(scene)))
    captions = ["The photo it looks at"] + [f"Identity, estimate {i + 1} of {steps}" for i in range(steps)]
    return {"frames": frames, "captions": captions}


def build(model: Model) -> None:
    """Builds the tab inside the current gr.Blocks, with a swap of two examples already in it."""
    pipeline = model.pipeline

    def look(photo: str) -> Seen:
        found = model.read_largest(photo)
        return Seen(found.codes, picture(found.crop[0], SIDE))

    def results(a: Seen, b: Seen, strength: float, seed: float) -> str:
        """A with B's expression, at A's view and from the front."""
        scene = pipeline.decode(pipeline.swap(a.codes, b.codes, strength, whole_seed(seed)))
        return strip(
            figure(seen(scene, LARGE), "A with B's expression", "Drawn at the view and light of photo A"),
            figure(front(scene, LARGE), "The same from the front"),
            large=True,
        )

    def ingredients(a: Seen, b: Seen, seed: float) -> str:
        """What went in: both crops and both neutral faces."""
        neutral = [front(neutral_scene(pipeline, side.codes, whole_seed(seed))) for side in (a, b)]
        return strip(
            figure(a.crop, "A"),
            figure(neutral[0], "A, neutral", "A without its expression: the identity part alone"),
            figure(b.crop, "B"),
            figure(neutral[1], "B, neutral", "B without its expression: what B's expression is measured from"),
        )

    def run(a: Seen, b: Seen, strength: float, seed: float) -> tuple[str, str, dict]:
        return results(a, b, strength, seed), ingredients(a, b, seed), player(model, a, whole_seed(seed))

    # both face the camera and B smiles widely: what a swap carries is seen at once
    paths = [str(model.gallery.picture(model.examples[i % len(model.examples)])) for i in (6, 7)]
    first = [look(path) for path in paths]
    result, made_of, steps = run(*first, STRENGTH, 0)
    gr.Markdown(ABOUT, elem_classes="about")
    with gr.Row():
        photos, notices = two_photos(model, ("A: the identity", "B: the expression"), paths)
        with gr.Column(scale=7, min_width=300):
            swapped = gr.HTML(result, elem_id="swapped")
            with gr.Row(elem_classes="sliders"):
                strength = gr.Slider(
                    0, 2, STRENGTH, step=0.05, label="Strength of the expression", elem_id="strength", buttons=[], scale=3,
                    info="0: neutral, 1: as read off B, 2: twice as much", min_width=240,
                )  # fmt: skip
                turn = gr.Button("Swap A and B", size="md", elem_id="turn", scale=1, min_width=120)
    with gr.Row():
        with gr.Column(scale=6, min_width=300):
            parts = gr.HTML(made_of, elem_id="ingredients")
            with gr.Accordion("Advanced", open=False):
                seed = gr.Number(
                    0, label="Start-over noise (seed)", precision=0, elem_id="seed",
                    info="Identity is sampled from noise. Another seed, another sample: how much does the face depend on it?",
                )  # fmt: skip
        with gr.Column(scale=7, min_width=300):
            film = gr.HTML(
                steps, html_template=text("player.html"), css_template=text("player.css"), js_on_load=text("player.js"),
                apply_default_css=False, elem_id="player",
            )  # fmt: skip
    state_a, state_b = (gr.State(side) for side in first)
    inputs, outputs = [state_a, state_b, strength, seed], [swapped, parts, film]
    quiet = {"api_visibility": "private", "trigger_mode": "always_last"}

    def take(photo: str | None) -> Seen:
        return gr.skip() if photo is None else look(photo)

    quiet_run = {
        **quiet,
        "concurrency_limit": 1,
    }  # one after the other: of two photos that change at once, the last run sees both
    for photo, state, place in zip(photos, (state_a, state_b), notices):
        taken = photo.change(take, photo, state, show_progress_on=[swapped], **quiet)
        taken.success(run, inputs, outputs, show_progress="hidden", **quiet_run)
        tell_stale(taken, place)
    strength.input(results, inputs, swapped, show_progress="hidden", queue=False, **quiet)
    seed.change(run, inputs, outputs, show_progress="hidden", **quiet_run)
    turn.click(both, photos, photos, show_progress="hidden", **quiet)
