"""People of the gallery: more are drawn at rest than are needed; those who make age, gender and skin even stay.

The judges of the drawing engine read age and gender as scores and skin tone as the ITA that the embedding tells,
whatever the light. People that anything was trained on come from other seeds.
"""

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from train.common.run import Progress
from train.common.skin_tone import TONES
from train.data.engine import Drawn, draw_shards, progress_line
from train.data.imagined.drawing import ABOUT, clip_of
from train.data.shards import encode_webp
from train.data.workers import in_order

AGES = (("young", -np.inf), ("middle", -0.5), ("old", 0.6))
"""Names of age groups and the score, in standard deviations of what the generator draws, from which they begin."""
SMILES = (("unsmiling", -np.inf), ("between", -0.3), ("smiling", 0.7))
"""The same of the measured smile."""
SIDE = 160
"""Side of a picture in pixels: the standard crop at 128 px, with margin."""


def group(value: float, groups: tuple[tuple[str, float], ...]) -> str:
    """Name the group of a value: the one that begins highest and not above it."""
    return max((low, name) for name, low in groups if value >= low)[1]


def groups_of(person: dict) -> dict[str, str]:
    """Name a drawn person's groups of age, gender and skin tone."""
    return {
        "age": group(person["age"], AGES),
        "gender": "male" if person["gender"] > 0 else "female",
        "skin": group(person["skin"], TONES),
    }


def choose_evenly(people: list[dict[str, str]], count: int) -> list[int]:
    """Choose people so that every factor's groups are filled evenly.

    One after the other, whoever belongs to the groups that are least filled; of equals the first.

    Args:
        people: factor -> group of each.
        count: how many, at most all.

    Returns:
        Their places in the list, in order.
    """
    filled: Counter = Counter()
    left = list(range(len(people)))
    chosen = []
    while left and len(chosen) < count:
        best = min(left, key=lambda i: sum(filled[pair] ** 2 for pair in people[i].items()))
        left.remove(best)
        chosen.append(best)
        filled.update(people[best].items())
    return sorted(chosen)


@dataclass(frozen=True)
class AtRest:
    """Draws a person's face at rest, for the judges alone."""

    seed: int

    def __call__(self, person: int) -> dict:
        """Give the factors of a person."""
        return clip_of(self.seed, person, 1, 32)[0][1]


@dataclass(frozen=True)
class Chosen:
    """Draws the clips of chosen people, as draw_shards takes them."""

    seed: int
    frames: int
    people: tuple[int, ...]

    def __call__(self, number: int) -> Drawn:
        """Draw the clip of a chosen person."""
        person = self.people[number]
        clip = clip_of(self.seed, person, self.frames, SIDE)
        images = [encode_webp(image) for image, _ in clip]
        return f"{person:06d}", images, [factors for _, factors in clip], None


def draw_people(people: int, candidates: int, frames: int, seed: int, out: Path, workers: int = 1) -> None:
    """Draw the people of a gallery into shards; killed at any moment, the same call goes on.

    Args:
        people: how many stay.
        candidates: how many are looked at.
        frames: most pictures of each.
        seed: of all that is drawn.
        out: the shards folder; `candidates.json` in it holds what the judges read.
        workers: processes.
    """
    out.mkdir(parents=True, exist_ok=True)
    file = out / "candidates.json"
    if not file.exists():
        seen, progress = [], Progress(candidates, unit="candidates")
        with in_order(AtRest(seed), list(range(candidates)), workers) as drawn:
            for factors in drawn:
                seen.append(factors)
                progress(len(seen), line=len(seen) % 50 == 0)
        file.write_text(json.dumps(seen))
    read = json.loads(file.read_text())
    chosen = choose_evenly([groups_of(person) for person in read], people)
    make = Chosen(seed, frames, tuple(int(read[i]["person"]) for i in chosen))
    arguments = {"engine": "gallery", "seed": seed, "frames": frames, "candidates": candidates, "size": SIDE}
    about, progress = {**ABOUT, "seed": seed}, progress_line(len(chosen), "people", 10)
    draw_shards(make, len(chosen), out, about, arguments, workers, progress=progress)
