"""Bytes of a clip -> upright frames, by PyAV. Runs in the worker alone (latentface/intake/worker.py), under its limits.

Sizes and lengths are read from the header before a frame is decoded. Frames are decoded as they are asked for, so that
memory does not grow with length. Times are the file's own: a camera's rate may vary.
"""

from __future__ import annotations

import errno
import time
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.logging
import numpy as np
from av.container import InputContainer
from av.error import FFmpegError
from av.sidedata.sidedata import Type
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from latentface.intake.decode import Refused
from latentface.intake.limits import (
    CLIP_FORMATS,
    CLIP_PROCESSOR,
    LEAST_CLIP_SIDE,
    MAX_CLIP_SIDE,
    MAX_FRAME_PIXELS,
    MAX_RATE,
    said,
)

av.logging.set_level(av.logging.PANIC)  # broken files are told in our words

Timed = tuple[float, np.ndarray]
"""When a frame is shown, in seconds from the first, and the frame: uint8 H x W x 3, RGB, upright."""
HUNGRY = "the video takes too much memory to read: shrink it to 1920 x 1080"
SLOW = "the video takes too long to read: save it again as MP4, at 1920 x 1080"
SEEK = 5.0
"""Seconds between two wanted frames beyond which the decoder jumps instead of decoding all between them."""


@contextmanager
def opened(source: Path) -> Iterator[tuple[InputContainer, VideoStream]]:
    """Open a video and its main stream of pictures.

    Args:
        source: a file in one of CLIP_FORMATS.

    Raises:
        Refused: it cannot be read, has no pictures, or has too large ones.
    """
    try:
        file = source.open("rb")
        container = av.open(file, mode="r", options={"format_whitelist": CLIP_FORMATS})
    except MemoryError as error:
        raise Refused(HUNGRY) from error
    except Exception as error:  # decoders of hostile bytes raise nearly anything
        raise Refused("the video cannot be read: use an MP4, MOV, WebM, MKV or AVI file") from error
    with file, container:
        stream = container.streams.best("video")
        if not isinstance(stream, VideoStream) or stream.time_base is None:
            raise Refused("there are no pictures in this file: use a video that shows a face")
        if stream.codec_context is None:
            raise Refused("the video's coding is unknown here: save it again as MP4, in H.264")
        width, height = stream.width, stream.height
        if width * height > MAX_FRAME_PIXELS or max(width, height) > MAX_CLIP_SIDE:
            raise Refused(f"the video's pictures are too large: {width} x {height}; shrink it to 1920 x 1080")
        if min(width, height) < LEAST_CLIP_SIDE:
            raise Refused(f"the video's pictures are too small: {width} x {height}; a face needs more pixels")
        stream.codec_context.thread_count = 1  # several files, or visitors, are read side by side
        yield container, stream


def about(source: Path, limit: float, longest: int) -> dict[str, float | bool]:
    """Read what a video is, decoding nothing but its first two frames.

    Args:
        source: the file.
        limit: seconds that it may be long.
        longest: longer side of its frames in pixels, at most.

    Returns:
        seconds, rate, width and height (of the frames that `frames` gives), sound.

    Raises:
        Refused: it cannot be used: what is wrong, and what to do.
    """
    with opened(source) as (container, stream):
        seconds = _length(container, stream)
        if seconds > limit:
            raise Refused(f"the video is {said(seconds)} long and the limit is {said(limit)}: cut it shorter")
        sound = container.streams.best("audio") is not None
        rate = float(stream.average_rate or stream.guessed_rate or MAX_RATE)
    start = frames(source, limit, longest)
    first = next(start, None)
    if first is None:
        raise Refused("no frame of this video can be read: save it again as MP4")
    if next(start, None) is None:
        raise Refused("this video has one frame only: bring it as a photo, or use a longer one")
    height, width = first[1].shape[:2]
    return {"seconds": seconds, "rate": min(rate, MAX_RATE), "width": width, "height": height, "sound": sound}


def frames(source: Path, limit: float, longest: int) -> Iterator[Timed]:
    """Decode a video frame by frame; a video whose tail is missing or damaged ends there.

    Args:
        source: the file.
        limit: seconds that it may be long.
        longest: longer side of the frames in pixels, at most.

    Raises:
        Refused: it cannot be read at all, takes too long, or is longer than its header says and than the limit.
    """
    began = time.process_time()
    with opened(source) as (container, stream):
        upright, base = Upright(stream, longest), stream.time_base
        assert base is not None, "opened sees to that"
        start, due = None, 0.0
        for frame in _decoded(container, stream):
            shown = frame.dts if frame.pts is None else frame.pts
            if shown is None:
                continue
            start = shown if start is None else start
            second = float((shown - start) * base)
            if second > limit:
                raise Refused(f"the video is longer than the limit of {said(limit)}: cut it shorter")
            if time.process_time() - began > CLIP_PROCESSOR * (limit + 1):
                raise Refused(SLOW)
            if second < due:
                continue
            due = max(due + 1 / MAX_RATE, second + 0.5 / MAX_RATE) - 1e-3
            yield second, upright(frame)


