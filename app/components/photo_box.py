"""The photo of a tab: upload, camera, paste, an example, another face of a group; it fills one state with a Shown.

The box draws what its state holds, whoever put it there. A photo that fails leaves state and picture as they are and
says why beside them.
"""

from __future__ import annotations

import html
import time
from pathlib import Path
from typing import Any

import gradio as gr

from app.components.files import address, text
from app.session import Model, Session, Shown, keep, plain_error
from app.uploads import NotUploaded, uploaded_file
from latentface.photo import EXTENSIONS, MAX_BYTES

BUSY: dict[str, Any] = {"api_visibility": "private", "show_progress": "minimal", "trigger_mode": "multiple"}
"""Every event counts: gradio's other modes may send a later one with the data of an earlier."""
QUIET: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
AT_ONCE: dict[str, Any] = {"queue": False, **QUIET}
"""Only for events that fill no state: past the queue, gradio tells no listener that a state has changed."""


def photo_box(session: Session, state: gr.State, label: str, elem_id: str) -> gr.HTML:
    """Add a photo box with its example faces.

    Args:
        session: The page's session; every upload, and every face chosen in a group photo, joins its `faces`.
        state: The state that it fills and draws: `session.shown`, `session.a` or `session.b`. Listen to its change
            event for the result.
        label: What stands above it.
        elem_id: Its id on the page.
    """
    model, opening = session.model, state.value
    slot = next(name for name, one in (("face", session.shown), ("a", session.a), ("b", session.b)) if one is state)
    examples = [
        {"src": address(model.gallery.picture(row)), "alt": f"Example face {number + 1}"}
        for number, row in enumerate(model.examples)
    ]
    box = gr.HTML(
        content(opening), html_template=text("photo_box.html"), css_template=text("photo_box.css"),
        js_on_load=text("photo_box.js"), apply_default_css=False, elem_id=elem_id, elem_classes="photo-box",
        label=label, slot=slot, opening=content(opening)["example"], examples=examples, most=MAX_BYTES,
        endings=",".join(sorted(EXTENSIONS)),
    )  # fmt: skip

    def take(now: Shown, faces: list[Shown], detector: str, event: gr.EventData) -> tuple:
        """Read an uploaded photo."""
        number = 1 + max((face.photo.number or 0 for face in faces if face.photo), default=0)
        return settled(lambda: model.look(upload(getattr(event, "file", None)), detector, number), now, faces)

    def choose(now: Shown, faces: list[Shown], event: gr.EventData) -> tuple:
        """Take another face of the photo that is here."""
        return settled(lambda: another(model, now, faces, getattr(event, "index", None)), now, faces)

    def use(event: gr.EventData) -> tuple[dict, Shown]:
        """Take an example."""
        number = getattr(event, "index", None)
        if type(number) is not int:
            raise plain_error("there is no such example", "No face")
        example = model.example(number)
        return content(example), example

    outputs = [box, state, session.faces]
    read = box.upload(take, [state, session.faces, session.detector], outputs, **BUSY)
    cut = box.select(choose, [state, session.faces], outputs, **BUSY)
    box.stop(None, None, None, cancels=[read, cut], queue=False, **QUIET)
    box.input(use, None, [box, state], **QUIET)
    box.clear(lambda: (content(opening), opening), None, [box, state], **QUIET)
    state.change(content, state, box, **AT_ONCE)
    return box


def upload(path: object) -> Path:
    """Check the path of an uploaded photo.

    Args:
        path: As it came with a request: anything a stranger may write.

    Raises:
        gr.Error: It is no upload.
    """
    try:
        return uploaded_file(path if isinstance(path, str) else None, [])
    except NotUploaded as error:
        raise plain_error(error, "No photo") from error


def another(model: Model, now: Shown, faces: list[Shown], index: object) -> Shown:
    """Take another face of a photo; one that the visitor has had before is not read again.

    Args:
        model: The model.
        now: A face of that photo.
        faces: The visitor's own faces.
        index: Which face, as it came with a request: anything a stranger may write.

    Raises:
        gr.Error: There is no such face, or its photo is gone.
    """
    photo = now.photo
    if photo is None or type(index) is not int:
        raise plain_error("there is no such face in this photo", "No face")
    for face in faces:
        if face.photo and face.photo.file == photo.file and face.face.alignment and face.face.alignment.index == index:
            return face
    return model.look(photo.file, None, photo.number, now, index)


def settled(read: Any, now: Shown, faces: list[Shown]) -> tuple[dict, Any, Any]:  # noqa: ANN401 (a callable, gr.skip)
    """Read a face; where that fails, keep the one before and say why in the box.

    Args:
        read: Gives the new face, or raises gr.Error.
        now: The face that the box shows.
        faces: The visitor's own faces.

    Returns:
        The box's content, the new face and the faces with it, the last two unchanged after a failure.
    """
    try:
        new = read()
    except gr.Error as error:
        return content(now, error.message), gr.skip(), gr.skip()
    return content(new), new, keep(faces, new)


def content(shown: Shown, error: str = "") -> dict[str, Any]:
    """Put a face into the form that the box takes as its value.

    Args:
        shown: The face.
        error: Why the last photo gave none, in plain words, as HTML text.
    """
    photo = shown.photo
    return {
        "name": shown.name,
        "picture": photo.picture if photo else shown.thumbnail,
        "faces": [[round(100 * edge, 2) for edge in box] for box in photo.boxes] if photo else [],
        "chosen": shown.face.alignment.index if shown.face.alignment else 0,
        "own": photo is None or photo.number is not None,
        "example": photo.example if photo else None,
        "error": html.unescape(error),
        "stamp": time.monotonic_ns(),  # or the page would not hear that the same photo has failed again
    }
