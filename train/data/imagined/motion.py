"""Motion of a clip: where each measure is wished to be in every frame, eased from key to key like video."""

import numpy as np

from train.data.imagined.directions import EXPRESSION

REST = {"smile": -0.6, "jaw": -0.5}
"""Where a face at rest stands, in standard deviations of what the generator draws: it likes to smile."""
STANDS = 5
"""Frames from one key of a clip to the next, about."""


def apex(rng: np.random.Generator, smiling: bool) -> dict[str, float]:
    """Draw an expression: measure -> standard deviations from the mean face; smiling or not, never in between."""
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
    """Draw the wishes of a clip.

    It starts at rest and eases from one key to the next; smiling and unsmiling keys take turns, so that everybody does
    both. Pose has keys of its own. One clip in two blinks once, for one frame.

    Args:
        rng: of the draws.
        frames: how many.

    Returns:
        Measure -> its wish in every frame, in standard deviations.
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
    """Ease from each key to the next along a half cosine: `frames` values, the first and last those of the end keys."""
    at = np.linspace(0, len(keys) - 1, frames)
    before = np.minimum(at.astype(int), len(keys) - 2)
    share = 0.5 - 0.5 * np.cos(np.pi * (at - before))
    keys = np.asarray(keys, dtype=float)
    return (1 - share) * keys[before] + share * keys[before + 1]
