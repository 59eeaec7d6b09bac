"""Clips of people who do not exist: photo-like faces of a generator that move through expression and pose, like video.

    python -m train.data.imagined.drawing --people 1000 --frames 8 --size 128 --seed 0 --out SHARDS [--workers 2]
    python -m train.data.imagined.drawing --find-directions --traits london_dev.tar     once: writes directions.npz

The generator is MobileStyleGAN (see `generator`), distilled from StyleGAN2 on FFHQ: what is trained on its pictures is
for research, not for sale. A person is a style w, chosen and moved so that gender, age and skin tone come evenly. A
frame moves the styles of some layers only (StyleGAN, arXiv:1812.04948, section 3): the coarse ones turn the head, the
middle ones move the face, along the directions of `directions`. A person's usual smile is taken off first: their frames
pass through rest and through expressions that are drawn independently of who they are. See cards/imagined.md.
"""

from __future__ import annotations

import argparse
import functools
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from latentface.crop import standard_crop
from latentface.detection import five_points
from train.common.judges import Reader, measures, package_folder
from train.common.run import Progress
from train.data.engine import draw_shards
from train.data.imagined.directions import (
    DIRECTIONS,
    EXPRESSION,
    LAYERS,
    POSE,
    TRAITS,
    gaze,
    kind,
    mouth_and_brows,
    read,
    skin_tone,
)
from train.data.imagined.generator import Generator, Reading
from train.data.shards import MARGIN

REST = {"smile": -0.6, "jaw": -0.5}
"""Where a face at rest stands, in standard deviations of what the generator draws: it likes to smile."""
SAME_PERSON = 0.5
"""Largest embedding distance to a person's face at rest. dlib's own threshold is 0.6; of two drawn people 0.3 % are
nearer than 0.5."""
CANDIDATES = 48
"""Styles looked at for each person; the one that comes nearest to the wished gender, age and skin is taken."""
SKIN = (-4.0, 1.0)
"""Range of the wished skin tone in standard deviations: darker than most of what the generator draws (light, FFHQ)."""
TRAIT_STEP = 1.5
"""Longest step of a person's style along a trait, in standard deviations."""
PLAUSIBLE = 3.2
"""A face that measures further out than this, in anything, is broken: a person is drawn anew, a frame with weaker
edits."""
REACH = {"pose": 6.0, "expression": 3.3}
"""Longest step in W of all edits of a kind together; a longer one is shortened, for it breaks the face."""
STANDS = 5
"""Frames from one key of a clip to the next, about."""
ABOUT = {
    "source": "random-face 2021.7.21.1 (MobileStyleGAN, distilled from StyleGAN2 on FFHQ)",
    "licence": "research, non-commercial",
    "card": "train/data/imagined/CARD.md",
}


def load_directions(path: str | Path = DIRECTIONS) -> dict[str, np.ndarray]:
    """What directions.find wrote, as float32, from an .npz without pickles. Raises FileNotFoundError or ValueError."""
    with np.load(path, allow_pickle=False) as stored:
        return {name: stored[name].astype(np.float32) for name in stored.files}


