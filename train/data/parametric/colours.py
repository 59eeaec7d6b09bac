"""Colours of a person's skin, hair and eyes, from the factors of identity."""

import numpy as np

TONES = np.array(
    [
        [0.93, 0.79, 0.72],
        [0.88, 0.71, 0.61],
        [0.79, 0.60, 0.48],
        [0.66, 0.47, 0.36],
        [0.49, 0.335, 0.255],
        [0.33, 0.225, 0.175],
    ]
)
"""Display colour of skin with little blood, by melanin 0, 0.2, ... 1; beyond, extrapolated."""
BLOOD = (0.05, 0.36, 0.30)
"""Absorption of haemoglobin in red, green, blue."""
_HAIR = np.array(
    [
        [0.07, 0.055, 0.05],
        [0.13, 0.09, 0.07],
        [0.22, 0.14, 0.09],
        [0.34, 0.23, 0.15],
        [0.50, 0.37, 0.24],
        [0.66, 0.54, 0.36],
    ]
)
_GREY = np.array([0.56, 0.55, 0.54])
_RED = np.array([0.46, 0.22, 0.11])
_IRIS = np.array(
    [
        [0.16, 0.09, 0.05],
        [0.25, 0.15, 0.08],
        [0.33, 0.24, 0.12],
        [0.30, 0.33, 0.20],
        [0.33, 0.42, 0.46],
        [0.36, 0.47, 0.58],
    ]
)


def blend(table: np.ndarray, at: float | np.ndarray) -> np.ndarray:
    """Interpolate rows of a table at positions in [0, 1], ... x 3."""
    at = np.clip(np.asarray(at) * (len(table) - 1), 0, len(table) - 1)
    low = np.minimum(at.astype(int), len(table) - 2)
    part = (at - low)[..., None]
    return table[low] * (1 - part) + table[low + 1] * part


def hair_colour(who: dict) -> np.ndarray:
    """Return the display colour of the hair: dark with dark skin, else black to blond or red, greying with age."""
    light = who["hair_colour"] * (1 - 0.85 * min(1, who["skin"] * 1.6))
    colour = _RED if 0.62 < light < 0.7 else blend(_HAIR, light)
    return colour * (1 - who["grey"]) + _GREY * who["grey"]


def iris_colour(who: dict) -> np.ndarray:
    """Return the display colour of the iris: brown with dark skin, else from brown to blue."""
    return blend(_IRIS, who["iris"] * (1 - 0.8 * min(1, who["skin"] * 1.8)))


def palette(who: dict, rng: np.random.Generator) -> np.ndarray:
    """Draw the colours of all that is not painted: 16 x 4 (colour and gloss), the rows of shading.shade."""
    out = np.zeros((16, 4), np.float32)
    skin = blend(TONES, who["skin"])
    pale = 1 - who["skin"]
    natural = skin * (np.array([0.98, 0.84, 0.86]) - pale * np.array([0.07, 0.17, 0.16])) * (1 - 0.05 * rng.normal())
    if who["make_up"] > 0:
        stick = np.array([rng.uniform(0.45, 0.8), rng.uniform(0.08, 0.32), rng.uniform(0.12, 0.38)])
        natural = natural + (stick - natural) * who["make_up"] * rng.uniform(0.2, 0.9)
    out[0] = [*natural, 0.85]
    out[1] = [0.27, 0.09, 0.085, 0.1]
    yellow = rng.uniform(0.02, 0.16)
    out[2] = [0.86, 0.86 - 0.4 * yellow, 0.80 - yellow, 0.2]
    out[3] = [0.68, 0.36, 0.36, 0.1]
    out[4] = [*(np.minimum(hair_colour(who) * 0.5, 0.09)), 0.05]
    out[5] = [0.88, 0.86 - 0.03 * rng.uniform(), 0.84 - 0.05 * rng.uniform(), 0.5]
    out[6] = [*iris_colour(who), 0.5]
    out[7] = [0.03, 0.03, 0.03, 0.5]
    out[8] = [*hair_colour(who), rng.uniform(0.1, 0.3)]
    frame = rng.choice(3)
    out[9] = [[0.05, 0.05, 0.06, 0.5], [0.22, 0.13, 0.08, 0.4], [0.36, 0.33, 0.29, 0.7]][frame]
    out[10] = [*(iris_colour(who) * 0.35), 0.5]
    out[11] = out[9]
    return out
