"""Two photos, A and B, side by side, with the event order that shows a result of both."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr
from gradio.components import Component

from app.components.example_faces import example_faces
from app.components.photo_input import notice, photo_input, tell_stale
from app.session import Session, plain_error

QUIET: dict[str, Any] = {"api_visibility": "private", "trigger_mode": "always_last"}


class PhotoPair:
    """Two columns inside the current row: a photo, its notice and the example faces each."""

    def __init__(
        self,
        session: Session,
        labels: tuple[str, str],
        paths: Sequence[str],
        look: Callable[[str, str], object],
        prefix: str = "",
    ):
        """Add the columns.

        Args:
            session: The page's session.
            labels: What stands above A and B.
            paths: The photos they open with.
            look: Photo and detector -> what a side keeps in the visitor's own state.
            prefix: Put before the ids photo-a, notice-a, examples-a and those of b.
        """
        self.session, self.look = session, look
        self.photos, self.notices = [], []
        self.first: list[Any] = [look(path, session.model.detector) for path in paths]
        self.states = [gr.State(side) for side in self.first]
        for side, label, path in zip("ab", labels, paths, strict=True):
            with gr.Column(scale=3, min_width=260):
                self.photos.append(photo_input(session.model, label, path, f"{prefix}photo-{side}", height=220))
                self.notices.append(notice(f"{prefix}notice-{side}"))
                example_faces(session.model, self.photos[-1], f"{prefix}examples-{side}")

    def connect(self, run: Callable, more: Sequence[Component], outputs: Sequence[Component], turn: gr.Button) -> None:
        """Connect the events: a new photo is looked at, then both are shown.

        Args:
            run: Both sides' states and the values of `more` -> `outputs`.
            more: Further inputs of `run`.
            outputs: What `run` fills; the first shows progress.
            turn: The button that puts the two photos in each other's place.
        """

        def take(photo: str | None, detector: str) -> object:
            return gr.skip() if photo is None else self.look(photo, detector)

        for photo, state, place in zip(self.photos, self.states, self.notices, strict=True):
            taken = photo.change(take, [photo, self.session.detector], state, show_progress_on=[outputs[0]], **QUIET)
            taken.success(  # one after the other: of two photos that change at once, the last run sees both
                run, [*self.states, *more], list(outputs), show_progress="hidden", concurrency_limit=1, **QUIET
            )
            tell_stale(taken, place)
        turn.click(exchanged, self.photos, self.photos, show_progress="hidden", **QUIET)


def exchanged(a: str | None, b: str | None) -> tuple[str, str]:
    """Put the two photos in each other's place.

    Raises:
        gr.Error: One of them is missing.
    """
    if a is None or b is None:
        raise plain_error("one of the two boxes is empty: put a photo into it first", "Two photos are needed")
    return b, a