class Imagined:
    """The generator with its directions and the judge of identity. Nothing is fetched or written.

    Args:
        found: what load_directions gives; the bundled one if None. Without "reading_weight" only `whole` draws.
        device: of the network; on a CPU it runs in bfloat16, one picture at a time, the fastest there.

    Attributes:
        sides: side in pixels of the feature map that each style row scales, coarse to fine; 23 integers.
        mean: 512 float32, the mean style (4,096 draws of a fixed seed), towards which psi pulls.

    Raises:
        ImportError: `random-face` is not installed.
    """

    def __init__(self, found: dict[str, np.ndarray] | None = None, device: str | None = None):
        folder = package_folder("random_face", "pip install --no-deps random-face==2021.7.21.1") / "data"
        self.found = load_directions() if found is None else found
        self.device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        network = Generator(folder)
        # the mapping stays in float32: styles are cheap, and what bfloat16 rounds in them would move every picture
        self.map = network.mapping
        self.sides = network.sides
        self.mean = self._map(np.random.default_rng(0).standard_normal((4096, 512))).mean(axis=0)
        self.network = Generator(folder).to(self.device, torch.bfloat16, memory_format=torch.channels_last)
        self.batch = 16 if self.device.type == "cuda" else 1
        if "reading_weight" in self.found:
            parts = (torch.from_numpy(self.found[f"reading_{part}"]) for part in ("weight", "bias"))
            self.reading = Reading(*parts).to(self.device, torch.bfloat16)

    def _map(self, z: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return self.map(torch.from_numpy(np.asarray(z, dtype=np.float32))).numpy()

    def styles(self, z: np.ndarray, psi: float | np.ndarray) -> np.ndarray:
        """Styles w of people: N x 512 float32.

        z: N x 512, standard normal. psi: truncation, a number or one for each of the N: 0 is the mean face, 1 the
        generator's full variety.
        """
        return (self.mean + np.reshape(psi, (-1, 1)) * (self._map(z) - self.mean)).astype(np.float32)

    def rows(self, w: np.ndarray) -> np.ndarray:
        """One style a layer, coarse to fine: w N x 512 -> N x 23 x 512; the 23 rows of a person are equal."""
        return np.repeat(w[:, None], len(self.sides), axis=1)

    def edit(self, styles: np.ndarray, strengths: dict[str, float | np.ndarray]) -> np.ndarray:
        """Styles N x 23 x 512 moved along directions, a number or one a style, each on the layers of its kind only."""
        edited = styles.copy()
        for name, strength in strengths.items():
            step = np.reshape(strength, (-1, 1, 1)) * self.found[name]
            layers = np.isin(self.sides, LAYERS[kind(name)]) if kind(name) in LAYERS else np.ones(len(self.sides), bool)
            edited[:, layers] += step.astype(np.float32)
        return edited

    def predicted(self, w: np.ndarray, name: str) -> np.ndarray:
        """What the face of w (N x 512) will measure, in standard deviations, as a linear reader has it: N."""
        return (w - self.found["mean"]) @ self.found[f"read_{name}"]

    def draw(self, styles: np.ndarray, whole: bool = False) -> np.ndarray:
        """Pictures of styles N x 23 x 512: N x 512 x 512 x 3 uint8 RGB, framed as FFHQ; whole: all levels, 1024 px.

        Raises ValueError for styles of another shape.
        """
        if styles.ndim != 3 or styles.shape[1:] != (len(self.sides), 512):
            raise ValueError(f"styles must be N x {len(self.sides)} x 512, not {styles.shape}")
        drawn = []
        with torch.inference_mode():
            for rows in torch.from_numpy(styles).split(self.batch):
                rows = rows.to(self.device, torch.bfloat16)
                pictures = self.network(rows) if whole else self.network.small(rows, self.reading)
                pictures = pictures.float().clamp(-1, 1).mul(127.5).add(128).clamp(max=255)
                drawn.append(pictures.permute(0, 2, 3, 1).to(torch.uint8).cpu().numpy())
        return np.concatenate(drawn)


@dataclass
class Face:
    """What is read off one drawn picture."""

    points: np.ndarray
    """68 x 2 landmarks in its pixels."""
    embedding: np.ndarray
    """128, dlib's identity embedding."""
    values: dict[str, float]
    """Measures, in standard deviations of what the generator draws."""
    tone: float
    """ITA of the cheeks' pixels in degrees; falls with the light."""

    @property
    def plausible(self) -> bool:
        """Whether all that was measured is within PLAUSIBLE; traits aside."""
        return all(abs(v) <= PLAUSIBLE for name, v in self.values.items() if name not in TRAITS and np.isfinite(v))


def measured(
    image: np.ndarray, reader: Reader, found: dict[str, np.ndarray], points: np.ndarray | None = None
) -> Face | None:
    """Reads a picture H x W x 3 uint8; None where no face is found."""
    points = reader.points(image) if points is None else points
    if points is None:
        return None
    values = {k: float(v[0]) for k, v in {**measures(points[None]), **mouth_and_brows(points[None])}.items()}
    embedding = reader.embedding(image, points)
    values |= {name: float(read(found[f"embedding_{name}"], embedding[None])[0]) for name in TRAITS}
    values["gaze"] = gaze(image, points)
    scaled = {k: (v - float(found[f"centre_{k}"])) / float(found[f"spread_{k}"]) for k, v in values.items()}
    return Face(points, embedding, scaled, skin_tone(image, points))


def crop_box(points: np.ndarray, margin: float = MARGIN) -> tuple[float, float, float, float]:
    """The standard crop of a face, widened by margin: left, top, right, bottom in pixels (68 x 2 landmarks, iBUG).

    With e the midpoint of the eye centres and m that of the mouth corners: centre e + 0.36 (m - e), half side
    1.36 max(|m - e|, 1.1 |eye - eye|), no rotation.
    """
    x, y, half = standard_crop(five_points(points), margin)
    return x - half, y - half, x + half, y + half


def crop(image: np.ndarray, points: np.ndarray, size: int, margin: float = MARGIN) -> np.ndarray:
    """The crop as size x size x 3 uint8, resized with Lanczos; what lies outside the image is mirrored in."""
    box = np.array(crop_box(points, margin))
    height, width = image.shape[:2]
    pad = max(0, int(np.ceil(max(-box[0], -box[1], box[2] - width, box[3] - height))))
    if pad:
        image = np.pad(image, ((pad, pad), (pad, pad), (0, 0)), mode="symmetric")
    return np.asarray(Image.fromarray(image).resize((size, size), Image.Resampling.LANCZOS, box=tuple(box + pad)))


def apex(rng: np.random.Generator, smiling: bool) -> dict[str, float]:
    """An expression, in standard deviations from the mean face; smiling or not, never in between."""
    smile = rng.uniform(1.2, 2.8) if smiling else rng.uniform(-2.2, -0.6)
    wish = {
        "smile": smile,
        "jaw": rng.uniform(-0.8, 2.2),
        "brow": rng.uniform(-1.9, 2.2),
        "frown": rng.uniform(-0.8, 1.0),
    }
    wish |= {"blink": rng.uniform(-1.2, 1.2), "gaze": rng.uniform(-1.0, 1.0), "pucker": 0.0}
    if not smiling and rng.random() < 0.4:
        wish |= {"pucker": rng.uniform(0.8, 1.8), "smile": -0.8, "jaw": rng.uniform(-0.6, 0.6)}
    return wish


def path(rng: np.random.Generator, frames: int) -> dict[str, np.ndarray]:
    """Where every measure is wished to be in every frame of a clip: name -> frames, in standard deviations.

    It starts at rest and eases from one key to the next; smiling and unsmiling keys take turns, so that everybody does
    both. Pose has keys of its own. One clip in two blinks once, for one frame.
    """
    keys = max(2, round((frames - 1) / STANDS) + 1)
    first = bool(rng.random() < 0.5)
    faces = [{**dict.fromkeys(EXPRESSION, 0.0), **REST}, *(apex(rng, first ^ bool(i % 2)) for i in range(keys))]
    wishes = {name: eased([face[name] for face in faces], frames) for name in EXPRESSION}
    turns = max(2, keys + int(rng.integers(-1, 2)))
    sides = rng.choice([-1, 1]) * np.where(np.arange(turns + 1) % 2, 1, -1)
    wishes["yaw"] = eased(sides * rng.uniform(0.1, 2.0, turns + 1) + rng.uniform(-0.4, 0.4), frames)
    wishes["pitch"] = eased(rng.uniform(-1.3, 1.3, turns + 1), frames)
    if frames > 2 and rng.random() < 0.5:
        wishes["blink"][rng.integers(1, frames)] = 2.6
    return wishes


def eased(keys: list | np.ndarray, frames: int) -> np.ndarray:
    """From each key to the next along a half cosine: frames values, the first and last those of the end keys."""
    at = np.linspace(0, len(keys) - 1, frames)
    before = np.minimum(at.astype(int), len(keys) - 2)
    share = 0.5 - 0.5 * np.cos(np.pi * (at - before))
    keys = np.asarray(keys, dtype=float)
    return (1 - share) * keys[before] + share * keys[before + 1]


def person_style(engine: Imagined, rng: np.random.Generator) -> tuple[np.ndarray, dict[str, float], float]:
    """Style (512) of a person of an evenly drawn gender, age and skin tone, with what was wished and psi.

    Of some draws the nearest to the wish, moved on along the traits' directions, at most TRAIT_STEP each.
    """
    psi = float(rng.uniform(0.65, 0.85))
    wish = {
        "gender": rng.choice([-1.0, 1.0]) * rng.uniform(0.7, 1.3),
        "age": rng.uniform(-1.7, 1.9),
        "skin": rng.uniform(*SKIN),
    }
    w = engine.styles(rng.standard_normal((CANDIDATES, 512)), psi)
    guess = np.stack([engine.predicted(w, name) for name in TRAITS], axis=1)
    goal = np.array([wish[name] for name in TRAITS])
    best = int(np.square(guess - goal).sum(axis=1).argmin())
    step = np.clip(goal - guess[best], -TRAIT_STEP, TRAIT_STEP)
    moved = w[best] + sum(s * engine.found[name] for s, name in zip(step, TRAITS))
    return moved.astype(np.float32), wish, psi


def within(engine: Imagined, strengths: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Strengths (name -> N) with those of a kind shortened together where they reach further than REACH."""
    found = dict(strengths)
    for group, reach in REACH.items():
        names = [name for name in strengths if kind(name) == group]
        length = np.linalg.norm(sum(strengths[name][:, None] * engine.found[name] for name in names), axis=1)
        found |= {name: strengths[name] * np.minimum(1, reach / np.maximum(length, 1e-9)) for name in names}
    return found


def _clip(
    engine: Imagined, reader: Reader, rng: np.random.Generator, person: int, frames: int, side: int, same: float
) -> list:
    w, _, psi = person_style(engine, rng)
    guess = {name: float(engine.predicted(w[None], name)[0]) for name in POSE + EXPRESSION}
    wishes = path(rng, frames)
    # rest first, by what the readers say; then every frame from there, by what is measured
    rest = within(engine, {name: np.array([wishes[name][0] - guess[name]]) for name in guess})
    base = engine.edit(engine.rows(w[None]), rest)
    image = engine.draw(base)[0]
    face = measured(image, reader, engine.found)
    if face is None or not face.plausible:
        return []
    itself, still = face, dict.fromkeys(rest, 0.0)
    missing = {name: float(wishes[name][0]) - v if np.isfinite(v := face.values[name]) else 0.0 for name in rest}
    about = {"person": f"{person:06d}", "psi": round(psi, 3), "tone": round(face.tone, 1)}
    about["skin"] = round(
        face.values["skin"] * float(engine.found["spread_skin"]) + float(engine.found["centre_skin"]), 1
    )
    about |= {"gender": round(face.values["gender"], 2), "age": round(face.values["age"], 2)}

    def factors(frame: int, strengths: dict, seen: Face, distance: float) -> dict:
        values = {name: round(v, 2) for name, v in seen.values.items() if name in rest and np.isfinite(v)}
        edit = {name: round(float(s), 3) for name, s in strengths.items()}
        return {**about, "frame": frame, "edit": edit, "measured": values, "distance": round(distance, 3)}

    clip = {0: (crop(image, face.points, side), factors(0, still, face, 0.0))}
    todo = list(range(1, frames))
    for weaker in (1.0, 0.6):
        if not todo:
            break
        steps = within(
            engine, {n: np.array([weaker * (wishes[n][t] - wishes[n][0] + missing[n]) for t in todo]) for n in rest}
        )
        failed = []
        for i, (t, image) in enumerate(zip(todo, engine.draw(engine.edit(np.repeat(base, len(todo), axis=0), steps)))):
            seen = measured(image, reader, engine.found)
            distance = (
                np.inf
                if seen is None or not seen.plausible
                else float(np.linalg.norm(seen.embedding - itself.embedding))
            )
            if distance <= same:
                clip[t] = (
                    crop(image, seen.points, side),
                    factors(t, {n: s[i] for n, s in steps.items()}, seen, distance),
                )
            else:
                failed.append(t)
        todo = failed
    return [clip[t] for t in sorted(clip)]


@functools.cache
def engine() -> tuple[Imagined, Reader]:
    """One generator and one judge a process."""
    return Imagined(), Reader()


def clip_of(seed: int, person: int, frames: int, side: int, same: float = SAME_PERSON) -> list[tuple[np.ndarray, dict]]:
    """The clip of one person; the same arguments give the same pictures on the same kind of processor.

    Args:
        seed, person: of everything drawn.
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
        RuntimeError: 50 draws in a row gave no clip, which only wrong directions can do.
    """
    generator, reader = engine()
    for attempt in range(50):
        clip = _clip(generator, reader, np.random.default_rng([seed, person, attempt]), person, frames, side, same)
        if len(clip) >= min(4, frames):
            return clip
    raise RuntimeError(f"no clip of person {person} in 50 draws: are these the generator's directions?")


def clips(
    people: int, frames: int, size: int, seed: int, progress: Callable[[int, int], None] | None = None
) -> Iterator[list[tuple[np.ndarray, dict]]]:
    """clip_of people 0, 1, ..., one after the other; progress is called with (people done, people) after each.

    size: side of a picture in pixels. Raises ValueError where people, frames or size is below 1, and as clip_of.
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

    def __call__(self, person: int) -> tuple[str, list[bytes], list[dict], None]:
        clip, images = clip_of(self.seed, person, self.frames, self.side), []
        for image, _ in clip:
            buffer = io.BytesIO()
            Image.fromarray(image).save(buffer, "WEBP", quality=92, method=4)
            images.append(buffer.getvalue())
        return f"{person:06d}", images, [factors for _, factors in clip], None


def imagined_shards(people: int, frames: int, size: int, seed: int, out: Path, workers: int = 1) -> dict:
    """Draws clips into shards (`python -m train.data.imagined.drawing`); size: of the standard crop in pixels. Returns the manifest.

    Raises ValueError where people, frames or size is below 1, ShardsError where `out` holds other shards.
    """
    if min(people, frames, size) < 1:
        raise ValueError(f"people, frames and size must be 1 or more, not {people}, {frames}, {size}")
    side, progress = round(size * MARGIN), Progress(people, unit="people")
    arguments = {"engine": "imagined", "frames": frames, "size": size, "seed": seed}
    return draw_shards(
        Clip(seed, frames, side), people, out, {**ABOUT, "seed": seed}, arguments, workers,
        progress=lambda done, total: progress(done, line=done % 50 == 0 or done == total),
    )  # fmt: skip


def main(arguments: list[str] | None = None) -> None:
    from train.data.imagined.directions import find

    parser = argparse.ArgumentParser(prog="python -m train.data.imagined.drawing", description=__doc__.splitlines()[0])
    parser.add_argument("--find-directions", action="store_true", required=True, help="search and save the directions")
    parser.add_argument("--traits", type=Path, required=True, metavar="TAR", help="photos of people, a csv beside them")
    parser.add_argument("--faces", type=int, default=700, help="how many faces to draw and measure")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--draws", type=Path, default=Path("draws.npz"), help="where drawn faces are kept to go on from"
    )
    parser.add_argument("--out", type=Path, default=DIRECTIONS, help="the .npz to write")
    options = parser.parse_args(arguments)
    find(options.traits, options.faces, options.seed, options.draws, options.out)


if __name__ == "__main__":
    main()
