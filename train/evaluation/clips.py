"""The `clips` suite: what of a moving face comes through, by landmarks that took no part in training.

    python -m train evaluate --suite clips --checkpoint explorer --data clips:FOLDER --out results.json

A clip is a video of one talking person, or the frames of one person in shards. Every frame is drawn five times, at its
own view and light: "rebuilt", as it was encoded; "part", the mean identity of the clip with what the second stage takes
for the frame's expression; and as films are driven (latentface/moving.py) "own", the clip's mean identity, "cross", the
next clip's mean identity, and "relative", the next clip's mean face with change alone. dlib's landmarks are measured in
the driver's frame and in each picture; for every clip the correlation with the driver's measure, and the slope over it,
are taken over its frames, and the median over clips is given. A slope of 1 is as much movement as the driver's.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from latentface.alignment import NoFaceError
from latentface.checkpoints import load_pipeline
from latentface.codes import Codes
from latentface.crop import crop
from latentface.moving import GAIN
from latentface.pictures import picture
from latentface.pipeline import LatentFacePipeline
from latentface.video import EXTENSIONS
from train.common.judges import Reader
from train.common.landmarks import levelled
from train.common.run import Progress
from train.common.sheets import tile
from train.data.reading import stream_clips
from train.data.video import video_frames

FRAMES = 16
"""Frames of each clip, evenly spread."""
SIDE = 256
"""Side in pixels of the pictures that landmarks are found in."""
LEAST = 8
"""Frames with landmarks that a clip needs to count."""
STILL = 1e-3
"""Standard deviation of a driver's measure below which it does not move, and the clip says nothing of it."""


def face_measures(points: np.ndarray) -> dict[str, np.ndarray]:
    """Measure mouths, brows, eyes and pose on landmarks, with the roll taken out.

    Args:
        points: N x 68 x 2, x right and y down, iBUG order.

    Returns:
        Name -> N, lengths over the face's size: mouth_opening (inner lips), mouth_width, brow_height above the eyes,
        eye_opening (over the eye's width); yaw and pitch as the nose's place over the face's size.
    """
    x, y, size = levelled(points)
    eyes = [(y[:, [i + 4, i + 5]] - y[:, [i + 2, i + 1]]).mean(1) / (x[:, i + 3] - x[:, i]) for i in (36, 42)]
    return {
        "mouth_opening": (y[:, 65:68] - y[:, 61:64]).mean(1) / size,
        "mouth_width": (x[:, 54] - x[:, 48]) / size,
        "brow_height": -y[:, 17:27].mean(1) / size,
        "eye_opening": (eyes[0] + eyes[1]) / 2,
        "yaw": (x[:, 30] - (x[:, 0:5].mean(1) + x[:, 12:17].mean(1)) / 2) / size,
        "pitch": (y[:, 30] - y[:, [0, 16]].mean(1)) / size,
    }


def following(driver: np.ndarray, drawn: np.ndarray) -> tuple[float, float]:
    """Correlation of N measures with the driver's, and their slope over them; 0 where the drawn ones stand still."""
    spread = driver - driver.mean()
    slope = float((spread * (drawn - drawn.mean())).mean() / spread.var())
    return (slope * float(driver.std() / drawn.std()) if drawn.std() > 0 else 0.0), slope


@dataclass
class Clip:
    """Frames of one person: what was seen, and what the model says of it."""

    name: str
    pictures: list[np.ndarray]
    """uint8 SIDE x SIDE x 3 standard crops."""
    codes: Codes
    """Of the same frames."""


def read_videos(pipeline: LatentFacePipeline, folder: Path) -> Iterator[Clip]:
    """Read the videos of a folder; frames without a face are left out.

    Raises:
        ValueError: the folder holds no video.
    """
    files = sorted(file for file in folder.iterdir() if file.suffix.lower() in EXTENSIONS)
    if not files:
        raise ValueError(f"{folder} holds no videos")
    for file in files:
        pictures, codes = [], []
        for _, frame in video_frames(file, FRAMES):
            try:
                face = pipeline.read(frame)
            except NoFaceError:
                continue
            assert face.alignment is not None, "it was found in a frame"
            pictures.append(crop(frame, face.alignment.square, SIDE))
            codes.append(face.codes)
        if codes:
            yield Clip(file.stem, pictures, Codes.cat(codes))


def read_shard_clips(pipeline: LatentFacePipeline, folder: Path, people: int = 24) -> Iterator[Clip]:
    """Read the first people of shards, FRAMES frames of each at most."""
    for number, (images, factors, _) in enumerate(stream_clips(folder, pipeline.size)):
        if number == people:
            return
        edge = (images.shape[-1] - pipeline.size) // 2
        inner = images[:FRAMES, :, edge : edge + pipeline.size, edge : edge + pipeline.size].float() / 127.5 - 1
        yield Clip(str(factors[0]["person"]), [picture(one, SIDE) for one in inner], pipeline.encode(inner))


