"""A face in motion as an animated WebP: a turntable, and light that goes round."""

import io
import math
from collections.abc import Iterable

import numpy as np
from PIL import Image

from latentface.codes import Scene
from latentface.outline import cut_out
from latentface.pictures import picture

FRAMES, MILLISECONDS = 36, 70
"""Frames of a clip and how long each is seen; the last goes over into the first."""
SWING = (42.0, 9.0)
"""Degrees of yaw and pitch by which the turntable swings to either side."""
AMBIENT, AROUND = 0.35, 0.9
"""Ambient light of the light sweep, the rest being diffuse; and how far aside the light travels (its x and y)."""
GROUND = (231, 229, 228)
"""Colour behind the face."""


def turntable(scene: Scene, size: int = 384) -> bytes:
    """Draw a face that looks from side to side, under the scene's own light.

    Args:
        scene: batch of one.
        size: side in pixels.

    Returns:
        An animated WebP that runs for ever.
    """
    light = scene.light[0].tolist()
    views = [(SWING[0] * math.sin(turn), SWING[1] * math.sin(2 * turn), 0.0) for turn in _circle()]
    return _webp((scene.turned(view, light) for view in views), size)


def light_sweep(scene: Scene, size: int = 384) -> bytes:
    """Draw a face at the scene's own view while light goes once round it.

    Args:
        scene: batch of one.
        size: side in pixels.

    Returns:
        An animated WebP that runs for ever.
    """
    angles = scene.view[0, :3].tolist()
    lights = [(AMBIENT, 1 - AMBIENT, AROUND * math.cos(turn), AROUND * math.sin(turn)) for turn in _circle()]
    return _webp((scene.turned(angles, light) for light in lights), size)


def on_ground(scene: Scene, size: int) -> np.ndarray:
    """Draw the head alone at its view and light on a plain ground, uint8 size x size x 3.

    Args:
        scene: batch of one.
        size: side in pixels.
    """
    image, opacity = cut_out(scene, size)
    share = opacity[0, 0, :, :, None].numpy()
    return (picture(image[0]) * share + np.array(GROUND) * (1 - share)).round().astype(np.uint8)


def _circle() -> list[float]:
    """Angles once round, one a frame."""
    return [2 * math.pi * frame / FRAMES for frame in range(FRAMES)]


def _webp(scenes: Iterable[Scene], size: int) -> bytes:
    """Draw scenes as the frames of an animated WebP."""
    first, *others = [Image.fromarray(on_ground(scene, size)) for scene in scenes]
    buffer = io.BytesIO()
    first.save(buffer, "WEBP", save_all=True, append_images=others, duration=MILLISECONDS, loop=0, quality=82, method=2)
    return buffer.getvalue()