def spread_frames(source: Path, count: int, longest: int) -> Iterator[Timed]:
    """Decode frames from the middle of `count` equal parts of a video's length.

    In long videos only what is around the frames is decoded; where a container cannot be jumped in, all of it.

    Args:
        source: the file.
        count: how many frames.
        longest: longer side of the frames in pixels, at most.

    Yields:
        Fewer than count where the video has fewer frames.

    Raises:
        Refused: it cannot be read, or not further.
    """
    read = 0
    for jump in (True, False):
        try:
            with opened(source) as (container, stream):
                for picture in _spread(container, stream, count, longest, jump):
                    read += 1
                    yield picture
        except Refused:
            raise
        except MemoryError as error:
            raise Refused(HUNGRY) from error
        except Exception as error:  # decoders of hostile bytes raise nearly anything
            where = f"breaks off after {read} of {count} frames" if read else "cannot be read"
            raise Refused(f"the video {where}: {type(error).__name__}") from error
        if read:
            return
    raise Refused("the video has no frames that can be read")


class Upright:
    """Gives frames' RGB pixels, turned and mirrored as players show them: as the first frame says, for all of them.

    Args:
        stream: that they are of.
        longest: longer side of the result in pixels, at most.
    """

    def __init__(self, stream: VideoStream, longest: int):
        self._wide = min(16.0, max(1 / 16, float(stream.sample_aspect_ratio or 1)))  # a stored pixel's width by height
        self._longest, self._reformatter = longest, VideoReformatter()
        self._shown: tuple[bool, int, int] | None = None

    def __call__(self, frame: VideoFrame) -> np.ndarray:
        """Give uint8 H x W x 3."""
        if self._shown is None:
            self._shown = _shown(frame)  # once: PyAV keeps every frame whose side data are looked at
        shrink = min(1.0, self._longest / max(frame.width * self._wide, frame.height))
        width, height = max(1, round(frame.width * self._wide * shrink)), max(1, round(frame.height * shrink))
        picture = self._reformatter.reformat(frame, width, height, "rgb24", threads=1).to_ndarray()
        is_turned, down, right = self._shown
        return np.ascontiguousarray((picture.swapaxes(0, 1) if is_turned else picture)[::down, ::right])


def _shown(frame: VideoFrame) -> tuple[bool, int, int]:
    """Read a frame's display matrix, rounded to quarter turns and mirror images.

    Returns:
        Whether rows and columns are exchanged, and then the steps, 1 or -1, in which rows and columns are taken.
    """
    try:
        side_data: Any = frame.side_data
        matrix = np.frombuffer(bytes(side_data[Type.DISPLAYMATRIX]), np.int32)
    except KeyError:
        return False, 1, 1
    a, b, _, c, d = (int(value) for value in matrix[:5])  # x' = a x + c y, y' = b x + d y
    is_turned = abs(b) + abs(c) > abs(a) + abs(d)
    down, right = (b, c) if is_turned else (d, a)
    return is_turned, -1 if down < 0 else 1, -1 if right < 0 else 1


def _decoded(container: InputContainer, stream: VideoStream) -> Iterator[VideoFrame]:
    """Decode packet by packet; damaged packets are passed over, and a broken file ends."""
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets)
        except StopIteration:
            return
        except FFmpegError as error:
            _hungry(error)
            return
        try:
            pictures = packet.decode()
        except (FFmpegError, ValueError) as error:
            _hungry(error)
            continue
        yield from (picture for picture in pictures if isinstance(picture, VideoFrame))


def _hungry(error: Exception) -> None:
    """Raise Refused where memory was lacking: that is no damage of the file."""
    if isinstance(error, FFmpegError) and error.errno == errno.ENOMEM:
        raise Refused(HUNGRY) from error


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


def _spread(container: InputContainer, stream: VideoStream, count: int, longest: int, jump: bool) -> Iterator[Timed]:
    """Decode the frames of an opened video, as spread_frames yields them."""
    base = stream.time_base
    assert base is not None, "opened sees to that"
    upright = Upright(stream, longest)
    start, length = _span(container, stream)
    jump = jump and length * base / count > SEEK
    pictures, until = container.decode(stream), None
    for place in range(count):
        target = start + (2 * place + 1) * length // (2 * count)
        if until is not None and until > target:
            continue
        if jump:
            container.seek(target, stream=stream)
            pictures = container.decode(stream)
        reached = _reached(pictures, target)
        if reached is None:
            break
        frame, shown, until = reached
        yield float((shown - start) * base), upright(frame)


def _span(container: InputContainer, stream: VideoStream) -> tuple[int, int]:
    """Tell first time and length of a video in its time base, by reading on where no header does."""
    start = stream.start_time or 0
    if stream.duration:
        return start, stream.duration
    if container.duration and stream.time_base:
        return start, int(container.duration / 1_000_000 / stream.time_base)
    times = [packet.pts for packet in container.demux(stream) if packet.pts is not None]
    if not times:
        raise Refused("the video does not say when its frames are shown")
    container.seek(min(times), stream=stream)
    return min(times), max(times) - min(times) + 1


def _reached(pictures: Iterator[VideoFrame], target: int) -> tuple[VideoFrame, int, int] | None:
    """Find the frame shown at a time, or the first one after it, with its first time and end."""
    for frame in pictures:
        shown = frame.dts if frame.pts is None else frame.pts
        if shown is None:
            continue
        end = shown + max(1, frame.duration or 1)
        if end > target:
            return frame, shown, end
    return None
