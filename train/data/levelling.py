"""Levelling: fewer frames of a data set, of which people do not differ by the expressions they happen to show.

Where one person smiles in all frames and another in none, a smile looks like a part of who they are. Here each person
keeps those frames whose mean expression is nearest to everybody's, and people whose frames allow no such choice are
left out, until little of each expression's variance lies between people.
"""

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from train.common.tar_slices import read_slice
from train.data.blendshapes import actions_of
from train.data.on_disk import index_shard
from train.data.samples import clip_factors, frame_names, tars_of
from train.data.shards import ShardsError, read_manifest, write_shards

EXPRESSIONS = {
    "smile": ("mouthSmileLeft", "mouthSmileRight"),
    "jaw": ("jawOpen",),
    "brows_up": ("browInnerUp", "browOuterUpLeft", "browOuterUpRight"),
    "brows_down": ("browDownLeft", "browDownRight"),
    "eyes": ("eyeBlinkLeft", "eyeBlinkRight"),
}
"""What is levelled, and the actions whose mean it is."""
LEAST = 4
"""Frames that a person keeps at least: as many as stage 1 looks at together."""
VARIED = 0.15
"""What a unit of variance within a person's frames makes up for, of the squared distance of their mean."""


def expression_values(factors: list[dict]) -> np.ndarray:
    """Read EXPRESSIONS of frames, N x 5; raises ValueError where no frame carries actions."""
    rows = [actions_of(frame) for frame in factors]
    if not any(rows):
        raise ValueError('the frames carry no expressions ("expression" {action: weight}, or "blend")')
    return np.array([[np.mean([row.get(name, 0) for name in names]) for names in EXPRESSIONS.values()] for row in rows])


def between_people(values: np.ndarray, person: np.ndarray) -> np.ndarray:
    """Share of each value's variance that lies between people (the intraclass correlation of a one-way ANOVA).

    Args:
        values: N x K.
        person: N, whose each frame is; at least two people, one of them with two frames.

    Returns:
        K; 0 or a little below where people do not differ, 1 where nobody changes; 0 for a value that never changes.
    """
    _, index, count = np.unique(person, return_inverse=True, return_counts=True)
    means = np.stack([np.bincount(index, column) / count for column in values.T], 1)
    within = np.square(values - means[index]).sum(0) / (len(values) - len(count))
    spread = (count[:, None] * np.square(means - values.mean(0))).sum(0) / (len(count) - 1)
    frames = (len(values) - np.square(count).sum() / len(values)) / (len(count) - 1)
    between = (spread - within) / frames
    return between / np.maximum(between + within, 1e-12)


def level(values: np.ndarray, person: np.ndarray, most: float = 0.15) -> np.ndarray:
    """Choose the frames that level a data set.

    Args:
        values: N x K, expressions of the frames.
        person: N, whose each frame is.
        most: the largest share of any value's variance that may lie between people.

    Returns:
        Rows in order: of as many people as can stay, those furthest from everybody's mean left out first.

    Raises:
        ValueError: people differ too much for any two of them to stay.
    """
    scaled = (values - values.mean(0)) / np.maximum(values.std(0), 1e-9)
    chosen = []
    for one in np.unique(person):
        rows = np.flatnonzero(person == one)
        if len(rows) >= LEAST:
            chosen.append(_nearest(scaled, rows))
    chosen.sort(key=lambda rows: float(np.square(scaled[rows].mean(0)).sum()))
    low, high = 1, len(chosen)  # the share grows with everybody who is added, but for chance
    while low < high:
        middle = (low + high + 1) // 2
        rows = np.concatenate(chosen[:middle])
        low, high = (middle, high) if between_people(values[rows], person[rows]).max() <= most else (low, middle - 1)
    if low < 2:
        raise ValueError(f"no two people show expressions alike enough for a share of {most}")
    return np.sort(np.concatenate(chosen[:low]))


def _nearest(scaled: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Choose of one person's frames those, at least LEAST, whose mean is nearest to 0 and that differ most."""
    best, least = rows, np.inf
    for count in range(LEAST, len(rows) + 1):
        for places in itertools.combinations(range(len(rows)), count):
            some = scaled[rows[list(places)]]
            cost = np.square(some.mean(0)).sum() - VARIED * some.var(0).sum()
            if cost < least:
                best, least = rows[list(places)], cost
    return best


def level_shards(source: Path, out: Path, most: float = 0.15) -> dict:
    """Write the levelled frames of shards as shards; frames are copied as they are, truth is left out.

    Args:
        source: shards whose frames carry their expressions.
        out: the new folder.
        most: see level.

    Returns:
        Shares of the variance between people, by expression, before and after.

    Raises:
        ShardsError: `source` holds no shards, or `out` holds some.
        ValueError: see expression_values and level.
    """
    manifest = read_manifest(source)
    clips = [(path, files) for path in tars_of(source) for files in index_shard(path)]
    if not clips:
        raise ShardsError(f"{source} holds frames in one file: only shards of tars can be levelled")
    factors = [
        clip_factors(read_slice(path, files["json"]), len(frame_names(files)), str(path)) for path, files in clips
    ]
    frames = [frame for clip in factors for frame in clip]
    values, person = expression_values(frames), np.array([str(frame["person"]) for frame in frames])
    rows = level(values, person, most)

    def kept() -> Iterator[tuple[str, list[bytes], list[dict]]]:
        first, stay = 0, set(rows.tolist())
        for number, ((path, files), clip) in enumerate(zip(clips, factors, strict=True)):
            places = [i for i in range(len(clip)) if first + i in stay]
            names = frame_names(files)
            first += len(clip)
            if places:
                images = [read_slice(path, files[f"{names[i]}.webp"]) for i in places]
                yield f"{number:06d}", images, [clip[i] for i in places]

    about = {k: v for k, v in manifest.items() if k not in ("clips", "frames", "persons", "margin", "dropped", "truth")}
    write_shards(kept(), out, {**about, "levelled": most})
    shares = between_people(values, person), between_people(values[rows], person[rows])
    return {name: (float(a), float(b)) for name, a, b in zip(EXPRESSIONS, *shares, strict=True)}
