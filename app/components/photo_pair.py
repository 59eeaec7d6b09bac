"""Two photos, A and B, with the event order that shows a result of both."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr
from gradio.components import Component

from app.components.photo_box import photo_box
from app.session import Session, Shown

QUIET: dict[str, Any] = {"api_visibility": "private", "trigger_mode": "always_last"}


class PhotoPair:
    """Two columns inside the current row, a photo box each; they fill the session's A and B."""

    def __init__(self, session: Session, labels: tuple[str, str], prefix: str = ""):
        """Add the columns.

        Args:
            session: The page's session.
            labels: What stands above A and B.
            prefix: Put before the ids photo-a and photo-b.
        """
        self.states = [session.a, session.b]
        self.first: list[Shown] = [state.value for state in self.states]
        for side, label, state in zip("ab", labels, self.states, strict=True):
            with gr.Column(scale=3, min_width=260):
                photo_box(session, state, label, f"{prefix}photo-{side}")

    def connect(self, run: Callable, more: Sequence[Component], outputs: Sequence[Component], turn: gr.Button) -> None:
        """Connect the events: whenever a side changes, both are shown.

        Args:
            run: Both sides and the values of `more` -> `outputs`.
            more: Further inputs of `run`.
            outputs: What `run` fills; the first shows progress.
            turn: The button that puts the two sides in each other's place.
        """
        gr.on(  # one after the other: of two sides that change at once, the last run sees both
            [state.change for state in self.states], run, [*self.states, *more], list(outputs),
            show_progress_on=[outputs[0]], concurrency_limit=1, **QUIET,
        )  # fmt: skip
        turn.click(lambda a, b: (b, a), self.states, self.states, show_progress="hidden", **QUIET)
