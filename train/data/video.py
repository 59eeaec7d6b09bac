"""Frames of video files, upright, evenly spread over their length; untrusted bytes, read with PyAV."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from latentface.photo import MAX_SIDE, PhotoError
from latentface.video import opened, upright

SEEK = 5.0
"""Seconds between two wanted frames beyond which the decoder jumps instead of decoding all between them."""


def video_frames(source: Path | bytes, count: int, jump: bool = True) -> Iterator[tuple[float, np.ndarray]]:
    """Decode frames from the middle of `count` equal parts of a video's length.

    Args:
        source: path or bytes of a file in one of FORMATS.
        count: how many frames.
        jump: in long videos decode only around the frames.

    Yields:
        (second, uint8 H x W x 3, upright, with a longer side of at most 2048); fewer than count where the video has
        fewer frames.

    Raises:
        PhotoError: it cannot be read, or not further.
    """
    read = 0
    try:
        with opened(source) as (container, stream):
            for second, picture in _spread_frames(container, stream, count, jump):
                read += 1
                yield second, picture
    except PhotoError:
        raise
    except Exception as error:  # decoders of hostile bytes raise nearly anything
        where = f"breaks off after {read} of {count} frames" if read else "cannot be read"
        raise PhotoError(f"the video {where}: {type(error).__name__}") from error
    if not read and jump:  # some containers cannot be jumped in
        yield from video_frames(source, count, jump=False)
    elif not read:
        raise PhotoError("the video has no frames that can be read")


def _spread_frames(
    container: InputContainer, stream: VideoStream, count: int, jump: bool
) -> Iterator[tuple[float, np.ndarray]]:
    """The frames of an opened video, as video_frames yields them."""
    base = stream.time_base
    if base is None:
        raise PhotoError("the video does not say when its frames are shown")
    wide = float(stream.sample_aspect_ratio or 1)
    start, length = _span(container, stream)
    jump = jump and length * base / count > SEEK
    frames, until = container.decode(stream), None
    for place in range(count):
        target = start + (2 * place + 1) * length // (2 * count)
        if until is not None and until > target:
            continue
        if jump:
            container.seek(target, stream=stream)
            frames = container.decode(stream)
        reached = _reached(frames, target)
        if reached is None:
            break
        frame, shown, until = reached
        yield float((shown - start) * base), upright(frame, wide, MAX_SIDE)


def _span(container: InputContainer, stream: VideoStream) -> tuple[int, int]:
    """First time and length of a video in units of its time base; without a length in its header, read to its end."""
    start = stream.start_time or 0
    if stream.duration:
        return start, stream.duration
    if container.duration and stream.time_base:
        return start, int(container.duration / 1_000_000 / stream.time_base)
    times = [packet.pts for packet in container.demux(stream) if packet.pts is not None]
    if not times:
        raise PhotoError("the video does not say when its frames are shown")
    container.seek(min(times), stream=stream)
    return min(times), max(times) - min(times) + 1


def _reached(frames: Iterator[VideoFrame], target: int) -> tuple[VideoFrame, int, int] | None:
    """The frame that is shown at a time, or the first one after it, with its first time and its end."""
    for frame in frames:
        shown = frame.dts if frame.pts is None else frame.pts
        if shown is None:
            continue
        end = shown + max(1, frame.duration or 1)
        if end > target:
            return frame, shown, end
    return None
