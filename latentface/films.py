"""Films of a moving face: the clip, the face rebuilt, its identity alone, its expression in 3D, driven."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
import torch
from torch import Tensor

from latentface.codes import Codes, Scene
from latentface.crop import crop
from latentface.moving import BATCH, Moving
from latentface.outline import cut_out
from latentface.pictures import picture
from latentface.pipeline import PLAIN_LIGHT, LatentFacePipeline
from latentface.video import Frame

SIDE = 256
"""Side of a film in pixels."""
PANELS = ("Clip", "Rebuilt", "Identity alone", "Expression, turning")
"""Films side by side in one, from the left."""
SWING, PERIOD = 32.0, 5.0
"""Degrees of yaw to either side, and seconds, of the turning film."""
GROUND = 0.62
"""Grey behind a face, in [-1, 1]."""
DIMMED = 0.4
"""Brightness of the drawn films while the clip shows no face."""


@dataclass
class Panels:
    """One moment of all films."""

    second: float
    """When."""
    images: list[np.ndarray]
    """uint8 SIDE x SIDE x 3 each: PANELS, or the driven face alone."""

    @property
    def strip(self) -> np.ndarray:
        """All side by side, uint8 SIDE x (SIDE * count) x 3."""
        return np.concatenate(self.images, axis=1)


@torch.no_grad()
def own_films(
    pipeline: LatentFacePipeline, face: Moving, frames: Iterable[Frame], first: int = 0, size: int = SIDE
) -> Iterator[Panels]:
    """Draw the clip beside what the model makes of it.

    Args:
        pipeline: the model.
        face: of the clip.
        frames: of the clip, from number `first` on.
        first: number of the first frame.
        size: side of each film in pixels.

    Yields:
        The moments, one a frame.
    """
    still = pipeline.decode_fine(face.still[:1])
    source = iter(frames)
    while batch := list(islice(source, BATCH)):
        rows = slice(first, first + len(batch))
        first += len(batch)
        scene = pipeline.decode_fine(face.moving[rows])
        alone = replace(
            scene, depth=still.depth.expand_as(scene.depth), albedo=still.albedo.expand_as(scene.albedo), raw_depth=None
        )
        drawn = [drawn_faces(scene, size), drawn_faces(alone, size), _turning(scene, face.seconds[rows], size)]
        for row, frame in enumerate(batch):
            images = [film[row] for film in drawn]
            number = rows.start + row
            if not face.seen[number]:
                images = [dimmed(image) for image in images]
            x, y, half = face.squares[number].tolist()
            yield Panels(frame.second, [crop(frame.image, (x, y, half), size), *images])


@torch.no_grad()
def driven_film(pipeline: LatentFacePipeline, codes: Codes, seconds: Tensor, size: int = SIDE) -> Iterator[Panels]:
    """Draw a face that is driven by a clip.

    Args:
        pipeline: the model.
        codes: of N frames, see moving.drive.
        seconds: N, when each is shown.
        size: side of the film in pixels.
    """
    for rows in torch.arange(len(seconds)).split(BATCH):
        images = drawn_faces(pipeline.decode_fine(codes[rows]), size)
        for second, image in zip(seconds[rows].tolist(), images, strict=True):
            yield Panels(second, [image])


def drawn_faces(scene: Scene, size: int) -> list[np.ndarray]:
    """Draw faces at their views and lights on a plain ground, uint8 size x size x 3 each."""
    image, mask = scene.render(size)
    return [picture(one) for one in torch.where(mask > 0, image, GROUND)]


def dimmed(image: np.ndarray) -> np.ndarray:
    """Darken a picture, uint8."""
    return (image * DIMMED).astype(np.uint8)


def _turning(scene: Scene, seconds: Tensor, size: int) -> list[np.ndarray]:
    """Draw heads that turn from side to side, one way and back once a PERIOD, in the middle and under a plain light."""
    view = torch.zeros_like(scene.view)
    view[:, 0] = SWING * torch.sin(seconds.to(view) * (2 * math.pi / PERIOD))
    light = scene.light.new_tensor(PLAIN_LIGHT).expand_as(scene.light)
    image, opacity = cut_out(replace(scene, view=view, light=light), size)
    return [picture(one) for one in torch.lerp(torch.full_like(image, GROUND), image, opacity)]
