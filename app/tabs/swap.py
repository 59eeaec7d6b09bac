"""Tab Swap: one person with another's expression, and the diffusion that takes a face apart, step by step."""

from __future__ import annotations

from dataclasses import replace

import gradio as gr

from app.components.face_notes import face_notes
from app.components.photo_pair import QUIET, PhotoPair
from app.components.pictures import LARGE, SIDE, figure, front, neutral_scene, seen, strip, uri
from app.components.player import player
from app.session import Session, Shown, whole_seed
from latentface.pictures import picture
from latentface.pipeline import LatentFacePipeline

ABOUT = """Two photos in; **A** with the expression of **B** out. A diffusion model looks at each face and imagines what
stays when the face comes to rest: that is its **identity**. What is left over is its **expression**, and expressions
can be added to anyone, weaker or stronger. The two are not split cleanly: part of B's looks comes over with the
expression, and a neutral face is the model's guess, sometimes another's."""
STRENGTH = 1.25
"""How strongly the expression is put on at first: between 1 and 1.5, both of which the checkpoint's card measures."""


def swapped_face(pipeline: LatentFacePipeline, a: Shown, b: Shown, strength: float, seed: int) -> str:
    """Draw A with B's expression, at A's view and from the front, as HTML."""
    scene = pipeline.decode(pipeline.swap(a.face.codes, b.face.codes, strength, seed))
    return strip(
        figure(seen(scene, LARGE), "A with B's expression", "Drawn at the view and light of photo A"),
        figure(front(scene, LARGE), "The same from the front"),
        large=True,
    )


def ingredients(pipeline: LatentFacePipeline, a: Shown, b: Shown, seed: int) -> str:
    """Draw what went in, as HTML: both crops and both neutral faces."""
    neutral = [front(neutral_scene(pipeline, side.face.codes, seed)) for side in (a, b)]
    return strip(
        figure(picture(a.face.crop[0], SIDE), "A"),
        figure(neutral[0], "A, neutral", "A without its expression: the identity part alone"),
        figure(picture(b.face.crop[0], SIDE), "B"),
        figure(neutral[1], "B, neutral", "B without its expression: what B's expression is measured from"),
        paired=True,
    )


def denoising(pipeline: LatentFacePipeline, a: Shown, seed: int) -> dict:
    """Draw the denoising of A's identity for the player: the estimate after every step, and captions."""
    parts = pipeline.split(a.face.codes, seed=seed)
    frames, steps = [uri(picture(a.face.crop[0], SIDE))], len(parts.shape.steps)
    for shape, texture in zip(parts.shape.steps, parts.texture.steps, strict=True):
        scene = pipeline.decode(replace(a.face.codes, shape=shape, texture=texture))
        frames.append(uri(front(scene)))
    captions = ["The photo it looks at"] + [f"Identity, estimate {i + 1} of {steps}" for i in range(steps)]
    return {"frames": frames, "captions": captions}


def strength_row() -> tuple[gr.Slider, gr.Button]:
    """Add the strength of the expression and the button that exchanges the photos."""
    with gr.Row(elem_classes="sliders"):
        strength = gr.Slider(
            0, 2, STRENGTH, step=0.05, label="Strength of the expression", elem_id="strength", buttons=[], scale=3,
            info="0: neutral, 1: as read off B, 2: twice as much", min_width=240,
        )  # fmt: skip
        return strength, gr.Button("Swap A and B", size="md", elem_id="turn", scale=1, min_width=120)


def seed_field() -> gr.Number:
    """Add the seed of the noise that identities are sampled from."""
    with gr.Accordion("Advanced", open=False):
        return gr.Number(
            0, label="Start-over noise (seed)", precision=0, elem_id="seed",
            info="Identity is sampled from noise. Another seed, another sample: how much does the face depend on it?",
        )  # fmt: skip


def build(session: Session) -> None:
    """Build the tab inside the current gr.Blocks, with a swap of two examples already in it."""
    pipeline = session.model.pipeline

    def results(a: Shown, b: Shown, strength: float, seed: float | None) -> str:
        return swapped_face(pipeline, a, b, strength, whole_seed(seed))

    def run(a: Shown, b: Shown, strength: float, seed: float | None) -> tuple[str, str, dict]:
        whole = whole_seed(seed)
        return results(a, b, strength, seed), ingredients(pipeline, a, b, whole), denoising(pipeline, a, whole)

    gr.Markdown(ABOUT, elem_classes="about")
    with gr.Row():
        pair = PhotoPair(session, ("A: the identity", "B: the expression"))
        result, made_of, steps = run(pair.first[0], pair.first[1], STRENGTH, 0)
        with gr.Column(scale=7, min_width=300):
            face_notes(*pair.states, elem_id="swap-notes")
            swapped = gr.HTML(result, elem_id="swapped")
            strength, turn = strength_row()
    with gr.Row():
        with gr.Column(scale=6, min_width=300):
            parts = gr.HTML(made_of, elem_id="ingredients")
            seed = seed_field()
        with gr.Column(scale=7, min_width=300):
            film = player(steps, "player")
    inputs, outputs = [*pair.states, strength, seed], [swapped, parts, film]
    pair.connect(run, [strength, seed], outputs, turn)
    strength.input(results, inputs, swapped, show_progress="hidden", queue=False, **QUIET)
    seed.change(run, inputs, outputs, show_progress="hidden", concurrency_limit=1, **QUIET)
