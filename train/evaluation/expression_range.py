"""The `range` suite: how wide the expressions of data sets are, and whose they are, beside one another.

    python -m train evaluate --suite range --data clips:FOLDER --data people:SHARDS --out results.json

Of every data set mouth opening, mouth width, brow height and eye opening are read off dlib's landmarks, with the
measures of the `clips` suite, so that videos, photos and drawn people stand side by side: percentiles over all frames,
and the standard deviation within a person. Of shards whose frames carry their expressions, the share of each one's
variance that lies between people is given too (see train/data/levelling.py). Takes no checkpoint.
"""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from latentface.alignment import NoFaceError, align
from latentface.crop import crop
from latentface.pictures import picture
from latentface.video import EXTENSIONS
from train.common.judges import Reader
from train.common.run import Progress
from train.common.tar_slices import read_slice
from train.data.levelling import EXPRESSIONS, between_people, expression_values
from train.data.on_disk import index_shard
from train.data.reading import stream_clips
from train.data.samples import tars_of
from train.data.video import video_frames
from train.evaluation.clips import FRAMES, SIDE, face_measures

MEASURES = ("mouth_opening", "mouth_width", "brow_height", "eye_opening")
"""Of face_measures, those that an expression moves."""
PERCENTILES = (1, 5, 50, 95, 99)
PEOPLE = 60
"""Clips that are looked at."""
LEAST = 4
"""Frames with landmarks that a person needs to count."""


def video_people(folder: Path) -> Iterator[list[np.ndarray]]:
    """Standard crops of the frames of each video of a folder, uint8 SIDE x SIDE x 3.

    Raises:
        ValueError: the folder holds no video.
    """
    files = sorted(file for file in folder.iterdir() if file.suffix.lower() in EXTENSIONS)
    if not files:
        raise ValueError(f"{folder} holds no videos")
    for file in files:
        pictures = []
        for _, frame in video_frames(file, FRAMES):
            try:
                pictures.append(crop(frame, align(frame, SIDE).square, SIDE))
            except NoFaceError:
                continue
        yield pictures


def shard_people(folder: Path, size: int = 128) -> Iterator[list[np.ndarray]]:
    """Standard crops of the frames of the first PEOPLE clips of shards, uint8 SIDE x SIDE x 3."""
    for number, (images, _, _) in enumerate(stream_clips(folder, size)):
        if number == PEOPLE:
            return
        edge = (images.shape[-1] - size) // 2
        inner = images[..., edge : edge + size, edge : edge + size].float() / 127.5 - 1
        yield [picture(one, SIDE) for one in inner]


def ranges(people: Iterable[list[np.ndarray]], reader: Reader) -> dict[str, float]:
    """Measure how wide faces' expressions are.

    Args:
        people: pictures of each, uint8 SIDE x SIDE x 3.
        reader: finds landmarks.

    Returns:
        "people", "frames", "frames_lost"; of every measure percentiles over the frames of all ("..._p5") and the root
        of the mean variance within a person ("..._within").

    Raises:
        ValueError: nobody has LEAST frames with landmarks.
    """
    measured: list[dict[str, np.ndarray]] = []
    frames = lost = 0
    progress = Progress(PEOPLE, unit="clips")
    for number, pictures in enumerate(people, 1):
        points = [found for image in pictures if (found := reader.points(image)) is not None]
        frames, lost = frames + len(pictures), lost + len(pictures) - len(points)
        if len(points) >= LEAST:
            measured.append(face_measures(np.array(points)))
        progress(number, line=False)
    if not measured:
        raise ValueError(f"nobody has {LEAST} frames with landmarks")
    out: dict[str, float] = {"people": len(measured), "frames": frames, "frames_lost": lost}
    for name in MEASURES:
        values = [one[name] for one in measured]
        found = np.percentile(np.concatenate(values), PERCENTILES)
        out |= {f"{name}_p{part}": float(value) for part, value in zip(PERCENTILES, found, strict=True)}
        out[f"{name}_within"] = float(np.sqrt(np.mean([one.var(ddof=1) for one in values])))
    return out


def shares(folder: Path) -> dict[str, float]:
    """Share of each expression's variance that lies between people, of all frames of shards that carry expressions."""
    clips = [read_slice(path, files["json"]) for path in tars_of(folder) for files in index_shard(path)]
    frames = [frame for clip in clips for frame in json.loads(clip)]
    try:
        values = expression_values(frames)
    except ValueError:
        return {}
    found = between_people(values, np.array([str(frame["person"]) for frame in frames]))
    return {f"{name}_between_people": float(share) for name, share in zip(EXPRESSIONS, found, strict=True)}


def run(checkpoints: list[str], data: list[tuple[str, Path]], out: Path, seed: int = 0) -> dict:
    """The suite: any number of clips:FOLDER of videos and people:SHARDS; results by the folder's name."""
    if {kind for kind, _ in data} - {"clips", "people"}:
        raise ValueError("the range suite takes --data clips:FOLDER and people:SHARDS")
    reader, results = Reader(), {}
    for kind, path in data:
        found = ranges(video_people(path) if kind == "clips" else shard_people(path), reader)
        found |= shares(path) if kind == "people" else {}
        results |= {f"{path.name}_{name}": value for name, value in found.items()}
    return results
