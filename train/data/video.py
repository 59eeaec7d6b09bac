"""Frames of video files, upright, evenly spread over their length; untrusted bytes."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from latentface.video import spread_frames


def video_frames(source: Path | bytes, count: int) -> Iterator[tuple[float, np.ndarray]]:
    """Decode frames from the middle of `count` equal parts of a video's length.

    Args:
        source: path or bytes of a file in one of FORMATS.
        count: how many frames.

    Yields:
        (second, uint8 H x W x 3, upright, with a longer side of at most 2048); fewer than count where the video has
        fewer frames.

    Raises:
        PhotoError: it cannot be read, or not further.
    """
    return ((frame.second, frame.image) for frame in spread_frames(source, count))
