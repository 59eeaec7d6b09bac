"""One parametric person, shaped and painted, ready to be drawn in any expression, pose and light."""

from dataclasses import dataclass

import numpy as np

from train.data.parametric.colours import palette
from train.data.parametric.factors import control
from train.data.parametric.glasses import glasses
from train.data.parametric.hair import Hair, grow
from train.data.parametric.mesh import load
from train.data.parametric.skin import paint

NOSE_BEFORE = 0.80
"""Decimetres from the tip of the nose back to the head's centre of rotation, which stands at z = 1."""


@dataclass
class Person:
    """Shape and colours of a person."""

    who: dict
    """Factors of identity, see factors.identity."""
    control: np.ndarray
    """Control mesh N x 3 float32, in decimetres."""
    paint: np.ndarray
    """Skin, see skin.paint."""
    colours: np.ndarray
    """All that is not painted, see colours.palette."""
    centre: np.ndarray
    """Centre of rotation in template coordinates."""
    iris: np.ndarray
    """Sines of the angles from the eye's axis to the rim of iris and pupil."""
    hair: Hair | None
    glasses: tuple[np.ndarray, np.ndarray] | None
    """Points and triangles, see glasses."""


def build(who: dict, rng: np.random.Generator) -> Person:
    """Shape and paint a person.

    Args:
        who: factors of identity, see factors.identity.
        rng: of all that is no factor (noise, moles, clothes).
    """
    head = load()
    mesh = control(head, who)
    marks = {name: mesh[rows].mean(0) for name, rows in head.landmarks.items()}
    eyes, mouth = (marks["left_eye"] + marks["right_eye"]) / 2, (marks["left_mouth"] + marks["right_mouth"]) / 2
    middle = eyes + 0.36 * (mouth - eyes)
    centre = np.array([0, middle[1], marks["nose"][2] - NOSE_BEFORE], np.float64)
    skin = paint(who, rng)
    colours, iris = palette(who, rng), np.array([0.43, rng.uniform(0.12, 0.2)], np.float32)
    surface = head.refine @ mesh
    worn = glasses(head, surface, marks, rng) if who["glasses"] else None
    return Person(who, mesh, skin, colours, centre, iris, grow(who, surface, rng), worn)
