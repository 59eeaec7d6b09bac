"""Untrusted video files -> upright RGB frames, one at a time: every visitor's clip is read here.

Decoding runs in a process of its own (latentface/intake), under limits of memory and time; what comes back are arrays
and nothing else of the file. Frames are decoded as they are asked for, so that memory does not grow with length.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from latentface.intake import door
from latentface.intake.limits import CLIP_EXTENSIONS, CLIP_FORMATS, MAX_CLIP_SECONDS, MAX_RATE, said
from latentface.photo import MAX_BYTES, MAX_SIDE, PhotoError

__all__ = [
    "EXTENSIONS", "FORMATS", "MAX_RATE", "MAX_SECONDS", "Frame", "Video", "VideoError", "frames", "inspect", "said",
    "sound_of", "spread_frames",
]  # fmt: skip

EXTENSIONS, FORMATS, MAX_SECONDS = CLIP_EXTENSIONS, CLIP_FORMATS, MAX_CLIP_SECONDS
SHOWN_SIDE = 1280
"""Longer side of what is returned: a face of 128 pixels is cut out of it."""


class VideoError(PhotoError):
    """A video that cannot be used. The message is one line for the person who brought it."""


@dataclass(frozen=True)
class Video:
    """What the header of a video says."""

    seconds: float
    """Length."""
    rate: float
    """Frames a second that are taken, on average, at most MAX_RATE."""
    width: int
    """Of the pictures that `frames` gives, in pixels."""
    height: int
    """The same."""
    sound: bool
    """Whether there is a sound track."""

    @property
    def count(self) -> int:
        """About how many frames `frames` gives."""
        return max(2, round(self.seconds * self.rate))


@dataclass(frozen=True)
class Frame:
    """One picture of a video."""

    second: float
    """When it is shown, counted from the first."""
    image: np.ndarray
    """uint8 H x W x 3, RGB, upright, longer side at most SHOWN_SIDE."""


def inspect(source: Path | bytes, limit: float = MAX_SECONDS) -> Video:
    """Read what a video is, decoding nothing but its first two frames.

    Args:
        source: path or bytes of a file in one of FORMATS.
        limit: seconds that it may be long.

    Raises:
        VideoError: it cannot be used: what is wrong, and what to do.
    """
    with _asked(source, {"job": "about", "limit": limit, "longest": SHOWN_SIDE}) as answers:
        about = next(answers)[0]
        next(answers, None)  # to the end: the worker stays
    return Video(
        float(about["seconds"]), float(about["rate"]), int(about["width"]), int(about["height"]), bool(about["sound"])
    )


def frames(source: Path | bytes, limit: float = MAX_SECONDS) -> Generator[Frame, None, None]:
    """Decode a video frame by frame; a video whose tail is missing or damaged ends there.

    Args:
        source: path or bytes of a file in one of FORMATS.
        limit: seconds that it may be long.

    Raises:
        VideoError: it cannot be read at all, or is longer than its header says and than the limit.
    """
    with _asked(source, {"job": "frames", "limit": limit, "longest": SHOWN_SIDE}) as answers:
        yield from map(_frame, answers)


def spread_frames(source: Path | bytes, count: int) -> Generator[Frame, None, None]:
    """Decode frames from the middle of `count` equal parts of a video's length, jumping in long ones.

    Args:
        source: path or bytes of a file in one of FORMATS.
        count: how many frames.

    Yields:
        Frames with a longer side of at most photo.MAX_SIDE; fewer than count where the video has fewer frames.

    Raises:
        VideoError: it cannot be read, or not further.
    """
    with _asked(source, {"job": "spread", "count": count, "longest": MAX_SIDE}) as answers:
        yield from map(_frame, answers)


def sound_of(source: Path) -> bytes:
    """Read a video's sound.

    Args:
        source: path of a file in one of FORMATS.

    Returns:
        AAC or MP3 in an MP4 file, from where the pictures start; b"" where there is none that can be read.
    """
    heard = bytearray()
    try:
        with _asked(source, {"job": "sound"}) as answers:
            for _, piece in answers:
                heard += piece
                if len(heard) > MAX_BYTES:
                    return b""
    except VideoError:
        return b""
    return bytes(heard)


@contextlib.contextmanager
def _asked(source: Path | bytes, request: dict[str, Any]) -> Iterator[Generator[door.Part, None, None]]:
    """Read a video in a worker. Bytes that are no file yet lie in one meanwhile; both are closed."""
    with contextlib.ExitStack() as stack:
        try:
            if isinstance(source, bytes):
                file = stack.enter_context(tempfile.NamedTemporaryFile())
                file.write(source)
                file.flush()
                source = Path(file.name)
            if not source.is_file():
                raise VideoError("the video cannot be read: it is not there, or is no file")
            answers = door.ask_clip({**request, "path": str(source.absolute())})
            yield stack.enter_context(contextlib.closing(answers))
        except VideoError:
            raise
        except door.IntakeError as error:
            raise VideoError(str(error)) from error
        except (KeyError, TypeError, ArithmeticError) as error:  # no answer of ours
            raise VideoError("the video cannot be read: save it again as MP4") from error


def _frame(part: door.Part) -> Frame:
    """Make a frame of a part of an answer."""
    head, body = part
    height, width = head["shape"]
    return Frame(float(head["second"]), np.frombuffer(body, np.uint8).reshape(height, width, 3))
