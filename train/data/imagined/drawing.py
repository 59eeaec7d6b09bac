"""Clips of people who do not exist: photo-like faces of a generator that move through expression and pose, like video.

    python -m train imagined --people 1000 --frames 8 --size 128 --seed 0 --out SHARDS [--workers 2]

The generator is MobileStyleGAN (see `generator`), distilled from StyleGAN2 on FFHQ: a model trained on its pictures is
for research, not for sale. A person is a style w (`people`). A frame moves the styles of some layers only (StyleGAN,
arXiv:1812.04948, section 3): the coarse ones turn the head, the middle ones move the face, along `directions`. A
person's usual smile is taken off first: the frames pass through rest and through expressions that are drawn
independently of the person (`motion`). See CARD.md.
"""

import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from latentface.crop import standard_crop
from latentface.detection import five_points
from train.common.judges import Reader
from train.data.engine import Drawn, draw_shards, progress_line
from train.data.executor import Executor
from train.data.imagined.directions import EXPRESSION, POSE
from train.data.imagined.measurements import Measured, measured
from train.data.imagined.model import Imagined
from train.data.imagined.motion import path
from train.data.imagined.people import person_style, within
from train.data.shards import MARGIN, encode_webp

SAME_PERSON = 0.5
"""Largest embedding distance to a person's face at rest. dlib's own threshold is 0.6; of two drawn people 0.3 % are
nearer than 0.5."""
ABOUT = {
    "source": "random-face 2021.7.21.1 (MobileStyleGAN, distilled from StyleGAN2 on FFHQ)",
    "licence": "research, non-commercial",
    "card": "train/data/imagined/CARD.md",
}

Picture = tuple[np.ndarray, dict]
"""A stored frame, P x P x 3 uint8 RGB, and its factors."""


def crop_box(points: np.ndarray, margin: float = MARGIN) -> tuple[float, float, float, float]:
    """Return the standard crop of a face (68 x 2 landmarks, iBUG), widened by margin: left, top, right, bottom."""
    x, y, half = standard_crop(five_points(points), margin)
    return x - half, y - half, x + half, y + half


def crop(image: np.ndarray, points: np.ndarray, size: int, margin: float = MARGIN) -> np.ndarray:
    """Cut the standard crop with margin, resized with Lanczos; outside the image it is mirrored.

    Args:
        image: H x W x 3 uint8.
        points: 68 x 2 landmarks in its pixels.
        size: side of the result in pixels.
        margin: side of the result over the side of the standard crop.

    Returns:
        size x size x 3 uint8.
    """
    box = np.array(crop_box(points, margin))
    height, width = image.shape[:2]
    pad = max(0, int(np.ceil(max(-box[0], -box[1], box[2] - width, box[3] - height))))
    if pad:
        image = np.pad(image, ((pad, pad), (pad, pad), (0, 0)), mode="symmetric")
    left, top, right, bottom = (box + pad).tolist()
    resized = Image.fromarray(image).resize((size, size), Image.Resampling.LANCZOS, box=(left, top, right, bottom))
    return np.asarray(resized)


@functools.cache
def engine() -> tuple[Imagined, Reader]:
    """Return the one generator and the one judge of this process."""
    return Imagined(), Reader()


def clip_of(seed: int, person: int, frames: int, side: int, same: float = SAME_PERSON) -> list[Picture]:
    """Draw the clip of one person; the same arguments give the same pictures on the same kind of processor.

    Args:
        seed: of everything drawn, with `person`.
        person: number of the person.
        frames: most frames; one that loses its face or its identity is redrawn with weaker edits, then dropped.
        side: side of a picture in pixels: the standard crop with margin, so its middle 1 / 1.25 is the standard crop.
        same: largest embedding distance to frame 0 of a frame that is kept.

    Returns:
        A list of (side x side x 3 uint8 RGB, factors). Factors: person, frame (0 at rest; numbers of dropped frames are
        missing), psi, gender and age (scores in standard deviations of what the generator draws, male and old
        positive), skin (ITA in degrees as the embedding tells it, whatever the light), tone (ITA of the cheeks'
        pixels), edit {name: strength} from rest, measured {name: as read off the picture, in standard deviations},
        distance (the embedding's, to frame 0). All are readings or wishes: none of them is truth.

    Raises:
        ImportError: a package it draws or reads with is missing, named with the command that installs it.
        RuntimeError: 50 draws in a row gave no clip, as only wrong directions do.
    """
    generator, reader = engine()
    for attempt in range(50):
        clip = _clip(generator, reader, np.random.default_rng([seed, person, attempt]), person, frames, side, same)
        if len(clip) >= min(4, frames):
            return clip
    raise RuntimeError(f"no clip of person {person} in 50 draws: are these the generator's directions?")


