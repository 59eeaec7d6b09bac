"""The stage: a face in 3D, drawn by the page itself, to turn, light, wipe and look through layer by layer."""

from __future__ import annotations

import base64
import hashlib
import math
from dataclasses import asdict, dataclass
from typing import Any
from weakref import WeakKeyDictionary

import gradio as gr

from app.components.files import text
from app.components.pictures import uri
from app.session import Model, Shown
from latentface.codes import Scene
from latentface.expression_sliders import LIMIT, ExpressionSliders
from latentface.packing import pack, pack_positions
from latentface.pictures import picture
from latentface.pipeline import LatentFacePipeline
from latentface.second_look import rebuilding_error
from latentface.sheet import TURNED, layers

PICTURE = 448
"""Side in pixels of the pictures for browsers without WebGL."""
NET = 64
"""Side of the map that the net of the layout is drawn from."""
MOST = (60.0, 40.0, 60.0)
"""Degrees of yaw, pitch and roll by which a face turns to either side, as in web/stage.js."""

_EXAMPLES: WeakKeyDictionary[Shown, dict[str, Any]] = WeakKeyDictionary()
"""Contents of example faces, so that they are there at once."""


@dataclass(frozen=True)
class Look:
    """How a visitor has turned and lit the face on the stage."""

    angles: tuple[float, ...]
    """Yaw, pitch, roll in degrees."""
    light: tuple[float, ...]
    """Ambient, diffuse, x, y (see Codes)."""

    def of(self, scene: Scene) -> Scene:
        """Turn and light a scene."""
        return scene.turned(self.angles, self.light)


def own_look(shown: Shown) -> Look:
    """Give the view and light of the face's own photo."""
    codes = shown.face.codes
    return Look(tuple(codes.view[0, :3].tolist()), tuple(codes.light[0].tolist()))


def stage(
    pipeline: LatentFacePipeline, shown: Shown, elem_id: str, sliders: ExpressionSliders | None = None
) -> gr.HTML:
    """Add a stage.

    Its events: `release` says how it stands once the visitor's hand rests (see `look_of`), `input` what the expression
    sliders say, `submit` asks for a random expression, `picture` for a picture where the browser has no WebGL.

    Args:
        pipeline: The model.
        shown: The face that it opens with; `stage_content` gives the value for another.
        elem_id: Its id on the page.
        sliders: Named directions of the expression; None for no such sliders.
    """
    return gr.HTML(
        stage_content(pipeline, shown), html_template=text("stage.html"), css_template=text("stage.css"),
        js_on_load=text("stage_gl.js") + text("stage.js"), apply_default_css=False, elem_id=elem_id,
        elem_classes="stage-block", expressions=slider_list(sliders),
    )  # fmt: skip


def stage_content(pipeline: LatentFacePipeline, shown: Shown) -> dict[str, Any]:
    """Put a face into the form that a stage takes as its value; an example's is kept.

    Args:
        pipeline: The model.
        shown: The face.
    """
    if shown.photo is None or shown.photo.example is None:
        return drawn_content(pipeline, shown)
    if shown not in _EXAMPLES:
        _EXAMPLES[shown] = drawn_content(pipeline, shown)
    return _EXAMPLES[shown]


def drawn_content(pipeline: LatentFacePipeline, shown: Shown, neutral: bool = True) -> dict[str, Any]:
    """Draw what `stage_content` gives.

    Args:
        pipeline: The model.
        shown: The face.
        neutral: Whether its neutral face comes too, which takes as long as the rest; the same face's may come later.
    """
    codes, scene, crop = shown.face.codes, packed(shown.scene), shown.face.crop
    net = pipeline.layout(codes)
    face = {
        "id": hashlib.sha256(f"{shown.name}{scene['depth']}{scene['albedo']}".encode()).hexdigest()[:16],
        "name": shown.name,
        "photo": shown.photo.square if shown.photo else uri(picture(crop[0])),
        "view": codes.view[0].tolist(),
        "light": codes.light[0].tolist(),
        "error": round(rebuilding_error(shown.scene, crop), 4),
        "net": None if net is None else {"side": NET, "places": encoded(pack_positions(net, NET))},
        "neutral": packed(pipeline.decode_fine(pipeline.neutral(codes))) if neutral else None,
    }
    return {"face": face, "scene": scene, "amounts": {}}


