"""What a visitor can take along of a face, as files that are made when they are asked for."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import fields
from functools import partial
from typing import Any

import gradio as gr
from safetensors.torch import save

from app.components.stage import Look, own_look
from app.session import Model, Shown
from app.whole_files import write_whole
from latentface.clips import light_sweep, turntable
from latentface.codes import Scene
from latentface.mesh import glb
from latentface.sheet import layers, sheet

QUIET: dict[str, Any] = {"api_visibility": "private"}
Make = Callable[[Model, Shown, Look, Scene], bytes]


def codes_file(model: Model, shown: Shown, look: Look, scene: Scene) -> bytes:
    """Write the codes as safetensors: shape, texture, view, light."""
    codes = shown.face.codes
    named = {field.name: getattr(codes, field.name).detach().cpu().contiguous() for field in fields(codes)}
    return save(named, {"checkpoint": model.name, "name": shown.name})


def layers_file(model: Model, shown: Shown, look: Look, scene: Scene) -> bytes:
    """Draw all layers on one sheet, PNG."""
    return sheet(layers(model.pipeline, shown.face.crop, shown.face.codes, scene))


def settings_file(model: Model, shown: Shown, look: Look, scene: Scene) -> bytes:
    """Write view and light as JSON."""
    yaw, pitch, roll = look.angles
    ambient, diffuse, x, y = look.light
    settings = {
        "face": shown.name,
        "checkpoint": model.name,
        "view": {"yaw": yaw, "pitch": pitch, "roll": roll, "unit": "degrees; + is right, up, clockwise"},
        "light": {
            "ambient": ambient,
            "diffuse": diffuse,
            "x": x,
            "y": y,
            "direction": "where it travels to: + is right, down",
        },
    }
    return json.dumps(settings, indent=2).encode()


FILES: dict[str, tuple[str, Make]] = {
    "Turntable (WebP)": ("turntable.webp", lambda model, shown, look, scene: turntable(scene)),
    "Light sweep (WebP)": ("light.webp", lambda model, shown, look, scene: light_sweep(scene)),
    "3D, lit as here (GLB)": ("lit.glb", lambda model, shown, look, scene: glb(scene)),
    "3D, to light anew (GLB)": ("colours.glb", lambda model, shown, look, scene: glb(scene, relightable=True)),
    "All layers (PNG)": ("layers.png", layers_file),
    "Codes (safetensors)": ("codes.safetensors", codes_file),
    "View and light (JSON)": ("settings.json", settings_file),
}
"""What its button says -> end of the file's name, and what makes it."""


def downloads(model: Model, source: gr.State, look: gr.State, elem_id: str) -> None:
    """Add a button a file; a click makes the file and hands it over.

    Args:
        model: The checkpoint.
        source: A state that holds the face, a Shown.
        look: A state that holds how it is turned and lit, a Look; None in it stands for its own view and light.
        elem_id: Begins the ids of the buttons, which end in the file's kind, such as -turntable.
    """
    with gr.Accordion("Take it with you", open=False, elem_id=elem_id), gr.Row(elem_classes="take"):
        buttons = [
            gr.Button(label, size="sm", min_width=150, elem_id=f"{elem_id}-{name.split('.')[0]}")
            for label, (name, _) in FILES.items()
        ]
        made = gr.DownloadButton("File", visible="hidden", elem_id=f"{elem_id}-made")
    hand_over = f"() => document.querySelector('#{elem_id}-made').click()"
    for button, (name, make) in zip(buttons, FILES.values(), strict=True):
        done = button.click(
            partial(file_of, model, name, make), [source, look], made, show_progress_on=button, concurrency_limit=1,
            concurrency_id="downloads", **QUIET,
        )  # fmt: skip
        done.success(None, None, None, js=hand_over, **QUIET)


def file_of(model: Model, name: str, make: Make, shown: Shown, look: Look | None) -> str:
    """Make one file in gradio's cache, which is emptied by age.

    Args:
        model: The checkpoint.
        name: End of the file's name.
        make: Writes its bytes.
        shown: The face.
        look: How it is turned and lit; None for its own view and light.

    Returns:
        The file's path.
    """
    look = look or own_look(shown)
    stem = re.sub(r"[^a-z0-9]+", "-", shown.name.lower()).strip("-") or "face"
    return write_whole(make(model, shown, look, look.of(shown.scene)), f"{stem}-{name}")
