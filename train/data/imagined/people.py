"""Styles of people: evenly drawn gender, age and skin tone, and edits no longer than faces bear."""

from collections.abc import Mapping

import numpy as np

from train.data.imagined.directions import TRAITS, kind
from train.data.imagined.model import Imagined

CANDIDATES = 48
"""Styles drawn for each person; the one nearest to the wished gender, age and skin is taken."""
SKIN = (-4.0, 1.0)
"""Range of the wished skin tone in standard deviations: darker than most of what the generator draws (light, FFHQ)."""
TRAIT_STEP = 1.5
"""Longest step of a person's style along a trait, in standard deviations."""
REACH = {"pose": 6.0, "expression": 3.3}
"""Longest step in W of all edits of a kind together; a longer one is shortened, for it breaks the face."""


def person_style(engine: Imagined, rng: np.random.Generator) -> tuple[np.ndarray, dict[str, float], float]:
    """Draw the style of a person of an evenly drawn gender, age and skin tone.

    Of CANDIDATES draws the nearest to the wish, moved on along the traits' directions, at most TRAIT_STEP each.

    Args:
        engine: the generator.
        rng: of the draws.

    Returns:
        The style (512 float32), the wish of each trait in standard deviations, and psi.
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
    moved = w[best] + sum(s * engine.found[name] for s, name in zip(step, TRAITS, strict=True))
    return moved.astype(np.float32), wish, psi


def within(engine: Imagined, strengths: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Shorten strengths (name -> N) of a kind together where they reach further than REACH."""
    found = dict(strengths)
    for group, reach in REACH.items():
        names = [name for name in strengths if kind(name) == group]
        steps = [strengths[name][:, None] * engine.found[name] for name in names]
        length = np.linalg.norm(sum(steps, np.zeros((1, 1))), axis=1)
        found |= {name: strengths[name] * np.minimum(1, reach / np.maximum(length, 1e-9)) for name in names}
    return found
