"""Faces of people who talk and pull faces: mouth, brows and lids are drawn each for itself, as far as they go.

A clip of a talking person, looked at every second or so, shows another mouth each time: closed, rounded, wide open,
aside, with teeth; brows and lids go their own ways. `expressions.draw_expression` draws emotions instead, whose parts
move together.
"""

from collections.abc import Collection

import numpy as np

from train.data.parametric.expressions import EMOTIONS

Ranges = dict[str, tuple[float, float]]
"""Action without a side -> least and most weight. An action that ends in "Aside" moves one side, or to one side."""

MOUTHS: dict[str, tuple[float, Ranges]] = {
    "closed": (1.2, {"mouthPress": (0, 0.4), "mouthShrugLower": (0, 0.3)}),
    "wide": (
        1.0,
        {"jawOpen": (0.55, 1), "mouthLowerDown": (0, 0.7), "mouthUpperUp": (0, 0.6), "mouthStretch": (0, 0.4)},
    ),
    "round": (0.6, {"jawOpen": (0.4, 1), "mouthFunnel": (0.4, 1)}),
    "aside": (0.5, {"mouthAside": (0.5, 1), "jawAside": (0, 0.9), "mouthSmileAside": (0, 0.6)}),
    "aside_open": (
        0.6,
        {
            "mouthAside": (0.4, 1),
            "jawAside": (0.2, 1),
            "jawOpen": (0.15, 0.8),
            "mouthLowerDownAside": (0, 1),
            "mouthUpperUpAside": (0, 0.8),
        },
    ),
    "pursed": (0.7, {"mouthPucker": (0.6, 1), "mouthFunnel": (0, 0.4), "mouthAside": (0, 0.5)}),
    "rolled": (0.3, {"mouthRollLower": (0.4, 1), "mouthRollUpper": (0.3, 1), "mouthPress": (0, 0.6)}),
    "teeth": (
        0.9,
        {
            "mouthSmile": (0.4, 1),
            "mouthUpperUp": (0.3, 1),
            "mouthLowerDown": (0.2, 1),
            "jawOpen": (0, 0.5),
            "mouthStretch": (0, 0.7),
            "cheekSquint": (0, 0.8),
        },
    ),
    "smile": (0.5, {"mouthSmile": (0.4, 1), "cheekSquint": (0, 0.6), "mouthDimple": (0, 0.4)}),
    "down": (0.4, {"mouthFrown": (0.5, 1), "mouthShrugLower": (0.1, 0.8), "mouthStretch": (0, 0.4)}),
    "tongue": (0.3, {"tongueOut": (0.6, 1), "jawOpen": (0.3, 0.8), "mouthLowerDown": (0, 0.5)}),
    "puffed": (0.2, {"cheekPuff": (0.5, 1), "mouthPress": (0, 0.4), "mouthPucker": (0, 0.5)}),
}
"""How often a mouth is drawn beside the others, and its actions."""
SOUNDS = ("aa", "ee", "oo", "oh", "ff", "mm", "ll")
"""Mouths of speech, from EMOTIONS."""
SPEECH = 0.28
"""Share of the moments that show one of SOUNDS instead of one of MOUTHS."""
BROWS: dict[str, tuple[float, Ranges]] = {
    "rest": (0.35, {}),
    "raised": (0.22, {"browInnerUp": (0.4, 1), "browOuterUp": (0.4, 1)}),
    "pleading": (0.1, {"browInnerUp": (0.5, 1)}),
    "lowered": (0.18, {"browDown": (0.4, 1), "noseSneer": (0, 0.5)}),
    "one": (0.15, {"browOuterUpAside": (0.5, 1), "browDownAway": (0, 0.9)}),
}
"""How often brows are drawn beside the others, and their actions; "Away" is the side that is not Aside."""
LIDS: dict[str, tuple[float, Ranges]] = {
    "rest": (0.45, {"eyeBlink": (0, 0.15)}),
    "wide": (0.15, {"eyeWide": (0.4, 1)}),
    "narrow": (0.15, {"eyeSquint": (0.4, 1), "cheekSquint": (0, 0.4)}),
    "heavy": (0.12, {"eyeBlink": (0.25, 0.7)}),
    "shut": (0.08, {"eyeBlink": (0.9, 1), "eyeSquint": (0, 0.5)}),
    "wink": (0.05, {"eyeBlinkAside": (0.8, 1), "eyeSquintAside": (0, 0.5)}),
}
"""How often lids are drawn beside the others, and their actions."""
LEAN = 0.12
"""Standard deviation of the difference between the two sides."""


def draw_talking(rng: np.random.Generator, actions: Collection[str]) -> dict[str, float]:
    """Draw a moment of a talking face.

    Args:
        rng: of the draws.
        actions: names of the 52 actions.

    Returns:
        Action -> weight; weights of one action drawn twice add up.
    """
    mouth = _sound(rng) if rng.uniform() < SPEECH else _drawn(rng, MOUTHS)
    weights: dict[str, float] = {}
    for part in (mouth, _drawn(rng, BROWS), _drawn(rng, LIDS)):
        sides, lean = ("Left", "Right") if rng.uniform() < 0.5 else ("Right", "Left"), rng.normal(0, LEAN)
        for name, value in part.items():
            for action, share in _sided(name, sides, lean).items():
                if action in actions:
                    weights[action] = weights.get(action, 0) + value * share
    return weights


def _sound(rng: np.random.Generator) -> dict[str, float]:
    """Draw a mouth of speech."""
    amount = rng.uniform(0.4, 1.2)
    return {name: amount * value for name, value in EMOTIONS[SOUNDS[rng.integers(len(SOUNDS))]].items()}


def _drawn(rng: np.random.Generator, table: dict[str, tuple[float, Ranges]]) -> dict[str, float]:
    """Draw an entry of a table, and the weights of its actions."""
    often = np.array([often for often, _ in table.values()])
    ranges = list(table.values())[rng.choice(len(table), p=often / often.sum())][1]
    return {name: rng.uniform(*ends) for name, ends in ranges.items()}


def _sided(name: str, sides: tuple[str, str], lean: float) -> dict[str, float]:
    """Actions that a name stands for, with their shares: itself, one side, or both sides, one a little more."""
    for end, side in (("Aside", sides[0]), ("Away", sides[1])):
        if name.endswith(end):
            return {name.removesuffix(end) + side: 1.0}
    return {name: 1.0, name + sides[0]: 1 + lean, name + sides[1]: 1 - lean}
