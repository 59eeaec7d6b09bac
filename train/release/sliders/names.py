"""Names that expression sliders may get: the labels each is fitted on, and the landmark measure that confirms it."""

from dataclasses import dataclass

import torch
from torch import Tensor

from train.data.blendshapes import BLENDSHAPES, actions_of
from train.stage1.expression_subspace import within_people

SCARCE = 0.01
"""Labels that vary less than this within people (weights go from 0 to 1) can't name anything."""


@dataclass(frozen=True)
class Name:
    """A name for a direction."""

    name: str
    low: str
    """What the face does at the negative end."""
    high: str
    """What the face does at the positive end."""
    more: tuple[str, ...]
    """Facial actions whose weights add up to the label; a name without a side stands for both."""
    less: tuple[str, ...] = ()
    """Facial actions that count against it."""
    measure: str = ""
    """Measure of dlib's landmarks that has to grow (see judging.measured)."""
    free: tuple[str, ...] = ()
    """Names of measures that may change along, as they do in life."""


LIPS = ("jaw", "upper lip", "lower lip", "thin lips")
NAMES = (
    Name("smile", "mouth corners down", "smile", ("mouthSmile",), ("mouthFrown",), "smile", ("pucker", "pitch", *LIPS)),
    Name("mouth open", "shut", "open", ("jawOpen",), ("mouthClose",), "jaw", LIPS),
    Name("brows up", "lowered", "raised", ("browInnerUp", "browOuterUp"), (), "brow", ("frown",)),
    Name("frown", "smooth", "knitted brows", ("browDown",), (), "frown", ("brow",)),
    Name("eyes shut", "wide open", "shut", ("eyeBlink",), ("eyeWide",), "blink", ("gaze", "gaze height")),
    Name(
        "gaze aside", "left", "right",
        ("eyeLookOutLeft", "eyeLookInRight"), ("eyeLookInLeft", "eyeLookOutRight"), "gaze",
    ),
    Name("gaze up", "down", "up", ("eyeLookUp",), ("eyeLookDown",), "gaze height", ("blink",)),
    Name("pucker", "wide", "kiss", ("mouthPucker", "mouthFunnel"), ("mouthStretch",), "pucker", ("smile", *LIPS)),
    Name("mouth aside", "left", "right", ("mouthLeft", "jawLeft"), ("mouthRight", "jawRight"), "skew"),
    Name("upper lip up", "down", "up", ("mouthUpperUp", "noseSneer"), (), "upper lip", ("smile", "pucker", *LIPS)),
    Name("lower lip down", "up", "down", ("mouthLowerDown",), (), "lower lip", ("smile", "pucker", *LIPS)),
    Name(
        "lips pressed", "full", "pressed", ("mouthPress", "mouthRollUpper", "mouthRollLower"), (), "thin lips", LIPS
    ),
    Name("wink", "left eye", "right eye", ("eyeBlinkLeft",), ("eyeBlinkRight",), "wink", ("blink",)),
)  # fmt: skip
"""In the order in which they are shown. A smile moves the nod too as it is measured: in units of how far the corners of
the mouth lie below the eyes. Left and right are the picture's; a face's own left is the picture's right."""


SAID = {name.measure: name.name for name in NAMES} | {"yaw": "turn of the head", "pitch": "nod of the head"}
"""What measures are called where people read of them."""


def labels(factors: list[dict], person: Tensor) -> tuple[Tensor, list[Name]]:
    """Read the labels of frames, around each person's mean.

    Args:
        factors: of N frames, with "expression" {action: weight}, or "blend", a list in the order of BLENDSHAPES.
        person: N int64.

    Returns:
        N x K in standard deviations within people, and the K names whose labels vary.

    Raises:
        ValueError: no label varies.
    """
    rows = [actions_of(frame) for frame in factors]
    columns, found = [], []
    for name in NAMES:
        more, less = (_sided(stems) for stems in (name.more, name.less))
        total = torch.tensor([sum(row.get(a, 0) for a in more) - sum(row.get(a, 0) for a in less) for row in rows])
        change = within_people(total[:, None].double(), person)[:, 0]
        if change.std() > SCARCE:
            columns.append(change / change.std())
            found.append(name)
    if not found:
        raise ValueError('the frames carry no expression that changes ("expression" {action: weight}, or "blend")')
    return torch.stack(columns, 1).float(), found


def _sided(stems: tuple[str, ...]) -> list[str]:
    """Names of MediaPipe's actions, both sides of those without a side."""
    return [a for a in BLENDSHAPES if a in stems or a.removesuffix("Left").removesuffix("Right") in stems]
