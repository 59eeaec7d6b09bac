"""The visitor's faces as a row of chips over the tabs, and the buttons that carry a result on to another tab."""

from __future__ import annotations

from typing import Any

import gradio as gr

from app.components.files import text
from app.components.photo_box import upload
from app.session import KEPT, Model, Session, Shown, keep, plain_error

QUIET: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
"""With the queue: past it, gradio tells no listener that a state has changed."""
ACTIONS = ("shown", "a", "b", "map", "remove")
"""What a chip's menu offers: this face, as A, as B, on the map, remove."""


def face_chips(session: Session) -> None:
    """Add the chips; they are hidden while the visitor has no face of their own.

    Args:
        session: Whose `faces` are shown; a click on a chip makes it this face, its menu does the rest.
    """
    chips = gr.HTML(
        row([], None, None, None), html_template=text("face_chips.html"), css_template=text("face_chips.css"),
        js_on_load=text("face_chips.js"), apply_default_css=False, elem_id="chips",
    )  # fmt: skip
    states = [session.faces, session.shown, session.a, session.b]

    def act(faces: list[Shown], event: gr.EventData) -> tuple:
        """Do with a face what its chip or its menu asks for."""
        number, action = chosen(getattr(event, "index", None), faces)
        face = faces[number]
        return (
            face if action in ("shown", "map") else gr.skip(),
            face if action == "a" else gr.skip(),
            face if action == "b" else gr.skip(),
            [other for other in faces if other is not face] if action == "remove" else gr.skip(),
            gr.Tabs(selected="maps") if action == "map" else gr.skip(),
        )

    def carry(detector: str, event: gr.EventData) -> tuple:
        """Read the photos that come from the page of another checkpoint."""
        faces = carried(session.model, detector, getattr(event, "photos", None))
        current = getattr(event, "current", None)
        shown = faces.get(current) if type(current) is int else None
        return list(faces.values()), shown or gr.skip()

    chips.upload(carry, session.detector, [session.faces, session.shown], **QUIET)
    chips.select(act, session.faces, [session.shown, session.a, session.b, session.faces, session.tabs], **QUIET)
    gr.on([state.change for state in states], row, states, chips, trigger_mode="always_last", queue=False, **QUIET)


def row(faces: list[Shown], shown: Shown | None, a: Shown | None, b: Shown | None) -> list[dict]:
    """List what the chips show.

    Args:
        faces: The visitor's own.
        shown: This face.
        a: Side A of the swap.
        b: Side B of the swap.
    """
    uses = ((shown, "this face"), (a, "A"), (b, "B"))
    return [
        {
            "name": face.name,
            "picture": face.thumbnail,
            "uses": [use for other, use in uses if other is face],
            "photo": photo_of(face),
        }
        for face in faces
    ]


def photo_of(face: Shown) -> list | None:
    """Name a face's own photo, as its visitor uploaded it, and which face of it this is; None for one that was made."""
    if face.photo is None or face.photo.number is None or face.face.alignment is None:
        return None
    return [face.photo.file, face.face.alignment.index]


def carried(model: Model, detector: str, photos: object) -> dict[int, Shown]:
    """Read photos again, for another checkpoint; those that are gone are left out.

    Args:
        model: The checkpoint.
        detector: One of DETECTORS.
        photos: A list of `photo_of`, newest first, as it came with a request: anything a stranger may write.

    Returns:
        Place in the list -> face, in the same order.
    """
    found: dict[int, Shown] = {}
    files: dict[str, Shown] = {}
    listed = list(enumerate(photos[:KEPT])) if isinstance(photos, list) else []
    for place, entry in reversed(listed):  # the oldest has number 1
        file, index = entry if isinstance(entry, list) and len(entry) == 2 else (None, None)
        if type(index) is not int or index < 0:
            continue
        try:
            path = str(upload(file))
            before = files.get(path)
            number = before.photo.number if before and before.photo else 1 + len(files)
            found[place] = files[path] = model.look(path, detector, number, before, index)
        except gr.Error:
            continue
    return dict(sorted(found.items()))


def chosen(index: object, faces: list[Shown]) -> tuple[int, str]:
    """Read what a `select` event of the chips asks for.

    Args:
        index: As it came with a request: anything a stranger may write.
        faces: The visitor's own.

    Returns:
        Number of the face, and one of ACTIONS.

    Raises:
        gr.Error: There is no such face or action.
    """
    number, action = index if isinstance(index, list) and len(index) == 2 else (None, None)
    if type(number) is not int or not 0 <= number < len(faces) or action not in ACTIONS:
        raise plain_error("this face is not here any more", "No face")
    return number, action


def use_buttons(session: Session, source: gr.State, elem_id: str = "use") -> None:
    """Add the buttons "As A", "As B", "On the map", "Keep" below a result.

    Args:
        session: Where the face goes: A and B open Swap, the map opens Maps, Keep adds a chip.
        source: A state that holds the result as a Shown (see Model.make for one that comes from no photo).
        elem_id: Begins the ids of the row and its buttons (-a, -b, -map, -keep).
    """
    with gr.Row(elem_classes="use", elem_id=elem_id):
        as_a, as_b, on_map, kept = (
            gr.Button(label, size="sm", min_width=70, elem_id=f"{elem_id}-{name}")
            for label, name in (("As A", "a"), ("As B", "b"), ("On the map", "map"), ("Keep", "keep"))
        )
    for button, state, tab in ((as_a, session.a, "swap"), (as_b, session.b, "swap"), (on_map, session.shown, "maps")):
        button.click(lambda face, tab=tab: (face, gr.Tabs(selected=tab)), source, [state, session.tabs], **QUIET)
    kept.click(keep, [session.faces, source], session.faces, **QUIET)