def warm(model: Model) -> None:
    """Make all example faces ready, so that a click shows them at once."""
    for number in range(len(model.examples)):
        stage_content(model.pipeline, model.example(number))


def stand_in(pipeline: LatentFacePipeline, shown: Shown, data: object) -> dict[str, Any]:
    """Draw what a browser without WebGL shows, as the value that a stage takes.

    Args:
        pipeline: The model.
        shown: The face.
        data: As it came with a `picture` event: anything a stranger may write. An unknown layer counts as the rebuilt
            face.
    """
    look = look_of(data, own_look(shown))
    drawn = layers(pipeline, shown.face.crop, shown.face.codes, look.of(shown.scene), PICTURE)
    wanted = str(read(data, "layer")).capitalize()
    picture = drawn[TURNED if wanted not in drawn or wanted == "Rebuilt" else wanted]
    return {"face": None, "picture": uri(picture), "turn": read(data, "turn")}


def moved_content(shown: Shown, amounts: dict[str, float], data: object, random: bool = False) -> dict[str, Any]:
    """Put a face that has only changed its expression into the form that a stage takes.

    Args:
        shown: The face.
        amounts: Of the expression sliders.
        data: The event that it answers.
        random: Whether the event asked for a random expression.
    """
    return {
        "face": None, "scene": packed(shown.scene), "amounts": amounts, "random": random, "turn": read(data, "turn"),
    }  # fmt: skip


def read(data: object, name: str) -> Any:  # noqa: ANN401 (anything a stranger may write)
    """Read one entry of an event's data, None where there is none; a turn is a number or None."""
    found = data.get(name) if isinstance(data, dict) else None
    return found if name != "turn" or is_number(found) else None


def slider_list(sliders: ExpressionSliders | None) -> list[dict[str, Any]]:
    """List the expression sliders for the page: name, ends, the most to either side, and the measured figure."""
    found = [] if sliders is None else sliders.sliders
    return [{"name": s.name, "low": s.low, "high": s.high, "most": LIMIT, "figure": s.figure} for s in found]


def packed(scene: Scene) -> dict[str, Any]:
    """Pack a scene for the page: numbers, and bytes as text."""
    return {name: encoded(value) if isinstance(value, bytes) else value for name, value in asdict(pack(scene)).items()}


def encoded(data: bytes) -> str:
    """Write bytes as base64."""
    return base64.b64encode(data).decode("ascii")


def look_of(data: object, own: Look) -> Look:
    """Read how the stage stands from a `release` event.

    Args:
        data: As it came with a request: anything a stranger may write.
        own: Taken where the data is none, or a number is missing or not finite.

    Returns:
        Angles and light within their bounds.
    """
    return Look(
        bounded(read(data, "angles"), [(-most, most) for most in map(max, MOST, map(abs, own.angles))]) or own.angles,
        bounded(read(data, "light"), [(0, 1), (0, 1), (-1, 1), (-1, 1)]) or own.light,
    )


def bounded(numbers: object, limits: list[tuple[float, float]]) -> tuple[float, ...] | None:
    """Cut numbers to their limits; None where they are not so many finite numbers."""
    if not isinstance(numbers, list) or len(numbers) != len(limits) or not all(map(is_number, numbers)):
        return None
    return tuple(min(max(float(number), low), high) for number, (low, high) in zip(numbers, limits, strict=True))


def is_number(value: object) -> bool:
    """Tell whether a value that came with a request is a finite number."""
    return isinstance(value, float) and math.isfinite(value) or (type(value) is int and abs(value) < 1e9)
