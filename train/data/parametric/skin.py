"""Paint of a person's skin: melanin and haemoglobin, mottled, with lips, brows, beard, wrinkles and make-up.

The paint lies on a cylinder round the template's head (shading.PAINT), so a feature has one place on every face
and moves with the mesh. Colours come from absorption: display colour = table(melanin) * exp(-haemoglobin * its
absorption).
"""

import math
from functools import lru_cache

import numpy as np
from scipy.ndimage import gaussian_filter

from train.data.parametric.colours import BLOOD, TONES, blend, hair_colour
from train.data.parametric.shading import PAINT, TEXELS, TOP

RADIUS = 0.95
"""Radius in decimetres at which a step along x is measured on the cylinder: about the face's front."""
SMOOTH_TONES = blend(TONES, np.linspace(0, 1, 64)).astype(np.float32)


@lru_cache(1)
def _grid() -> tuple[np.ndarray, np.ndarray]:
    """X (dm along the cylinder, 0 in front, to the person's left) and y (template height) of every texel."""
    height, width = PAINT
    angle = ((np.arange(width) + 0.5) / width - 0.5) * 2 * math.pi
    y = TOP - (np.arange(height) + 0.5) / TEXELS
    x, y = np.meshgrid(angle * RADIUS, y)
    return x.astype(np.float32), y.astype(np.float32)


@lru_cache(1)
def _noises() -> dict:
    """Fields of noise of standard deviation 1 that wrap round, the same for all people: name -> PAINT float32."""
    rng = np.random.default_rng(4)
    out = {}
    for name, sigma in {
        "large": 22,
        "middle": 7,
        "small": 2.2,
        "pores": 0.7,
        "strands_up": (2.5, 0.7),
        "strands_across": (0.7, 2.5),
    }.items():
        field = gaussian_filter(rng.standard_normal(PAINT), sigma, mode="wrap")
        out[name] = ((field - field.mean()) / field.std()).astype(np.float32)
    return out


def _spot(x: np.ndarray, y: np.ndarray, x0: float, y0: float, sx: float, sy: float) -> np.ndarray:
    """A soft spot about (x0, y0)."""
    return np.exp(-(((x - x0) / sx) ** 2) - ((y - y0) / sy) ** 2)


def _both(x: np.ndarray, y: np.ndarray, x0: float, y0: float, sx: float, sy: float) -> np.ndarray:
    """A soft spot on both sides of the face."""
    return _spot(np.abs(x), y, x0, y0, sx, sy)


