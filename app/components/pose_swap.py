"""Swap of poses: one person's face at another person's pose, by PCL, the second method of this project."""

from __future__ import annotations

import gradio as gr

from app.components.face_notes import face_notes
from app.components.photo_pair import PhotoPair
from app.components.pictures import SIDE, figure, pose_pictures, strip
from app.session import Session, Shown
from latentface.pcl import PCL

ABOUT = """Two photos in; the face of **A** at the pose of **B** out. This is another model, PCL: it knows no 3D. It has
learned from single photos and their mirror images only to keep *who is seen* apart from *how they are turned*, and a
decoder that puts any face to any pose. Its pictures are small (64 pixels), soft and **not good yet**;
hair and skin often come over from B along with the pose."""


def results(pcl: PCL, a: Shown, b: Shown) -> tuple[str, str]:
    """Draw A at B's pose, and what went in, both as HTML."""
    shown = pose_pictures(pcl, a.face.level, b.face.level, SIDE)
    rebuilt = "A from its own face and its own pose: the best this decoder can do"
    return (
        strip(
            figure(shown["swap"], "A at B's pose"),
            figure(shown["mirrored_pose"], "A at its mirrored pose", "A, turned as its own mirror image is"),
            paired=True,
        ),
        strip(
            figure(shown["face"], "A"),
            figure(shown["face_rebuilt"], "A, rebuilt", rebuilt),
            figure(shown["pose"], "B"),
            figure(shown["pose_rebuilt"], "B, rebuilt"),
            paired=True,
        ),
    )


def pose_swap(session: Session, pcl: PCL) -> None:
    """Add two photos and their swap of poses, opened with two examples.

    Args:
        session: The page's session.
        pcl: The model.
    """

    def run(a: Shown, b: Shown) -> tuple[str, str]:
        """Draw A at the pose of B, and what it is made of."""
        return results(pcl, a, b)

    gr.Markdown(ABOUT, elem_classes="about")
    with gr.Row():
        pair = PhotoPair(session, ("A: the face", "B: the pose"), "pose-")
        result, made_of = run(*pair.first)
        with gr.Column(scale=7, min_width=300):
            face_notes(*pair.states, elem_id="pose-notes")
            swapped = gr.HTML(result, elem_id="pose-swapped")
            parts = gr.HTML(made_of, elem_id="pose-ingredients")
            turn = gr.Button("Swap A and B", size="md", elem_id="pose-turn")
    pair.connect(run, [], [swapped, parts], turn)
