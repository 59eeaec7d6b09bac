"""The sound of a clip, alone in a file of its own. Runs in the worker alone, under its limits."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import av
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.error import FFmpegError
from av.packet import Packet

from latentface.intake.limits import CLIP_FORMATS

COPIED = {"aac", "mp3"}
"""Sound that MP4 takes as it is; other sound is written as AAC."""
TOGETHER, PIECE = 40, 2**22
"""Packets between two signs of life, and bytes of a piece."""


def sound(source: Path) -> Iterator[bytes]:
    """Write a clip's sound, and nothing else of it, as an MP4 file that starts where the pictures start.

    Args:
        source: a file in one of CLIP_FORMATS.

    Yields:
        The file's bytes in pieces, empty ones while it is made; none where there is no sound.
    """
    made = io.BytesIO()
    with source.open("rb") as file, av.open(file, "r", options={"format_whitelist": CLIP_FORMATS}) as container:
        voice, pictures = container.streams.best("audio"), container.streams.best("video")
        if not isinstance(voice, AudioStream):
            return
        start = float((pictures.start_time or 0) * (pictures.time_base or 0)) if pictures is not None else 0.0
        with av.open(made, "w", format="mp4") as out:
            for number, packet in enumerate(_voice(container, voice, out, start)):
                out.mux(packet)
                if number % TOGETHER == 0:
                    yield b""
    for at in range(0, len(made.getbuffer()), PIECE):
        yield bytes(made.getbuffer()[at : at + PIECE])


def _voice(container: InputContainer, voice: AudioStream, out: OutputContainer, start: float) -> Iterator[Packet]:
    """Take the packets of the sound, copied or written anew."""
    if voice.codec_context.name in COPIED:
        stream = out.add_stream_from_template(voice)
        return _copied(container, voice, stream, start)
    return _written(container, voice, out.add_stream("aac", rate=voice.rate or 48000), start)


def _copied(container: InputContainer, voice: AudioStream, stream: AudioStream, start: float) -> Iterator[Packet]:
    """Copy packets of sound."""
    ahead = round(start / (voice.time_base or 1))
    try:
        for packet in container.demux(voice):
            if packet.dts is None or packet.pts is None or packet.pts < ahead:
                continue
            packet.pts, packet.dts = packet.pts - ahead, packet.dts - ahead
            packet.stream = stream
            yield packet
    except FFmpegError:  # a cut tail
        return


def _written(container: InputContainer, voice: AudioStream, stream: AudioStream, start: float) -> Iterator[Packet]:
    """Write sound anew."""
    try:
        for frame in container.decode(voice):
            if frame.pts is None or frame.time is None or frame.time < start:
                continue
            frame.pts -= round(start / (frame.time_base or 1))
            yield from stream.encode(frame)
    except FFmpegError:  # a cut tail
        pass
    yield from stream.encode()
