"""Registration of two pictures of one face by a similarity, to a fraction of a pixel.

The inverse compositional algorithm (Baker & Matthews, "Lucas-Kanade 20 years on", IJCV 2004, section 3.2), on grey
patches whose brightness and contrast are levelled first, from coarse to fine.
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from latentface.crop import resample

SIDE = 48
"""Side of a patch in pixels."""
COARSE = 3
"""The first round is done on patches this many times coarser."""
ROUNDS = ((COARSE, 4), (1, 5))
"""How much coarser than SIDE, and how many steps at most."""
WINDOW, REACH = 112, 1.75
"""Side in pixels of the window that patches are cut from, and its half side in those of the patch."""
ROOM = 0.15
"""A patch may move and grow by this share of its half side and still lie inside its window, but for its corners."""
SMALL_STEP = 2e-3
"""A step that moves the patch's border by less than this share of its half side is the last."""
FLAT = 1e-3
"""Contrast below which a patch shows nothing; 1 is the range of grey."""


@dataclass(frozen=True)
class Pose:
    """A square in a picture: patch coordinates u = x + iy in [-1, 1]^2 lie at centre + scale * u."""

    centre: complex
    """In pixels."""
    scale: complex
    """Its length is the half side in pixels, its angle how far the square is turned clockwise."""

    def place(self, points: np.ndarray) -> np.ndarray:
        """Lay points, N complex numbers in patch coordinates, into the picture."""
        return self.centre + self.scale * points

    def find(self, points: np.ndarray) -> np.ndarray:
        """Bring points of the picture, N complex numbers in pixels, into patch coordinates."""
        return (points - self.centre) / self.scale


class Window:
    """The neighbourhood of a pose in one picture, small and grey, from which patches near the pose are cut.

    Args:
        image: uint8 H x W x 3.
        pose: the middle of the window.
    """

    def __init__(self, image: np.ndarray, pose: Pose):
        reach, (x, y) = REACH * abs(pose.scale), (pose.centre.real, pose.centre.imag)
        pixels = resample(image, (x - reach, y - reach, x + reach, y + reach), WINDOW, WINDOW)
        self._fine = Image.fromarray(pixels).convert("L").convert("F")
        self._levels = {1: self._fine, COARSE: self._fine.reduce(COARSE)}
        self._corner, self._unit = complex(x - reach, y - reach), 2 * reach / WINDOW
        self._pose = pose

    def holds(self, pose: Pose) -> bool:
        """Tell whether a pose is near enough to the window's own for a patch to lie inside."""
        away = abs(pose.centre - self._pose.centre) / abs(self._pose.scale)
        return away < ROOM and abs(abs(pose.scale / self._pose.scale) - 1) < ROOM

    def patch(self, pose: Pose, coarser: int = 1) -> np.ndarray:
        """Cut a patch, float64 n x n of mean 0 and contrast 1 (all 0 where it shows nothing).

        Args:
            pose: where.
            coarser: n is SIDE over this.
        """
        side, picture = SIDE // coarser, self._levels[coarser]
        unit = self._unit * WINDOW / picture.width
        middle, step = (pose.centre - self._corner) / unit, pose.scale / unit * 2 / side
        corner = middle - step * complex(side / 2, side / 2)
        affine = (step.real, -step.imag, corner.real, step.imag, step.real, corner.imag)
        patch = picture.transform((side, side), Image.Transform.AFFINE, affine, Image.Resampling.BILINEAR)
        values = np.asarray(patch, dtype=np.float64) / 255
        weight = _weight(side)
        values = values - (weight * values).sum()
        spread = float(np.sqrt((weight * values**2).sum()))
        return values / spread if spread > FLAT else np.zeros_like(values)


def register(before: Window, pose: Pose, after: Window) -> tuple[Pose, float]:
    """Find where the square of one picture lies in the next.

    Args:
        before: around `pose` in the picture before.
        pose: of the square there.
        after: around the same pose in the next picture.

    Returns:
        Its pose in the next picture, and the correlation of both patches there, in [-1, 1].
    """
    found = pose
    for coarser, steps in ROUNDS:
        template, side = before.patch(pose, coarser), SIDE // coarser
        weight, (x, y) = _weight(side), _grid(side)
        down, across = (slope * side / 2 for slope in np.gradient(template))  # a patch unit is side / 2 pixels
        slopes = np.stack([across, down, across * x + down * y, down * x - across * y]).reshape(4, -1)
        weighted = slopes * weight.reshape(-1)
        hessian = weighted @ slopes.T + 1e-6 * np.eye(4)
        for _ in range(steps):
            left = after.patch(found, coarser) - template
            shift_x, shift_y, size, turn = np.linalg.solve(hessian, weighted @ left.reshape(-1))
            factor = np.exp(complex(size, turn))
            found = Pose(found.centre - found.scale * complex(shift_x, shift_y) / factor, found.scale / factor)
            if max(abs(shift_x), abs(shift_y), abs(size), abs(turn)) < SMALL_STEP:
                break
    weight = _weight(SIDE)
    return found, float((weight * before.patch(pose) * after.patch(found)).sum())


def _grid(side: int) -> tuple[np.ndarray, np.ndarray]:
    """Patch coordinates x and y of the centres of a patch's pixels, each side x side."""
    line = (np.arange(side) + 0.5) * 2 / side - 1
    return np.broadcast_to(line, (side, side)), np.broadcast_to(line[:, None], (side, side))


def _weight(side: int) -> np.ndarray:
    """Weights of a patch's pixels, side x side of sum 1: a soft disc, for the corners show what lies behind a face."""
    x, y = _grid(side)
    weight = np.exp(-((x**2 + y**2) ** 2) / 0.5)
    return weight / weight.sum()
