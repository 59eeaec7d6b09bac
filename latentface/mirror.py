"""A live mirror: the face before a camera, frame by frame, as itself, at rest, or driving somebody else's face."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from latentface.clips import on_ground
from latentface.codes import Codes
from latentface.moving import GAIN, Stretch, glance
from latentface.pipeline import LatentFacePipeline
from latentface.tracker import Tracker
from latentface.video import Frame

REST = 2.0
"""Seconds of a face at rest that its change is measured from."""
MEMORY = 40
"""Frames over which the identity is averaged: more would take long to forget a bad start."""
GONE = 1.0
"""Seconds without a face after which whoever comes may be somebody else."""
FRESH = 0.7
"""Share of a new frame in what is shown; the rest is the frame before, so that a still face does not tremble."""
MOST = (60.0, 40.0)
"""Degrees of yaw and pitch by which the picture can be turned to either side."""
SHADE = 0.35
"""Ambient share of a light that is put in place of the camera's."""
SIDE = 256
"""Side of the picture in pixels."""


@dataclass(frozen=True)
class Wish:
    """What the mirror is to show."""

    show: str = "me"
    """Who: "me"; "rest", me without expression; "other", somebody else with my pose and changes."""
    turn: tuple[float, float] = (0.0, 0.0)
    """Degrees of yaw and pitch by which the picture is turned beyond the face itself."""
    light: tuple[float, float] | None = None
    """Where light comes from, x to the right and y down, each in [-1, 1]; None leaves the light as it is."""
    strength: float = 1.0
    """Of the changes that somebody else shows."""


@dataclass(frozen=True)
class Reflection:
    """What one frame gave."""

    picture: np.ndarray | None
    """uint8 SIDE x SIDE x 3; None where no face is seen."""
    faces: int
    """Faces in the frame."""
    rested: float
    """Share of REST that has been seen, 1 once the resting face is known."""


class Mirror:
    """One person's mirror; give it the frames in their order.

    Args:
        pipeline: the model.
    """

    def __init__(self, pipeline: LatentFacePipeline):
        self.pipeline = pipeline
        self._tracker = Tracker(pipeline.size)
        self._seen = 0
        self._identity: Tensor | None = None
        self._now: Stretch | None = None
        self._lost: float | None = None
        self.rest_again()

    def rest_again(self) -> None:
        """Take the next REST seconds as the face at rest."""
        self._rests: list[Stretch] = []
        self._rest = torch.zeros(1)
        self._rested = 0.0

    @torch.no_grad()
    def see(self, image: np.ndarray, second: float, wish: Wish, other: Codes) -> Reflection:
        """Look at the next frame.

        Args:
            image: uint8 H x W x 3, RGB.
            second: when it was taken; a second that is not later than the last one's is taken as the same.
            wish: what is to be shown.
            other: batch of one, who wears the expression where that is wished.
        """
        now = glance(self.pipeline, Frame(second, image), self._tracker)
        if not now.seen[0]:
            self._now, self._lost = None, second if self._lost is None else self._lost
            return Reflection(None, 0, self._rested)
        if self._lost is not None and second - self._lost > GONE:
            self._seen = 0
            self.rest_again()
        self._lost = None
        self._learn(now)
        scene = self.pipeline.decode(self._wished(wish, other))
        return Reflection(on_ground(scene, SIDE), int(now.faces[0]), self._rested)

    def _learn(self, now: Stretch) -> None:
        """Take over what a frame says of who this is, how the face rests and what it does."""
        self._seen += 1
        share = 1 / min(self._seen, MEMORY)
        self._identity = now.identity if self._identity is None else torch.lerp(self._identity, now.identity, share)
        before = self._now
        if before is not None:
            names = ("identity", "expression", "view", "light")
            mixed = {name: torch.lerp(getattr(before, name), getattr(now, name), FRESH) for name in names}
            now = replace(now, **mixed)
        self._now = now
        if self._rested < 1:
            self._rests.append(now)
            self._rested = min(1.0, float(now.seconds[0] - self._rests[0].seconds[0]) / REST)
            self._rest = Stretch.cat(self._rests).code.mean(0, keepdim=True)

    def _wished(self, wish: Wish, other: Codes) -> Codes:
        """Put the codes together that are shown."""
        now, identity = self._now, self._identity
        assert now is not None and identity is not None, "a face has been seen"
        view, light = now.view, now.light
        if wish.show == "other":
            face = other.face + wish.strength * GAIN * (now.code - self._rest)
            light = other.light
        else:
            face = now.code if wish.show == "me" else identity
        turn = view.new_tensor([max(-most, min(most, angle)) for angle, most in zip(wish.turn, MOST, strict=True)])
        view = torch.cat([view[:, :2] + turn, view[:, 2:]], 1)
        if wish.light is not None:
            x, y = wish.light
            light = light.new_tensor([[SHADE, 1 - SHADE, -x, -y]])  # kept as where it travels to
        shape, texture = face.chunk(2, 1)
        return Codes(shape, texture, view, light)
