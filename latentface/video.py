"""Untrusted video files -> upright RGB frames, one at a time, read with PyAV.

Sizes and lengths are read from the header before a frame is decoded. Frames are decoded as they are asked for, so that
memory does not grow with length. Times are the file's own: a camera's rate may vary.
"""

from __future__ import annotations

import io
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import av.logging
import numpy as np
from av.container import InputContainer
from av.error import FFmpegError
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from latentface.intake.limits import MAX_FRAME_PIXELS
from latentface.photo import PhotoError

av.logging.set_level(av.logging.PANIC)  # broken files are told in our words

EXTENSIONS = {".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".wmv", ".flv", ".3gp", ".mts"}
FORMATS = "mov,matroska,webm,avi,mpeg,mpegts,asf,flv"
"""The only containers that are opened: playlists and the like could name other files, or addresses."""
MAX_SECONDS = 600.0
"""Length of a clip that is taken apart frame by frame."""
MAX_RATE = 30.0
"""Frames a second that are taken; of a faster video some are passed over."""
LEAST_SIDE, MAX_SIDE = 32, 8192
"""Sides of a video's pictures in pixels."""
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


@contextmanager
def opened(source: Path | bytes) -> Iterator[tuple[InputContainer, VideoStream]]:
    """Open a video and its main stream of pictures.

    Args:
        source: path or bytes of a file in one of FORMATS.

    Raises:
        VideoError: it cannot be read, has no pictures, or has too large ones.
    """
    try:
        file = io.BytesIO(source) if isinstance(source, bytes) else source.open("rb")
        container = av.open(file, mode="r", options={"format_whitelist": FORMATS})
    except Exception as error:  # decoders of hostile bytes raise nearly anything
        raise VideoError("the video cannot be read: use an MP4, MOV, WebM, MKV or AVI file") from error
    with file, container:
        stream = container.streams.best("video")
        if not isinstance(stream, VideoStream) or stream.time_base is None:
            raise VideoError("there are no pictures in this file: use a video that shows a face")
        width, height = stream.width, stream.height
        if width * height > MAX_FRAME_PIXELS or max(width, height) > MAX_SIDE:
            raise VideoError(f"the video's pictures are too large: {width} x {height}; shrink it to 1920 x 1080")
        if min(width, height) < LEAST_SIDE:
            raise VideoError(f"the video's pictures are too small: {width} x {height}; a face needs more pixels")
        stream.codec_context.thread_count = 1  # several files, or visitors, are read side by side
        yield container, stream


def inspect(source: Path | bytes, limit: float = MAX_SECONDS) -> Video:
    """Read what a video is, decoding nothing but its first two frames.

    Args:
        source: path or bytes of a file in one of FORMATS.
        limit: seconds that it may be long.

    Raises:
        VideoError: it cannot be used: what is wrong, and what to do.
    """
    with opened(source) as (container, stream):
        seconds = _length(container, stream)
        if seconds > limit:
            raise VideoError(f"the video is {said(seconds)} long and the limit is {said(limit)}: cut it shorter")
        sound = container.streams.best("audio") is not None
        rate = float(stream.average_rate or stream.guessed_rate or MAX_RATE)
    start = frames(source)
    first = next(start, None)
    if first is None:
        raise VideoError("no frame of this video can be read: save it again as MP4")
    if next(start, None) is None:
        raise VideoError("this video has one frame only: bring it as a photo, or use a longer one")
    start.close()
    height, width = first.image.shape[:2]
    return Video(seconds, min(rate, MAX_RATE), width, height, sound)


def frames(source: Path | bytes, limit: float = MAX_SECONDS) -> Generator[Frame, None, None]:
    """Decode a video frame by frame; a video whose tail is missing or damaged ends there.

    Args:
        source: path or bytes of a file in one of FORMATS.
        limit: seconds that it may be long.

    Raises:
        VideoError: it cannot be read at all, or is longer than its header says and than the limit.
    """
    with opened(source) as (container, stream):
        wide, base = float(stream.sample_aspect_ratio or 1), stream.time_base
        assert base is not None, "opened sees to that"
        start, due = None, 0.0
        for frame in _decoded(container, stream):
            shown = frame.dts if frame.pts is None else frame.pts
            if shown is None:
                continue
            start = shown if start is None else start
            second = float((shown - start) * base)
            if second > limit:
                raise VideoError(f"the video is longer than the limit of {said(limit)}: cut it shorter")
            if second < due:
                continue
            due = max(due + 1 / MAX_RATE, second + 0.5 / MAX_RATE) - 1e-3
            yield Frame(second, upright(frame, wide, SHOWN_SIDE))


def upright(frame: VideoFrame, wide: float, longest: int) -> np.ndarray:
    """Give a frame's RGB pixels, turned as the camera was held.

    Args:
        frame: as decoded.
        wide: width of a stored pixel over its height.
        longest: longer side of the result in pixels, at most.
    """
    shrink = min(1.0, longest / max(frame.width * wide, frame.height))
    width, height = max(1, round(frame.width * wide * shrink)), max(1, round(frame.height * shrink))
    picture = frame.to_ndarray(format="rgb24", width=width, height=height)
    return np.rot90(picture, round(frame.rotation / 90)).copy()


def said(seconds: float) -> str:
    """Put a length in words, such as "40 seconds" or "1:05 hours"."""
    whole = round(seconds)
    if whole < 120:
        return f"{whole} seconds"
    return f"{whole // 60} minutes" if whole < 3600 else f"{whole // 3600}:{whole % 3600 // 60:02} hours"


def _decoded(container: InputContainer, stream: VideoStream) -> Iterator[VideoFrame]:
    """Decode packet by packet; damaged packets are passed over, and a broken file ends."""
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets)
        except StopIteration:
            return
        except FFmpegError:
            return
        try:
            pictures = packet.decode()
        except (FFmpegError, ValueError):
            continue
        yield from (picture for picture in pictures if isinstance(picture, VideoFrame))


def _length(container: InputContainer, stream: VideoStream) -> float:
    """Tell how many seconds a video has; where its header does not say, by reading through its packets."""
    base = stream.time_base or Fraction(1)
    if stream.duration:
        return float(stream.duration * base)
    if container.duration:
        return container.duration / av.time_base
    first, last = None, 0
    try:
        for packet in container.demux(stream):
            if packet.pts is not None:
                first = packet.pts if first is None else min(first, packet.pts)
                last = max(last, packet.pts)
    except FFmpegError:
        pass
    return float((last - (first or 0)) * base)
