"""A visitor's clip: taken apart into files of its own folder, which goes when the visitor does."""

from __future__ import annotations

import secrets
import shutil
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from gradio.utils import get_upload_folder

from app.session import Model, plain_error, plain_errors
from latentface.checkpoints import ASSETS, resolved
from latentface.clip_files import read_example, save_codes, take_apart, write_driven, write_films
from latentface.codes import Codes
from latentface.curves import DRIFT, Table, curves, write_csv
from latentface.expression_sliders import ExpressionSliders
from latentface.moving import Moving, Stretch, drive, settled
from latentface.video import Video, inspect

CLIP_SECONDS = 20.0
"""Length of a clip that the page takes."""
EXAMPLE = ASSETS / "clip"
"""Folder of the bundled clip."""
OLD = 6000
"""Seconds after which a clip's files are deleted, whatever happened."""
LANE: dict[str, Any] = {"concurrency_limit": 1, "concurrency_id": "video"}
"""One clip at a time: it takes all of a core."""
TOLD = 0.4
"""Seconds between two words about the progress."""


@dataclass(frozen=True, eq=False)
class Clip:
    """A clip that was taken apart; nothing in it changes."""

    folder: Path
    name: str
    """What the visitor reads."""
    video: Video
    stretch: Stretch
    """As it was seen, frame by frame."""
    face: Moving
    """The same, settled."""
    table: Table
    """Its curves."""
    faces: int
    """The most that were seen in it at once."""
    shared: bool = False
    """Whether it is everybody's."""

    @property
    def films(self) -> Path:
        """The films side by side, with the clip's sound."""
        return self.folder / "films.mp4"

    @property
    def notes(self) -> list[str]:
        """Plain sentences that belong beside it."""
        lost = len(self.face) - int(self.face.seen.sum())
        drift = float(np.nanmedian(self.table[DRIFT]))
        said = {
            f"The face was not seen in {lost} of {len(self.face)} frames: the drawn films are dark there.": lost > 0,
            f"{self.faces} faces are in this clip; the largest was followed.": self.faces > 1,
            "Who it is wavers a lot from frame to frame here: trust the films less.": drift > 0.5,
        }
        return [sentence for sentence, holds in said.items() if holds]

    def __deepcopy__(self, memo: dict) -> Clip:
        """Share instead of copying: gradio copies what a state starts with for every visitor."""
        return self


@dataclass(frozen=True, eq=False)
class Driven:
    """A face that makes a clip's movements."""

    folder: Path
    name: str
    """Whose face."""

    @property
    def film(self) -> Path:
        """The film, with the clip's sound."""
        return self.folder / "driven.mp4"


def forget(made: Clip | Driven | None) -> None:
    """Delete the files of a visitor's clip or film."""
    if made is not None and not (isinstance(made, Clip) and made.shared):
        shutil.rmtree(made.folder, ignore_errors=True)


def new_folder() -> Path:
    """Make a folder that nobody can guess, where gradio serves files from; those that were left behind go."""
    uploads = Path(get_upload_folder()).resolve()
    for old in uploads.glob("clip-*"):  # of visitors whom gradio forgot without a word
        if time.time() - old.stat().st_mtime > OLD:
            shutil.rmtree(old, ignore_errors=True)
    folder = uploads / f"clip-{secrets.token_hex(16)}"
    folder.mkdir(parents=True)
    return folder


def take(
    model: Model, sliders: ExpressionSliders | None, path: Path, name: str, face: int = 0
) -> Generator[str | Clip, None, None]:
    """Take a clip apart.

    Args:
        model: The model.
        sliders: Its named directions.
        path: The video's file.
        name: What the visitor reads.
        face: Which face, counted from 0 by falling size.

    Yields:
        Words about how far it is, at last the clip. Closed before that, it leaves nothing behind.

    Raises:
        gr.Error: It cannot be used; one plain sentence says why.
    """
    folder, clip = new_folder(), None
    parts = folder / "parts"
    parts.mkdir()
    try:
        with plain_errors():
            video = inspect(path, CLIP_SECONDS)
            count = video.count
            stretch = yield from told(
                take_apart(model.pipeline, path, parts, face, model.on_gpu), count, "Taking the face apart"
            )
            if not stretch.seen.any():
                raise plain_error(
                    "no face was found in this clip: use one in which a face is sharp, lit and not covered", "No face"
                )
            moving, films = settled(stretch), folder / "films.mp4"
            steps = write_films(model.pipeline, path, video, moving, parts, films)
            yield from told(steps, len(stretch), "Drawing the films")
            table = curves(model.pipeline, stretch, moving, sliders)
            write_csv(table, folder / "curves.csv")
            save_codes(stretch, moving, folder / "codes.safetensors")
        clip = Clip(folder, name, video, stretch, moving, table, int(stretch.faces.max()))
        yield clip
    finally:
        shutil.rmtree(parts if clip else folder, ignore_errors=True)


def drive_codes(
    model: Model, clip: Clip, codes: Codes, name: str, relative: bool, strength: float
) -> Generator[str | Driven, None, None]:
    """Let a face make a clip's movements.

    Args:
        model: The model.
        clip: Whose movements.
        codes: The face, batch of one.
        name: What the visitor reads of it.
        relative: Whether changes alone come over, see moving.drive.
        strength: Of the movements.

    Yields:
        Words about how far it is, at last the film. Closed before that, it leaves nothing behind.
    """
    folder, driven = new_folder(), None
    parts = folder / "parts"
    parts.mkdir()
    try:
        moved = drive(model.pipeline, clip.face, codes, relative, strength)
        film = folder / "driven.mp4"
        steps = write_driven(model.pipeline, clip.films, clip.video, moved, clip.face.seconds, parts, film)
        yield from told(steps, len(clip.face), "Drawing the driven face")
        driven = Driven(folder, name)
        yield driven
    finally:
        shutil.rmtree(parts if driven else folder, ignore_errors=True)


Made = TypeVar("Made", Clip, Driven)


def the_end(steps: Iterator[str | Made]) -> Made:
    """Run `take` or `drive_codes` to its end and give what it made."""
    for step in steps:
        if not isinstance(step, str):
            return step
    raise RuntimeError("the steps ended without a result")


def told(steps: Iterator[int], count: int, what: str):  # noqa: ANN201 (a generator that returns what the steps return)
    """Run steps that count finished frames, and say the count and the time left in words."""
    began, last = time.monotonic(), 0.0
    while True:
        try:
            done = next(steps)
        except StopIteration as end:
            return end.value
        now = time.monotonic()
        if now - last < TOLD:
            continue
        last, left = now, (now - began) / done * max(0, count - done)
        yield f"{what}: frame {done} of {max(done, count)}, {max(1, round(left))} s left …"


def example(model: Model, sliders: ExpressionSliders | None) -> Clip | None:
    """Load the bundled clip with its films; None where they are another checkpoint's."""
    found = read_example(EXAMPLE)
    if found is None or resolved(found.checkpoint) != resolved(model.checkpoint):
        return None
    moving = settled(found.stretch)
    table = curves(model.pipeline, found.stretch, moving, sliders)
    return Clip(EXAMPLE, "Example clip", found.video, found.stretch, moving, table, 1, shared=True)
