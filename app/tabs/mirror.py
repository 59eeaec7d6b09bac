"""Tab Mirror: the camera, live: you in 3D, you at rest, or somebody else who pulls your faces."""

from __future__ import annotations

import base64
import binascii
import math
from threading import Lock
from typing import Any

import gradio as gr

from app.components.files import address, text
from app.components.pictures import uri
from app.lanes import Lanes
from app.session import Model, Session, Shown
from latentface.mirror import MOST, REST, Mirror, Wish
from latentface.photo import PhotoError, read_photo

ABOUT = """A mirror that understands faces: every picture of your camera is taken apart into **who you are**, **what
your face does**, view and light, and put together anew. Sit still for two seconds at first: what your face does is
measured from there, so that little of your looks comes over onto somebody else."""
VISITORS, TURN, IDLE = 2, 180.0, 5.0
"""Visitors before the mirror at once, seconds of a turn, seconds without a picture after which a turn is over."""
MAX_FRAME = 400_000
"""Characters of a picture that is sent: 640 pixels as JPEG have a quarter of that."""
JPEG = "data:image/jpeg;base64,"
SHOWN = ("me", "rest", "other")
PLAIN: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden", "queue": False}
AT_ONCE: dict[str, Any] = {"trigger_mode": "multiple", **PLAIN}


class Live:
    """A visitor's mirror; it lives as long as the visitor's page."""

    def __init__(self, model: Model):
        self.mirror, self.lock = Mirror(model.pipeline), Lock()


def wish_of(data: dict) -> Wish:
    """Read what the mirror is to show from an event.

    A stranger may have written anything; what makes no sense is left out.
    """
    turn, light = numbers(data.get("turn")), numbers(data.get("light"))
    show = data.get("show")
    return Wish(
        show if show in SHOWN else "me",
        (turn[0], turn[1]) if turn else (0.0, 0.0),
        (max(-1.0, min(1.0, light[0])), max(-1.0, min(1.0, light[1]))) if light else None,
    )


def numbers(pair: object) -> tuple[float, float] | None:
    """Read two finite numbers."""
    if not isinstance(pair, list) or len(pair) != 2 or any(type(one) not in (int, float) for one in pair):
        return None
    return None if not all(math.isfinite(one) for one in pair) else (float(pair[0]), float(pair[1]))


def frame_of(data: dict) -> bytes:
    """Read the camera's picture from an event.

    Raises:
        PhotoError: There is none, or it is too large.
    """
    frame = data.get("frame")
    if not isinstance(frame, str) or not frame.startswith(JPEG):
        raise PhotoError("a picture of the camera is missing")
    if len(frame) > MAX_FRAME:
        raise PhotoError("the camera's picture is too large")
    try:
        return base64.b64decode(frame[len(JPEG) :], validate=True)
    except (binascii.Error, ValueError) as error:
        raise PhotoError("the camera's picture is damaged") from error


def wearer(model: Model, faces: list[Shown], who: object) -> Shown:
    """Find who wears the expression.

    Args:
        model: The model.
        faces: The visitor's own faces.
        who: Number of an example, or -1 - number of an own face, as it came with a request.
    """
    if type(who) is int and -len(faces) <= who < 0:
        return faces[-1 - who]
    return model.example(who if type(who) is int and 0 <= who < len(model.examples) else 1)


def own_faces(faces: list[Shown]) -> dict[str, Any]:
    """List the visitor's own faces for the row of those who may wear the expression."""
    return {"own": [{"src": face.thumbnail, "alt": face.name} for face in faces]}


def build(session: Session) -> None:
    """Build the tab inside the current gr.Blocks."""
    model, lanes = session.model, Lanes(VISITORS, TURN, IDLE)
    examples = [
        {"src": address(model.gallery.picture(row)), "alt": f"Example {number + 1}"}
        for number, row in enumerate(model.examples)
    ]
    gr.Markdown(ABOUT, elem_classes="about")
    live = gr.State(None)
    glass = gr.HTML(
        own_faces([]), html_template=text("mirror.html"), css_template=text("mirror.css"),
        js_on_load=text("mirror.js"), apply_default_css=False, elem_id="mirror", examples=examples, most=list(MOST),
        limit=TURN, rest=REST,
    )  # fmt: skip

    def reflect(faces: list[Shown], mine: Live | None, event: gr.EventData) -> tuple[dict, Any]:
        """Look at one picture of the camera; nothing of it is kept."""
        data = event._data if isinstance(event._data, dict) else {}
        answer: dict[str, Any] = {"turn": data.get("number") if type(data.get("number")) is int else 0}
        now = mine or Live(model)
        wait = lanes.enter(now)
        if wait:
            return answer | {"wait": math.ceil(wait)}, now
        try:
            image = read_photo(frame_of(data))
        except PhotoError as error:
            return answer | {"error": str(error)}, now
        second = numbers([data.get("second"), 0])
        with now.lock:
            if data.get("again") is True:
                now.mirror.rest_again()
            other = wearer(model, faces, data.get("who")).face.codes
            seen = now.mirror.see(image, second[0] if second else 0.0, wish_of(data), other)
        picture = None if seen.picture is None else uri(seen.picture)
        return answer | {"picture": picture, "faces": seen.faces, "rested": round(seen.rested, 2)}, now

    def stop(mine: Live | None) -> None:
        """Give the turn to others."""
        if mine is not None:
            lanes.leave(mine)

    glass.input(reflect, [session.faces, live], [glass, live], **AT_ONCE)
    glass.stop(stop, live, None, **AT_ONCE)
    session.faces.change(own_faces, session.faces, glass, trigger_mode="always_last", **PLAIN)
