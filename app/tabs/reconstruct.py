"""Tab Reconstruct: one photo, taken apart into shape, colour, view and light, and put together again as you like."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.events import Dependency

from app.components.detector_choice import detector_choice
from app.components.example_faces import example_faces
from app.components.face_viewer import face_viewer
from app.components.files import text
from app.components.photo_input import OF_PHOTO, PhotoInput, notice, photo_input, tell_stale
from app.components.pictures import LARGE, anatomy, figure, mesh_file, seen, strip
from app.session import Model, Session, Shown
from latentface.codes import Codes
from latentface.pipeline import Face

ABOUT = """One photo in, a 3D face out. Nobody ever showed this model a 3D scan: from plain pictures alone it learned
to explain each one by a **shape** (its relief, and where its features lie), a **colour**, a **view** and a **light**.
Move the last two yourself."""
CONTROLS = (
    ("yaw", "Yaw: left, right (°)", -60, 60, 0.5),
    ("pitch", "Pitch: down, up (°)", -60, 60, 0.5),
    ("roll", "Roll: tilt (°)", -60, 60, 0.5),
    ("ambient", "Ambient light", 0, 1, 0.01),
    ("diffuse", "Diffuse light", 0, 1, 0.01),
    ("light-x", "Light from: right, left", -1, 1, 0.01),
    ("light-y", "Light from: below, above", -1, 1, 0.01),
)
"""Element id, label, least, most and step of the sliders: three angles of the view, then the light."""
STRAIGHT = 0.1
"""Light that comes from less far aside than this counts as straight."""
QUIET: dict[str, Any] = {"api_visibility": "private"}


def slider_values(codes: Codes) -> list[float]:
    """List the sliders' values for a face's own view and light: yaw, pitch, roll, ambient, diffuse, x, y."""
    return [round(v, 1) for v in codes.view[0, :3].tolist()] + [round(v, 2) for v in codes.light[0].tolist()]


def draw(shown: Shown, *values: float | None) -> str | dict:
    """Draw the face at the sliders' view and light, as HTML; nothing new while a number is being typed (None)."""
    numbers = [value for value in values if value is not None]
    if len(numbers) < len(values):
        return gr.skip()
    image = seen(shown.scene.turned(numbers[:3], numbers[3:]), LARGE)
    return strip(figure(image, "Turned and lit as the sliders say"), large=True)


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
        "Faces": "1 found" if count == 1 else f"{count} found, choose below the photo",
        "Pose": f"yaw {yaw:+.0f}°, pitch {pitch:+.0f}°, roll {roll:+.0f}°",
        "Light": f"from {origin}, ambient {ambient:.2f}, diffuse {diffuse:.2f}",
    }
    return "<dl>" + "".join(f"<div><dt>{k}</dt><dd>{v}</dd></div>" for k, v in parts.items()) + "</dl>"


def pictures(model: Model, shown: Shown) -> str:
    """Draw the strip of all that the model makes of a face, as HTML."""
    drawn = anatomy(model.pipeline, shown.face.crop, shown.face.codes, shown.scene)
    return strip(*(figure(*one) for one in drawn.values()))


@dataclass
class Inputs:
    """The column in which a visitor chooses a face."""

    photo: PhotoInput
    stale: gr.HTML
    which: gr.Radio
    facts: gr.HTML
    detector: gr.Radio


@dataclass
class Results:
    """The columns that show the face."""

    parts: gr.HTML
    live: gr.HTML
    sliders: list[gr.Slider]
    reset: gr.Button
    viewer: gr.Model3D
    download: gr.DownloadButton


def input_column(session: Session) -> Inputs:
    """Add the photo, the choice among several faces, the examples and the read-out."""
    model, first = session.model, session.shown.value
    with gr.Column(scale=3, min_width=280):
        photo = photo_input(model, "Your photo", str(model.gallery.picture(model.examples[0])), "photo")
        stale = notice("notice")
        which = gr.Radio([], label="Several faces: which one?", type="index", visible=False, elem_id="which")
        example_faces(model, photo, "examples")
        facts = gr.HTML(
            readout(first.face), css_template=text("facts.css"), apply_default_css=False, elem_id="facts",
            elem_classes=OF_PHOTO,
        )  # fmt: skip
        detector = detector_choice(model.detector)
    return Inputs(photo, stale, which, facts, detector)