def _clip(
    engine: Imagined, reader: Reader, rng: np.random.Generator, person: int, frames: int, side: int, same: float
) -> list[Picture]:
    """One attempt at a clip; empty where the face at rest is none or broken."""
    w, _, psi = person_style(engine, rng)
    guess = {name: float(engine.predicted(w[None], name)[0]) for name in POSE + EXPRESSION}
    wishes = path(rng, frames)
    # rest first, by what the readers say; then every frame from there, by what is measured
    rest = within(engine, {name: np.array([wishes[name][0] - guess[name]]) for name in guess})
    base = engine.edit(engine.rows(w[None]), rest)
    image = engine.draw(base)[0]
    still = measured(image, reader, engine.found)
    if still is None or not still.plausible:
        return []
    missing = {name: float(wishes[name][0]) - v if np.isfinite(v := still.values[name]) else 0.0 for name in rest}
    about = _about(engine, person, psi, still)
    clip = {0: (crop(image, still.points, side), _factors(about, 0, dict.fromkeys(rest, 0.0), still, 0.0))}
    todo = list(range(1, frames))
    for weaker in (1.0, 0.6):
        if not todo:
            break
        asked = {n: np.array([weaker * (wishes[n][t] - wishes[n][0] + missing[n]) for t in todo]) for n in rest}
        steps = within(engine, asked)
        failed, pictures = [], engine.draw(engine.edit(np.repeat(base, len(todo), axis=0), steps))
        for i, (t, image) in enumerate(zip(todo, pictures, strict=True)):
            seen = measured(image, reader, engine.found)
            if seen is None or not seen.plausible or (distance := _distance(seen, still)) > same:
                failed.append(t)
                continue
            strengths = {n: s[i] for n, s in steps.items()}
            clip[t] = (crop(image, seen.points, side), _factors(about, t, strengths, seen, distance))
        todo = failed
    return [clip[t] for t in sorted(clip)]


def _distance(one: Measured, other: Measured) -> float:
    """Distance of two faces' identity embeddings."""
    return float(np.linalg.norm(one.embedding - other.embedding))


def _about(engine: Imagined, person: int, psi: float, still: Measured) -> dict:
    """Factors of a person, read off the face at rest."""
    skin = still.values["skin"] * float(engine.found["spread_skin"]) + float(engine.found["centre_skin"])
    scores = {name: round(still.values[name], 2) for name in ("gender", "age")}
    tones = {"tone": round(still.tone, 1), "skin": round(skin, 1)}
    return {"person": f"{person:06d}", "psi": round(psi, 3), **tones, **scores}


def _factors(about: dict, frame: int, strengths: Mapping[str, float], seen: Measured, distance: float) -> dict:
    """Factors of a frame."""
    values = {name: round(v, 2) for name, v in seen.values.items() if name in strengths and np.isfinite(v)}
    edit = {name: round(float(s), 3) for name, s in strengths.items()}
    return {**about, "frame": frame, "edit": edit, "measured": values, "distance": round(distance, 3)}


def clips(
    people: int, frames: int, size: int, seed: int, progress: Callable[[int, int], None] | None = None
) -> Iterator[list[Picture]]:
    """Draw people 0, 1, ..., one after the other.

    Args:
        people: how many.
        frames: most frames a clip.
        size: side of a picture in pixels.
        seed: of everything drawn.
        progress: called with (people done, people) after each.

    Yields:
        The clip of each person, as clip_of returns it.

    Raises:
        ValueError: people, frames or size is below 1; and as clip_of.
    """
    if min(people, frames, size) < 1:
        raise ValueError(f"people, frames and size must be 1 or more, not {people}, {frames}, {size}")
    for person in range(people):
        yield clip_of(seed, person, frames, size)
        if progress:
            progress(person + 1, people)


@dataclass(frozen=True)
class Clip:
    """Makes clips as draw_shards takes them."""

    seed: int
    frames: int
    side: int

    def __call__(self, person: int) -> Drawn:
        """Draw the clip of a person."""
        clip = clip_of(self.seed, person, self.frames, self.side)
        images = [encode_webp(image) for image, _ in clip]
        return f"{person:06d}", images, [factors for _, factors in clip], None


def imagined_shards(people: int, frames: int, size: int, seed: int, out: Path, workers: int | Executor = 1) -> dict:
    """Draw clips into shards (`python -m train imagined`).

    Args:
        people: how many, a clip each.
        frames: most frames a clip.
        size: side of the standard crop in pixels.
        seed: of everything drawn.
        out: the shards folder.
        workers: processes, or who makes clips (executor.py); the bytes do not depend on it.

    Returns:
        The manifest; {} while other parts have shards to draw still.

    Raises:
        ValueError: people, frames or size is below 1.
        ShardsError: `out` holds other shards.
    """
    if min(people, frames, size) < 1:
        raise ValueError(f"people, frames and size must be 1 or more, not {people}, {frames}, {size}")
    arguments = {"engine": "imagined", "frames": frames, "size": size, "seed": seed}
    make_clip, progress = Clip(seed, frames, round(size * MARGIN)), progress_line(people, "people", 50)
    return draw_shards(make_clip, people, out, {**ABOUT, "seed": seed}, arguments, workers, progress=progress)
