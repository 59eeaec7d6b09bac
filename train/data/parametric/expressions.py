"""Facial expressions as people combine actions: emotions, mouth shapes, brows and lids of their own."""

from collections.abc import Collection

import numpy as np

EMOTIONS = {
    "smile": {"mouthSmile": 0.95, "cheekSquint": 0.5, "eyeSquint": 0.2, "mouthDimple": 0.25},
    "smile_open": {
        "mouthSmile": 1.0,
        "cheekSquint": 0.6,
        "eyeSquint": 0.25,
        "jawOpen": 0.16,
        "mouthUpperUp": 0.55,
        "mouthLowerDown": 0.3,
    },
    "laugh": {
        "mouthSmile": 1.0,
        "cheekSquint": 0.8,
        "eyeSquint": 0.4,
        "jawOpen": 0.5,
        "mouthUpperUp": 0.6,
        "mouthLowerDown": 0.35,
    },
    "anger": {
        "browDown": 0.9,
        "eyeSquint": 0.4,
        "noseSneer": 0.45,
        "mouthPress": 0.5,
        "mouthFrown": 0.35,
        "jawForward": 0.2,
    },
    "rage": {
        "browDown": 1.0,
        "noseSneer": 0.7,
        "mouthUpperUp": 0.5,
        "mouthLowerDown": 0.6,
        "jawOpen": 0.3,
        "mouthStretch": 0.4,
        "eyeWide": 0.3,
    },
    "sadness": {
        "browInnerUp": 0.9,
        "mouthFrown": 0.7,
        "mouthShrugLower": 0.4,
        "eyeSquint": 0.2,
        "mouthRollLower": 0.15,
    },
    "surprise": {"browInnerUp": 0.8, "browOuterUp": 0.8, "eyeWide": 0.8, "jawOpen": 0.55, "mouthFunnel": 0.2},
    "fear": {
        "browInnerUp": 0.8,
        "browOuterUp": 0.4,
        "browDown": 0.3,
        "eyeWide": 0.8,
        "mouthStretch": 0.6,
        "jawOpen": 0.2,
        "mouthLowerDown": 0.3,
    },
    "disgust": {
        "noseSneer": 0.9,
        "mouthUpperUp": 0.5,
        "browDown": 0.5,
        "cheekSquint": 0.4,
        "mouthShrugLower": 0.3,
        "eyeSquint": 0.3,
    },
    "contempt": {"mouthSmileLeft": 0.5, "mouthDimpleLeft": 0.6, "mouthPress": 0.3, "browOuterUpRight": 0.3},
    "doubt": {
        "browDownLeft": 0.6,
        "browOuterUpRight": 0.8,
        "mouthPress": 0.4,
        "mouthLeft": 0.2,
        "mouthShrugLower": 0.3,
    },
    "kiss": {"mouthPucker": 0.95, "eyeSquint": 0.2, "jawForward": 0.1},
    "puff": {"cheekPuff": 0.9, "mouthPress": 0.3, "mouthPucker": 0.3},
    "tongue": {"tongueOut": 0.9, "jawOpen": 0.4, "mouthLowerDown": 0.2},
    "sleepy": {"eyeBlink": 0.55, "browInnerUp": 0.2, "jawOpen": 0.1, "mouthShrugLower": 0.2},
    "shut": {"eyeBlink": 1.0, "eyeSquint": 0.2},
    "aa": {"jawOpen": 0.5, "mouthLowerDown": 0.3, "mouthUpperUp": 0.15},
    "ee": {"jawOpen": 0.15, "mouthStretch": 0.5, "mouthLowerDown": 0.4, "mouthUpperUp": 0.3, "mouthDimple": 0.2},
    "oo": {"jawOpen": 0.2, "mouthFunnel": 0.7, "mouthPucker": 0.5},
    "oh": {"jawOpen": 0.4, "mouthFunnel": 0.7},
    "ff": {"jawOpen": 0.05, "mouthRollLower": 0.6, "mouthUpperUp": 0.3},
    "mm": {"mouthPress": 0.6, "mouthRollLower": 0.4, "mouthRollUpper": 0.4},
    "ll": {"jawOpen": 0.25, "mouthLowerDown": 0.3, "mouthUpperUp": 0.25, "tongueOut": 0.15},
    "jaw_aside": {"jawLeft": 0.7, "mouthLeft": 0.4},
    "plain": {},
}
"""Actions without a side stand for both."""
OFTEN = {
    "smile": 5,
    "smile_open": 6,
    "laugh": 4,
    "surprise": 2,
    "anger": 2,
    "sadness": 2,
    "aa": 2,
    "ee": 1.5,
    "oo": 1.5,
    "oh": 1.5,
    "plain": 1,
}
"""How often an expression is drawn, 1 for those not named."""
BROWS = (
    {"browInnerUp": 1.0},
    {"browOuterUp": 1.0},
    {"browDown": 1.0},
    {"browOuterUp": 0.7, "browInnerUp": 0.8},
)
"""Movements of the brows alone."""


def draw_expression(rng: np.random.Generator, strength: float, actions: Collection[str]) -> dict[str, float]:
    """Draw one expression: an emotion or a mouth shape, at times with brows of their own, slightly one-sided.

    Args:
        rng: of the draws.
        strength: all weights are multiplied by it.
        actions: names of the 52 actions.

    Returns:
        Action -> weight.
    """
    names = list(EMOTIONS)
    chance = np.array([OFTEN.get(n, 1) for n in names], float)
    chance = chance / chance.sum()
    picked = [(EMOTIONS[names[rng.choice(len(names), p=chance)]], rng.uniform(0.7, 1.15))]
    if rng.uniform() < 0.25:
        picked.append((EMOTIONS[names[rng.choice(len(names), p=chance)]], rng.uniform(0.1, 0.4)))
    if rng.uniform() < 0.35:
        picked.append((BROWS[rng.integers(4)], rng.uniform(0.2, 0.8)))
    side = rng.normal(0, 0.09)
    flip = rng.uniform() < 0.5
    weights: dict[str, float] = {}
    for shape, amount in picked:
        for action, value in shape.items():
            for end, lean in (("", 0), ("Left", side), ("Right", -side)):
                full = action + end
                if flip and action[-4:] == "Left":
                    full = action[:-4] + "Right"
                elif flip and action[-5:] == "Right":
                    full = action[:-5] + "Left"
                if full in actions:
                    weights[full] = weights.get(full, 0) + value * amount * strength * (1 + lean)
    return weights