def slider_group(values: Sequence[float]) -> list[gr.Slider]:
    """Add the sliders of view and light."""
    with gr.Group(elem_classes="sliders"):
        return [
            gr.Slider(low, high, value, step=step, label=label, buttons=[], elem_id=name)
            for (name, label, low, high, step), value in zip(CONTROLS, values, strict=True)
        ]


def result_columns(session: Session) -> Results:
    """Add the strip of pictures, the face that follows the sliders, and the face in 3D."""
    first: Shown = session.shown.value
    values = slider_values(first.face.codes)
    with gr.Column(scale=9, min_width=300):
        parts = gr.HTML(pictures(session.model, first), elem_id="parts", elem_classes=OF_PHOTO)
        with gr.Row():
            with gr.Column(scale=4, min_width=280):
                live = gr.HTML(draw(first, *values), elem_id="live", elem_classes=OF_PHOTO)
            with gr.Column(scale=3, min_width=240):
                sliders = slider_group(values)
                reset = gr.Button("Back to the photo's own", size="sm", elem_id="reset")
            with gr.Column(scale=4, min_width=280, elem_classes=OF_PHOTO):
                viewer = face_viewer(mesh_file(first.scene), "In 3D: drag to turn", 332, "viewer")
                front = mesh_file(first.scene, yaw=0)
                download = gr.DownloadButton("Download the 3D face (GLB)", front, size="sm", elem_id="download")
    return Results(parts, live, sliders, reset, viewer, download)


def connect_photo(session: Session, inputs: Inputs, results: Results) -> None:
    """Connect a new photo, and the choice of another of its faces, to everything that shows the face."""
    model = session.model
    outputs = [
        session.shown, results.parts, results.live, results.viewer, results.download, inputs.which, inputs.facts,
        *results.sliders,
    ]  # fmt: skip

    def show(photo: str | None, detector: str, face: int | None = 0) -> tuple:
        """Everything on the tab for a photo; with no photo, what is there stays."""
        if photo is None:
            return (gr.skip(),) * len(outputs)
        chosen = face or 0
        found = model.read(photo, chosen, detector)
        new = model.show(found, "Photo", photo)
        count, values = found.count, slider_values(found.codes)
        names = [f"{i + 1}" + (" (largest)" if i == 0 else "") for i in range(count)]
        choice = gr.Radio(names, value=names[chosen], visible=count > 1)
        turned, front = mesh_file(new.scene), mesh_file(new.scene, yaw=0)
        return new, pictures(model, new), draw(new, *values), turned, front, choice, readout(found), *values

    progress = [results.parts, results.live]
    changed = inputs.photo.change(show, [inputs.photo, session.detector], outputs, show_progress_on=progress, **QUIET)
    tell_stale(changed, inputs.stale)
    others = [inputs.photo, session.detector, inputs.which]
    inputs.which.input(show, others, outputs, show_progress_on=progress, **QUIET)
    tried = inputs.detector.input(show, [inputs.photo, inputs.detector], outputs, show_progress_on=progress, **QUIET)
    keep_choice(session, inputs.detector, tried)


def keep_choice(session: Session, choice: gr.Radio, tried: Dependency) -> None:
    """Keep a detector that worked for all tabs; after a failure, return to the one before."""
    quiet: dict[str, Any] = {"show_progress": "hidden", "queue": False, **QUIET}
    tried.success(lambda chosen: chosen, choice, session.detector, **quiet)
    tried.failure(lambda before: before, session.detector, choice, **quiet)


def connect_sliders(session: Session, results: Results) -> None:
    """Connect the sliders, and the button that sets them to the photo's own values."""
    gr.on(
        [slider.input for slider in results.sliders], draw, [session.shown, *results.sliders], results.live,
        show_progress="hidden", trigger_mode="always_last", queue=False, **QUIET,  # 20 ms: a queue would cost more
    )  # fmt: skip

    def back(shown: Shown) -> tuple:
        values = slider_values(shown.face.codes)
        return draw(shown, *values), *values

    results.reset.click(
        back, session.shown, [results.live, *results.sliders], show_progress="hidden", queue=False, **QUIET
    )


def build(session: Session) -> None:
    """Build the tab inside the current gr.Blocks, with the first example's result already in it."""
    gr.Markdown(ABOUT, elem_classes="about")
    with gr.Row():
        inputs = input_column(session)
        results = result_columns(session)
    connect_photo(session, inputs, results)
    connect_sliders(session, results)