def drive(pipeline: LatentFacePipeline, driver: Codes, target: Codes) -> dict[str, Codes]:
    """Drive the driver's own face and a target's by the driver's movements.

    Args:
        pipeline: splits codes.
        driver: of N frames.
        target: of M frames of the other person.

    Returns:
        "rebuilt", "part", "own", "cross", "relative": codes of N frames at the driver's views and lights (see above).
    """
    one, two = pipeline.split(driver), pipeline.split(target)
    identity = one.identity.mean(0)
    change = driver.face - identity
    kept = change.mean(0)
    movement = GAIN * (change - kept)
    faces = {
        "rebuilt": driver.face,
        "part": identity + one.expression,
        "own": identity + kept + movement,
        "cross": two.identity.mean(0) + kept + movement,
        "relative": target.face.mean(0) + movement,
    }
    halves = {name: face.chunk(2, 1) for name, face in faces.items()}
    return {name: replace(driver, shape=shape, texture=texture) for name, (shape, texture) in halves.items()}


def drawn(pipeline: LatentFacePipeline, codes: Codes) -> list[np.ndarray]:
    """Draw faces at their views and lights, uint8 SIDE x SIDE x 3 each."""
    rendered: list[Tensor] = [pipeline.decode(codes[i : i + 1]).render()[0][0] for i in range(len(codes.shape))]
    return [picture(one, SIDE) for one in rendered]


def clips(pipeline: LatentFacePipeline, found: list[Clip], reader: Reader) -> tuple[dict, list[Tensor]]:
    """Measure how pictures follow their drivers.

    Args:
        pipeline: the checkpoint.
        found: at least two clips.
        reader: finds landmarks.

    Returns:
        Flat results, and the sheet's rows: of the first three clips twelve frames, and the five pictures of each.

    Raises:
        ValueError: fewer than two clips have enough frames with landmarks.
    """
    scores: dict[str, list[float]] = defaultdict(list)
    sheet: list[Tensor] = []
    progress = Progress(len(found), unit="clips")
    frames = lost = used = 0
    for i, clip in enumerate(found):
        films = {"driver": clip.pictures}
        made = drive(pipeline, clip.codes, found[(i + 1) % len(found)].codes)
        films |= {name: drawn(pipeline, codes) for name, codes in made.items()}
        points = {name: [reader.points(image) for image in film] for name, film in films.items()}
        whole = [k for k in range(len(clip.pictures)) if all(film[k] is not None for film in points.values())]
        frames, lost = frames + len(clip.pictures), lost + len(clip.pictures) - len(whole)
        if len(whole) >= LEAST:
            used += 1
            measured = {
                name: face_measures(np.array([film[k] for k in whole], dtype=np.float64))
                for name, film in points.items()
            }
            for name in made:
                for measure, driver in measured["driver"].items():
                    if driver.std() < STILL:
                        continue
                    corr, slope = following(driver, measured[name][measure])
                    scores[f"{name}_{measure}_corr"].append(corr)
                    scores[f"{name}_{measure}_slope"].append(slope)
        if i < 3:
            rows = [np.stack(film[:12]) for film in films.values()]
            sheet += [torch.from_numpy(row).permute(0, 3, 1, 2).float() / 127.5 - 1 for row in rows]
        progress(i + 1, line=i + 1 == len(found))
    if used < 2:
        raise ValueError(
            f"only {used} of {len(found)} clips have {LEAST} frames with landmarks: at least two are needed"
        )
    results = {name: float(np.median(values)) for name, values in scores.items()}
    return {"n": used, "frames": frames, "frames_lost": lost, **results}, sheet


def run(checkpoints: list[str], data: list[tuple[str, Path]], out: Path, seed: int = 0) -> dict:
    """The suite: one checkpoint, and one clips:FOLDER of videos or people:SHARDS; a sheet is written beside `out`."""
    readers = {"clips": read_videos, "": read_videos, "people": read_shard_clips}
    if len(checkpoints) != 1 or len(data) != 1 or data[0][0] not in readers:
        raise ValueError("the clips suite takes one --checkpoint and one --data clips:FOLDER or people:SHARDS")
    pipeline, reader = load_pipeline(checkpoints[0]), Reader()
    with torch.no_grad():
        results, sheet = clips(pipeline, list(readers[data[0][0]](pipeline, data[0][1])), reader)
    out.parent.mkdir(parents=True, exist_ok=True)
    if sheet:
        width = min(len(row) for row in sheet)
        tile([row[:width] for row in sheet], 1).resize((width * 128, len(sheet) * 128)).save(out.with_suffix(".png"))
    return results
