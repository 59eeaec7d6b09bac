"""Tab Pose: one person's face at another person's pose, by PCL, the second method of this project."""

from __future__ import annotations

import gradio as gr
import numpy as np
import torch

from app.components.photo_input import both, tell_stale, two_photos
from app.components.pictures import LARGE, SIDE, figure, strip
from app.session import Model, plain_error
from latentface.pipeline import Face
from latentface.pictures import picture

ABOUT = """Two photos in; the face of **A** at the pose of **B** out. This is another model, PCL: it knows no 3D. It has
learned from single photos and their mirror images only to keep *who is seen* apart from *how they are turned*, and a
decoder that puts any face to any pose. Its pictures are small (64 pixels) and soft, and
hair and skin often come over from B along with the pose."""
NONE = """No PCL checkpoint is bundled: train one with `python -m train pcl --data SHARDS --out RUN` and add it with
`python -m train ship --pcl RUN --name pcl`."""


@torch.no_grad()
def look(model: Model, a: Face, b: Face, size: int = SIDE) -> dict[str, np.ndarray]:
    """Name -> picture (uint8 size x size x 3): swap, crops, rebuilt faces and A's mirrored pose.

    Raises gr.Error where no PCL checkpoint is bundled.
    """
    if model.pcl is None:
        raise plain_error(
            "no PCL checkpoint is bundled; `python -m train ship --pcl RUN --name pcl` adds one", "No model"
        )
    swap = model.pcl.swap
    shown = {
        "swap": swap(a.crop, b.crop),
        "face": a.crop,
        "pose": b.crop,
        "face_rebuilt": swap(a.crop, a.crop),
        "pose_rebuilt": swap(b.crop, b.crop),
        "mirrored_pose": swap(a.crop, a.crop.flip(-1)),
    }
    return {name: picture(image[0], size) for name, image in shown.items()}


def build(model: Model) -> None:
    """Builds the tab inside the current gr.Blocks, with a swap of two examples in it; one line where there is no
    model.
    """
    if model.pcl is None:
        gr.Markdown(NONE, elem_id="no-pcl", elem_classes="about")
        return

    def read(photo: str | None) -> Face:
        return gr.skip() if photo is None else model.read_largest(photo)

    def run(a: Face, b: Face) -> tuple[str, str]:
        shown = look(model, a, b, LARGE)
        return (
            strip(
                figure(shown["swap"], "A at B's pose"),
                figure(shown["mirrored_pose"], "A at its mirrored pose", "A, turned as its own mirror image is"),
                large=True,
            ),
            strip(
                figure(shown["face"], "A"),
                figure(
                    shown["face_rebuilt"],
                    "A, rebuilt",
                    "A from its own face and its own pose: the best this decoder can do",
                ),
                figure(shown["pose"], "B"),
                figure(shown["pose_rebuilt"], "B, rebuilt"),
            ),
        )

    paths = [str(model.gallery.picture(row)) for row in model.examples[:2]]
    first = [model.read(path) for path in paths]
    result, made_of = run(*first)
    gr.Markdown(ABOUT, elem_classes="about")
    with gr.Row():
        photos, notices = two_photos(model, ("A: the face", "B: the pose"), paths, "pose-")
        with gr.Column(scale=7, min_width=300):
            swapped = gr.HTML(result, elem_id="pose-swapped")
            parts = gr.HTML(made_of, elem_id="pose-ingredients")
            turn = gr.Button("Swap A and B", size="md", elem_id="pose-turn")
    state_a, state_b = (gr.State(face) for face in first)
    quiet = {"api_visibility": "private", "trigger_mode": "always_last"}
    for photo, state, place in zip(photos, (state_a, state_b), notices):
        taken = photo.change(read, photo, state, show_progress_on=[swapped], **quiet)
        taken.success(
            run,
            [state_a, state_b],
            [swapped, parts],
            show_progress="hidden",
            concurrency_limit=1,
            **quiet,  # as in the Swap tab
        )
        tell_stale(taken, place)
    turn.click(both, photos, photos, show_progress="hidden", **quiet)