def smoothstep(value: float | np.ndarray, low: float, high: float) -> np.ndarray:
    """Rise smoothly from 0 at `low` to 1 at `high`."""
    t = np.clip((value - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def hairline(who: dict, angle: np.ndarray) -> np.ndarray:
    """Return the template height of the hairline at angles round the head (radians, 0 in front)."""
    a = np.abs(angle)
    height = np.interp(
        a,
        [0, 0.35, 0.62, 0.8, 1.0, 1.2, 1.35, 1.75, 2.2, 3.15],
        [8.02, 8.05, 7.93, 7.72, 7.48, 7.24, 7.42, 7.42, 6.85, 6.62],
    )
    back = who["receding"]
    height = height + back * (0.28 * np.exp(-(((a - 0.42) / 0.3) ** 2)) + 0.16 * np.exp(-((a / 0.5) ** 2)))
    return height.astype(np.float32)


@lru_cache(1)
def _places() -> dict:
    """Where things are on every face: name -> PAINT float32."""
    x, y = _grid()
    ax = np.abs(x)
    out = {
        "cheeks": _both(x, y, 0.43, 6.98, 0.22, 0.2),
        "nose": _spot(x, y, 0, 6.93, 0.13, 0.13),
        "lids": _both(x, y, 0.31, 7.32, 0.2, 0.09),
        "under": _both(x, y, 0.29, 7.13, 0.16, 0.06),
        "ears": _both(x, y, 1.45, 7.1, 0.3, 0.4),
        "face": smoothstep(y, 6.2, 6.5) * (1 - smoothstep(ax, 0.8, 1.3)),
        "rouge": _both(x, y, 0.55, 7.0, 0.2, 0.16),
        "shadow": _both(x, y, 0.32, 7.36, 0.15, 0.05),
        "brow": _spot(x, y, 0, 7.75, 0.45, 0.2),
    }
    bend = 0.012 * _noises()["large"]
    lines = sum(np.exp(-(((y - h + bend - 0.05 * (ax / 0.5) ** 2) / 0.012) ** 2)) for h in (7.68, 7.77, 7.87)) * (
        1 - smoothstep(ax, 0.25, 0.55)
    )
    fold = (
        np.exp(-(((ax - 0.215 - 0.32 * (6.88 - y) - 0.05 * (6.88 - y) ** 2 + bend) / 0.016) ** 2))
        * smoothstep(y, 6.52, 6.66)
        * (1 - smoothstep(y, 6.82, 6.93))
    )
    feet = (
        sum(np.exp(-(((y - 7.27 - k * (ax - 0.5)) / 0.009) ** 2)) for k in (-0.45, -0.05, 0.35))
        * smoothstep(ax, 0.49, 0.52)
        * (1 - smoothstep(ax, 0.58, 0.68))
    )
    frown = np.exp(-(((ax - 0.06) / 0.01) ** 2)) * smoothstep(y, 7.38, 7.43) * (1 - smoothstep(y, 7.5, 7.56))
    out["creases"] = np.clip(0.17 * lines + 0.22 * fold + 0.2 * feet + 0.16 * frown, 0, 0.5)
    out["liner"] = np.exp(-(((np.hypot((ax - 0.307) / 2.1, y - 7.283) - 0.07) / 0.016) ** 2)) * smoothstep(
        y, 7.26, 7.32
    )
    jaw = (1 - smoothstep(y, 6.83, 7.0)) * smoothstep(ax, 0.3, 0.42) + (1 - smoothstep(y, 6.62, 6.72))
    jaw = jaw * (1 - 0.9 * _spot(x, y, 0, 6.6, 0.26, 0.10)) + smoothstep(ax, 0.8, 0.95) * (
        1 - smoothstep(ax, 1.05, 1.15)
    ) * (1 - smoothstep(y, 7.2, 7.3))
    lip = (
        (1 - smoothstep(ax, 0.24, 0.33))
        * np.exp(-(((y - 6.765) / 0.06) ** 2))
        * (1 - 0.4 * np.exp(-((ax / 0.03) ** 2)))
    )
    out["beard"] = (
        np.clip(np.clip(jaw, 0, 1) + lip, 0, 1) * smoothstep(y, 5.98, 6.12) * (1 - smoothstep(ax, 1.12, 1.25))
    )
    out["beard"] = np.maximum(gaussian_filter(out["beard"], 4.5), gaussian_filter(lip, 2))
    out["chin"] = (1 - smoothstep(ax, 0.26, 0.46)) * np.clip(out["beard"], 0, 1)
    return {name: field.astype(np.float32) for name, field in out.items()}


def _rows(low: float, high: float) -> slice:
    """Rows of the paint between two template heights."""
    return slice(max(0, int((TOP - high) * TEXELS)), min(PAINT[0], int((TOP - low) * TEXELS) + 1))


def paint(who: dict, rng: np.random.Generator) -> np.ndarray:
    """Paint a person's skin.

    Args:
        who: factors of identity, see factors.identity.
        rng: of all that is no factor (mottling, moles, clothes).

    Returns:
        PAINT x 4 float32: display colour in [0, 1] and gloss.
    """
    x, y = _grid()
    place = _places()
    height, width = PAINT

    def noise(name: str) -> np.ndarray:
        field = np.roll(_noises()[name], (int(rng.integers(height)), int(rng.integers(width))), (0, 1))
        return field if rng.uniform() < 0.5 else field[:, ::-1]

    def towards(part: np.ndarray, colour: np.ndarray, amount: np.ndarray) -> None:
        """Mixes a part of the paint (three channels) with a colour, in place."""
        amount = amount[..., None].astype(np.float32)
        part += (np.asarray(colour, np.float32) - part) * amount

    age = float(np.clip((who["age"] - 25) / 55, 0, 1))
    large, middle, small, pores = noise("large"), noise("middle"), noise("small"), noise("pores")
    strands = noise("strands_up")
    flush = 0.75 * place["cheeks"] + 0.55 * place["nose"] + 0.25 * place["ears"]
    blood = (0.28 + 0.12 * who["blood"]) + (0.5 * who["blood"]) * flush + 0.14 * place["lids"] + 0.16 * place["under"]
    blood += 0.03 * large + 0.025 * middle + 0.012 * small
    if who["make_up"]:
        blood += (0.35 * who["make_up"] * rng.uniform(0, 1)) * place["rouge"]
    melanin = who["skin"] + 0.01 * large + 0.009 * middle + (0.005 + 0.004 * age) * small
    melanin += (
        (0.03 + 0.05 * rng.uniform()) * place["under"] + (0.03 * who["skin"]) * place["lids"] - 0.02 * place["cheeks"]
    )
    if who["freckles"]:
        where = np.clip(place["cheeks"] * 1.2 + place["nose"] + 0.35 * place["face"], 0, 1)
        melanin += (0.16 * who["freckles"]) * where * np.clip(small + 0.5 * noise("small") - 1.3, 0, 1)
    if age > 0.3:
        melanin += (0.045 * (age - 0.3)) * np.clip(middle + 0.6 * small[::-1] - 1.6, 0, 1)
    for _ in range(rng.integers(0, 4)):
        mx, my, wide, high = rng.uniform(-0.7, 0.7), rng.uniform(6.5, 7.9), *rng.uniform(0.012, 0.02, 2)
        part = _rows(my - 0.06, my + 0.06)
        melanin[part] += rng.uniform(0.1, 0.35) * _spot(x[part], y[part], mx, my, wide, high)
    out = np.empty((*PAINT, 4), np.float32)
    colour = out[..., :3]
    level = np.clip(melanin * 63, 0, 63)
    low = np.minimum(level.astype(np.int32), 62)
    part = level - low
    grain = (1 + (0.01 + 0.006 * age) * pores) * (1 - age * place["creases"])
    for k in range(3):
        column = SMOOTH_TONES[:, k]
        colour[..., k] = (
            (column[low] + (column[1:] - column[:-1])[low] * part) * np.exp((0.28 - blood) * BLOOD[k]) * grain
        )

    eyes = _rows(7.15, 7.6)
    if who["make_up"] > 0:
        tint = np.array([rng.uniform(0.2, 0.5), rng.uniform(0.15, 0.3), rng.uniform(0.2, 0.4)])
        towards(colour[eyes], tint, place["shadow"][eyes] * (who["make_up"] * rng.uniform(0.1, 0.6)))
    colour[eyes] *= (1 - (0.5 + 0.3 * who["make_up"]) * place["liner"][eyes])[..., None]

    hair = hair_colour(who)
    eyes = _rows(7.25, 7.7)
    ax, ey = np.abs(x[eyes]), y[eyes]
    dark = np.minimum(hair * 0.85, blend(TONES, who["skin"]) * 0.62)
    lift, tail = 0.012 + 0.025 * rng.normal(), 0.5 + 0.05 * rng.normal()
    peak = 7.468 + 0.012 * rng.normal()
    arch = np.interp(ax, [0.08, 0.2, 0.36, 0.44, tail + 0.06], [7.456, 7.47, peak, peak - 0.004, 7.424]) + lift
    bushy = (0.018 + 0.024 * who["brows"]) * (1.1 if who["gender"] > 0.5 else 0.8)
    thick = bushy * np.interp(ax, [0.08, 0.2, tail + 0.08], [0.9, 1.1, 0.35])
    brow = (
        np.exp(-(np.abs((ey - arch) / thick) ** 2.5))
        * smoothstep(ax, 0.07, 0.14)
        * (1 - smoothstep(ax, tail - 0.06, tail + 0.06))
    )
    brow = np.clip(brow * (0.8 + 0.13 * strands[eyes] + 0.1 * small[eyes]) * (0.6 + 0.4 * who["brows"]), 0, 0.9)
    towards(colour[eyes], dark, brow)

    if who["beard"]:
        lower = _rows(5.9, 7.35)
        style = rng.choice(["full", "chin", "trimmed"], p=[0.6, 0.2, 0.2])
        where = place["chin" if style == "chin" else "beard"][lower]
        where = where * smoothstep(
            where + 0.04 * middle[lower] + 0.03 * small[lower], 0.1, 0.95 if style != "trimmed" else 0.6
        )
        full = who["beard"] > 0.55
        grain = 0.93 + 0.07 * strands[lower] if full else 0.85 + 0.1 * pores[lower]
        amount = np.clip(where * grain, 0, 1) * (0.5 + 0.45 * who["beard"] if full else 0.75 * who["beard"])
        stubble = hair * 0.8 if full else hair * 0.5 + np.array([0.10, 0.11, 0.13])
        skin = blend(TONES, who["skin"])
        towards(colour[lower], np.minimum(stubble, skin * 0.9), np.clip(amount, 0, 0.95))

    above = y - hairline(who, x[:1] / RADIUS)
    density = {"shaved": 0.5, "short": 0.8, "crop": 0.9, "long": 0.92}[who["hair"]]
    scalp = smoothstep(above + 0.02 * middle + 0.02 * small, -0.1, 0.17) * density
    scalp = np.clip(scalp * (0.95 + 0.15 * strands), 0, 0.97)
    towards(colour, hair * 0.8, scalp)

    shiny = 0.055 + 0.1 * place["nose"] + 0.07 * place["brow"] + 0.04 * place["cheeks"] + 0.015 * small
    shiny *= rng.uniform(0.4, 1.4) * (1 - 0.7 * scalp)
    shiny[eyes] *= 1 - brow
    lower = slice(_rows(5.0, 6.6).start, PAINT[0])
    neck = rng.uniform(5.75, 6.15) + rng.uniform(-0.05, 0.25) * np.minimum(np.abs(x[lower]) / 1.2, 1.2) ** 2
    cloth = np.clip((neck - y[lower]) / 0.012, 0, 1)
    grey = rng.uniform(0.05, 0.8)
    dye = grey + (rng.dirichlet([1, 1, 1]) * 3 * grey - grey) * (0.7 * rng.uniform() ** 2.5)
    weave = 1 + 0.04 * middle[lower] + 0.04 * pores[lower]
    stripes = 1 - 0.3 * (rng.uniform() < 0.2) * (np.sin(y[lower] * rng.uniform(40, 90)) > 0)
    towards(colour[lower], np.clip(dye, 0.02, 0.9) * (weave * stripes)[..., None], cloth)
    shiny[lower] *= 1 - cloth
    np.clip(colour, 0.01, 0.99, out=colour)
    out[..., 3] = np.clip(shiny, 0, 1)
    return out
