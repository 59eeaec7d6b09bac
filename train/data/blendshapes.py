"""The 52 facial actions that frames carry, as weights or as MediaPipe's scores (pseudo-labels, not truth)."""

BLENDSHAPES = (  # noqa: SIM905 - fifty lines otherwise
    """_neutral browDownLeft browDownRight browInnerUp browOuterUpLeft browOuterUpRight cheekPuff cheekSquintLeft
    cheekSquintRight eyeBlinkLeft eyeBlinkRight eyeLookDownLeft eyeLookDownRight eyeLookInLeft eyeLookInRight
    eyeLookOutLeft eyeLookOutRight eyeLookUpLeft eyeLookUpRight eyeSquintLeft eyeSquintRight eyeWideLeft
    eyeWideRight jawForward jawLeft jawOpen jawRight mouthClose mouthDimpleLeft mouthDimpleRight mouthFrownLeft
    mouthFrownRight mouthFunnel mouthLeft mouthLowerDownLeft mouthLowerDownRight mouthPressLeft mouthPressRight
    mouthPucker mouthRight mouthRollLower mouthRollUpper mouthShrugLower mouthShrugUpper mouthSmileLeft
    mouthSmileRight mouthStretchLeft mouthStretchRight mouthUpperUpLeft mouthUpperUpRight noseSneerLeft
    noseSneerRight"""
).split()
"""Order of MediaPipe's blendshapes, for frames that carry them as a list "blend"."""


def actions_of(factors: dict) -> dict[str, float]:
    """Action -> weight of a frame, from "expression" {action: weight} or "blend"; {} for neither."""
    return factors.get("expression", dict(zip(BLENDSHAPES, factors.get("blend", ()), strict=False)))
