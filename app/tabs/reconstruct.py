"""Tab Reconstruct: one photo, taken apart into shape, colour, view and light, and put together again as you like."""

from __future__ import annotations

from dataclasses import dataclass, replace

import gradio as gr

from app.components.photo_input import example_faces, notice, photo_input, tell_stale
from app.components.pictures import LARGE, anatomy, figure, mesh_file, seen, strip
from app.session import Model
from latentface.autoencoder import Codes, Scene
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


UNUSUAL = 2
"""Maps, of four, on which a face that is far from all others is called unusual: 6 of 34 real photos are, all of them upside down."""


@dataclass
class Shown:
    """A visitor's current face: kept in their own gr.State, so that the sliders only have to draw."""

    codes: Codes
    scene: Scene


@dataclass
class Tab:
    """What the other tabs need of this one."""

    shown: gr.State
    done: list[gr.events.Dependency]
    """Fire when a new face is shown."""


def controls(codes: Codes) -> list[float]:
    """The sliders' values for a face's own view and light: yaw, pitch, roll, ambient, diffuse, x, y."""
    return [round(v, 1) for v in codes.view[0, :3].tolist()] + [round(v, 2) for v in codes.light[0].tolist()]


def draw(shown: Shown, *values: float | None) -> str:
    """The face at the sliders' view and light, as HTML; nothing new while a number is being typed (None)."""
    if None in values:
        return gr.skip()
    view, light = shown.scene.view.clone(), shown.scene.light.new_tensor([values[3:]])
    view[0, :3] = view.new_tensor(values[:3])
    image = seen(replace(shown.scene, view=view, light=light), LARGE)
    return strip(figure(image, "Turned and lit as the sliders say"), large=True)


def readout(model: Model, face: Face) -> str:
    """Pose and light in words, as HTML, and a word of warning where the face is like none on most maps of the gallery."""
    yaw, pitch, roll = face.codes.view[0, :3].tolist()
    ambient, diffuse, x, y = face.codes.light[0].tolist()
    count = face.alignment.count
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
    if model.mapped and sum(place.far for place in model.place(face.codes).values()) >= UNUSUAL:
        parts["Unusual"] = "unlike the faces known here (upside down, hidden, a drawing?): don't trust the result"
    return '<dl class="facts">' + "".join(f"<div><dt>{k}</dt><dd>{v}</dd></div>" for k, v in parts.items()) + "</dl>"


def build(model: Model) -> Tab:
    """Builds the tab inside the current gr.Blocks, with the first example's result already in it."""
    pipeline = model.pipeline

    def look(photo: str, face: int) -> tuple[Face, Shown, str]:
        """A photo's face, its state, and the strip of pictures."""
        found = model.read(photo, face)
        scene = pipeline.decode(found.codes)
        pictures = anatomy(pipeline, found.crop, found.codes, scene)
        return found, Shown(found.codes, scene), strip(*(figure(*shown) for shown in pictures.values()))

    start = str(model.gallery.picture(model.examples[0]))
    found, first, pictures = look(start, 0)
    gr.Markdown(ABOUT, elem_classes="about")
    with gr.Row():
        with gr.Column(scale=3, min_width=280):
            photo = photo_input(model, "Your photo", start, "photo")
            stale = notice("notice")
            which = gr.Radio([], label="Several faces: which one?", type="index", visible=False, elem_id="which")
            example_faces(model, photo, "examples")
            facts = gr.HTML(readout(model, found), elem_id="facts")
        with gr.Column(scale=9, min_width=300):
            parts = gr.HTML(pictures, elem_id="parts")
            values = controls(first.codes)
            with gr.Row():
                with gr.Column(scale=4, min_width=280):
                    live = gr.HTML(draw(first, *values), elem_id="live")
                with gr.Column(scale=3, min_width=240):
                    with gr.Group(elem_classes="sliders"):
                        sliders = [
                            gr.Slider(low, high, value, step=step, label=label, buttons=[], elem_id=name)
                            for (name, label, low, high, step), value in zip(CONTROLS, values)
                        ]
                    reset = gr.Button("Back to the photo's own", size="sm", elem_id="reset")
                with gr.Column(scale=4, min_width=280):
                    viewer = gr.Model3D(
                        mesh_file(first.scene), label="In 3D: drag to turn", height=332, clear_color=(0, 0, 0, 0),
                        interactive=False, elem_id="viewer",
                    )  # fmt: skip
                    download = gr.DownloadButton(
                        "Download the 3D face (GLB)", mesh_file(first.scene, yaw=0), size="sm", elem_id="download"
                    )
    shown = gr.State(first)

    def show(photo: str | None, face: int | None) -> tuple:
        """Everything on the tab for a photo; with no photo, what is there stays."""
        if photo is None:
            return (gr.skip(),) * 14
        found, new, pictures = look(photo, face or 0)
        count, values = found.alignment.count, controls(found.codes)
        names = [f"{i + 1}" + (" (largest)" if i == 0 else "") for i in range(count)]
        choice = gr.Radio(names, value=names[face or 0], visible=count > 1)
        turned, front = mesh_file(new.scene), mesh_file(new.scene, yaw=0)
        return new, pictures, draw(new, *values), turned, front, choice, readout(model, found), *values

    everything = [shown, parts, live, viewer, download, which, facts, *sliders]
    done = photo.change(
        lambda photo: show(photo, 0), photo, everything, api_visibility="private", show_progress_on=[parts, live]
    )
    tell_stale(done, stale)
    chosen = which.input(show, [photo, which], everything, api_visibility="private", show_progress_on=[parts, live])
    gr.on(
        [slider.input for slider in sliders], draw, [shown, *sliders], live, api_visibility="private",
        show_progress="hidden", trigger_mode="always_last", queue=False,  # 20 ms of work: a queue would cost more
    )  # fmt: skip

    def back(shown: Shown) -> tuple:
        values = controls(shown.codes)
        return draw(shown, *values), *values

    reset.click(back, shown, [live, *sliders], api_visibility="private", show_progress="hidden", queue=False)
    return Tab(shown, [done, chosen])
