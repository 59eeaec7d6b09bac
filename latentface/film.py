"""Films of drawn frames: written as H.264, joined, and given the sound of the clip they were made of."""

import heapq
import io
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import av
import numpy as np
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from latentface.video import sound_of

QUALITY = {"crf": "20", "preset": "veryfast", "bf": "0"}
"""Of x264; without frames that refer to later ones, parts can be joined packet by packet."""
TICK = Fraction(1, 1000)
"""Seconds in which times are written: Matroska's own unit."""


class Film:
    """A silent film that is written frame by frame into a Matroska file; use it in a `with`.

    Args:
        path: of the file; it is there once the film is closed without an error.
        rate: about how many frames a second.
        width: of the frames in pixels, even.
        height: of the frames in pixels, even.
    """

    def __init__(self, path: Path, rate: float, width: int, height: int):
        self._path, self._partial = path, path.with_suffix(".partial")
        self._file = av.open(str(self._partial), "w", format="matroska")
        self._stream = self._file.add_stream("libx264", rate=Fraction(rate).limit_denominator(1000), options=QUALITY)
        self._stream.width, self._stream.height = width, height
        self._stream.pix_fmt, self._stream.codec_context.time_base = "yuv420p", TICK

    def write(self, second: float, image: np.ndarray) -> None:
        """Add a frame.

        Args:
            second: when it is shown; later than the last.
            image: uint8 height x width x 3, RGB.
        """
        frame = av.VideoFrame.from_ndarray(image, format="rgb24")
        frame.pts, frame.time_base = round(second / TICK), TICK
        self._file.mux(self._stream.encode(frame))

    def __enter__(self) -> "Film":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._file.mux(self._stream.encode())
        self._file.close()
        if kind is None:
            self._partial.replace(self._path)
        else:
            self._partial.unlink(missing_ok=True)


def join(parts: Sequence[Path], out: Path, sound: Path | None = None) -> None:
    """Join parts of a film to one MP4 that plays while it loads.

    Args:
        parts: as `Film` writes them, in their order; frames keep their times.
        out: the MP4.
        sound: a file whose sound it gets; copied where MP4 takes it.
    """
    partial = out.with_suffix(".partial")
    with av.open(str(partial), "w", format="mp4", options={"movflags": "faststart"}) as film:
        with av.open(str(parts[0])) as first:
            stream = film.add_stream_from_template(first.streams.video[0])
        pictures = _pictures(parts, stream)
        heard = b"" if sound is None else sound_of(sound)
        if not heard:
            for packet in pictures:
                film.mux(packet)
        else:
            with av.open(io.BytesIO(heard), "r", format="mp4") as source:
                for packet in heapq.merge(pictures, _voice(source, film), key=_second):
                    film.mux(packet)
    partial.replace(out)


def _second(packet: Packet) -> float:
    """Tell when a packet is decoded, in seconds."""
    time = packet.dts if packet.dts is not None else packet.pts
    return float((time or 0) * (packet.time_base or 0))


def _pictures(parts: Sequence[Path], stream: VideoStream) -> Iterator[Packet]:
    """Take the packets of the parts."""
    for path in parts:
        with av.open(str(path)) as part:
            for packet in part.demux(video=0):
                if packet.dts is not None:
                    packet.stream = stream
                    yield packet


def _voice(source: InputContainer, film: OutputContainer) -> Iterator[Packet]:
    """Take the packets of a file's sound for a film."""
    voice = source.streams.audio[0]
    stream = film.add_stream_from_template(voice)
    for packet in source.demux(voice):
        if packet.dts is not None:
            packet.stream = stream
            yield packet
