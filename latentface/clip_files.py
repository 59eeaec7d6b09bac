"""Files of a clip that is taken apart: codes and films, made in parts, so that a run that was stopped goes on.

Every part begins where the one before ended, with a tracker of its own: stopped or not, the same files come out.
"""

import json
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from safetensors.torch import save_file
from torch import Tensor

from latentface.ahead import ahead
from latentface.codes import Codes
from latentface.film import Film, join
from latentface.films import PANELS, SIDE, Panels, driven_film, own_films
from latentface.moving import BATCH, EncodeAndSplit, Moving, Stretch, watch
from latentface.pipeline import LatentFacePipeline
from latentface.tracker import PAIRS, Tracker
from latentface.video import Frame, Video, frames, inspect

PART = 120
"""Frames of a part."""


def take_apart(
    pipeline: LatentFacePipeline, clip: Path, folder: Path, face: int = 0, on_gpu: EncodeAndSplit | None = None
) -> Generator[int, None, Stretch]:
    """Find and encode a clip's face.

    Args:
        pipeline: the model.
        clip: the video.
        folder: where parts lie and are put; it exists.
        face: which face, counted from 0 by falling size where it is first seen.
        on_gpu: encodes and splits crops on a GPU, PART frames at once.

    Yields:
        How many frames are done.

    Returns:
        All of them.
    """
    parts = [Stretch.load(path) for path in _numbered(folder, "codes", ".safetensors")]
    done, source = sum(map(len, parts)), frames(clip)
    last = deque(islice(source, done), maxlen=1)
    while True:
        tracker = Tracker(pipeline.size, face)
        before = parts[-1].face(-1) if parts else None
        if before is not None and last:
            tracker.begin(last[0].image, before, looks=len(PAIRS))
        stretches = []
        batch = PART if on_gpu else BATCH
        for stretch in watch(pipeline, _remembered(islice(source, PART), last), tracker, batch, on_gpu):
            stretches.append(stretch)
            done += len(stretch)
            yield done
        if not stretches:
            return Stretch.cat(parts)
        parts.append(Stretch.cat(stretches))
        parts[-1].save(folder / f"codes_{len(parts) - 1:04}.safetensors")


def write_films(
    pipeline: LatentFacePipeline, clip: Path, video: Video, face: Moving, folder: Path, out: Path
) -> Iterator[int]:
    """Write the clip beside what the model makes of it (PANELS), as an MP4 with the clip's sound.

    Args:
        pipeline: the model.
        clip: the video.
        video: what its header says.
        face: the clip's.
        folder: where parts lie and are put.
        out: the MP4.

    Yields:
        How many frames are done.
    """
    there = len(_numbered(folder, out.stem, ".mkv")) * PART
    source = islice(frames(clip), there, len(face))
    drawn = own_films(pipeline, face, source, first=there)
    yield from _film(drawn, there, len(face), video, len(PANELS), folder, out, clip)


def write_driven(
    pipeline: LatentFacePipeline, clip: Path, video: Video, codes: Codes, seconds: Tensor, folder: Path, out: Path
) -> Iterator[int]:
    """Write a face that a clip drives as an MP4 with the clip's sound.

    Args:
        pipeline: the model.
        clip: the video.
        video: what its header says.
        codes: of its N frames, see moving.drive.
        seconds: N, when each is shown.
        folder: where parts lie and are put.
        out: the MP4.

    Yields:
        How many frames are done.
    """
    there = len(_numbered(folder, out.stem, ".mkv")) * PART
    drawn = driven_film(pipeline, codes[there:], seconds[there:])
    yield from _film(drawn, there, len(seconds), video, 1, folder, out, clip)


def save_codes(stretch: Stretch, face: Moving, path: Path) -> None:
    """Write a clip's codes as safetensors, one row a frame: as seen, in parts, and when; named as by `embed`.

    Args:
        stretch: as it was seen.
        face: the same settled: its one identity is the row of "held_identity".
        path: the file.
    """
    tensors = {"view": stretch.view, "light": stretch.light}
    for kind, values in (
        ("", stretch.code),
        ("_identity", stretch.identity),
        ("_expression", stretch.expression),
    ):
        tensors[f"shape{kind}"], tensors[f"texture{kind}"] = values.chunk(2, 1)
    tensors |= {"held_identity": face.identity, "seconds": stretch.seconds, "seen": stretch.seen}
    tensors |= {"squares": stretch.squares}
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, path)


@dataclass(frozen=True)
class Example:
    """A bundled clip with what a checkpoint made of it."""

    checkpoint: str
    video: Video
    stretch: Stretch


def read_example(folder: Path) -> Example | None:
    """Read what `python -m train clip` wrote; None where there is nothing."""
    about = folder / "clip.json"
    if not about.exists():
        return None
    checkpoint = json.loads(about.read_text())["checkpoint"]
    return Example(checkpoint, inspect(folder / "clip.mp4"), Stretch.load(folder / "stretch.safetensors"))


def _film(
    drawn: Iterator[Panels], there: int, count: int, video: Video, panels: int, folder: Path, out: Path, clip: Path
) -> Iterator[int]:
    """Write frames from number `there` on in parts, and join all parts."""
    drawn = ahead(drawn, BATCH)
    for start in range(there, count, PART):
        with Film(folder / f"{out.stem}_{start // PART:04}.mkv", video.rate, panels * SIDE, SIDE) as film:
            for number, moment in enumerate(islice(drawn, PART), start):
                film.write(moment.second, moment.strip)
                yield number + 1
    join(_numbered(folder, out.stem, ".mkv"), out, clip if video.sound else None)


def _numbered(folder: Path, stem: str, suffix: str) -> list[Path]:
    """Find the finished parts of one kind, in their order."""
    return sorted(folder.glob(f"{stem}_[0-9][0-9][0-9][0-9]{suffix}"))


def _remembered(source: Iterable[Frame], last: deque[Frame]) -> Iterator[Frame]:
    """Hand frames on and keep the last."""
    for frame in source:
        last.append(frame)
        yield frame
