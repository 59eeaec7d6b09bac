"""Relief from parallax: how far a person's face lies before or behind what the model shows, read off how it turns.

All frames of a person are turned to the front by the model's depth and views. Where the depth is wrong, a place is
looked up beside where it should be, the more so the further the head is turned: the frontal pictures are displaced
against each other. Optical flow (DIS, Kroeger et al., ECCV 2016) measures the displacements between all pairs, and the
one change of depth that explains them best is solved for, by least squares with weights against what does not fit, such
as expressions. Errors of the views are solved for beside it, or they would be taken for depth. No labels are used: only
that the frames show one person.
"""

from collections.abc import Callable
from itertools import combinations
from types import ModuleType

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from latentface.camera import apply_view, pixel_grid, project, unproject
from latentface.rendering import unrender
from latentface.shading import shading
from train.common.blur import blurred

SIDE = 128
"""Side in pixels at which flow is measured; the change of depth comes at half of it."""
ROUNDS = 4
"""Rounds of solving for views, then depth."""
LIGHT, CONTRAST = 6.0, 8.0
"""Standard deviations in pixels of the blur that is taken off as light, and over which contrast is levelled."""
SHARED = 2.5
"""The same, at half the size, of the neighbourhood that shares one change of depth."""
FITS = 1.5
"""Displacement in pixels, beside what depth and views explain, at which a measurement weighs half."""
DAMPING = 0.3
"""Squared displacement a unit of depth below which a place is drawn to no change; a pair of frames 30 degrees apart has
about .3."""
VIEW_ERRORS = (3.0, 3.0, 2.0, 0.002, 0.002, 0.002)
"""Standard deviations of the errors of yaw, pitch, roll in degrees, and of x, y, z in scene units."""
VIEW_WEIGHT = 0.5
"""How firmly the views are held, in units of the places' own weight."""
FACE = (0.725, 0.91)
"""Half axes, in half widths of the map, of the oval outside of which hair and background say nothing."""


def load_cv2() -> ModuleType:
    """Return OpenCV on one thread; raises ImportError, with the command that installs it, where it is missing."""
    try:
        import cv2
    except ImportError as error:
        raise ImportError("optical flow needs OpenCV: pip install opencv-python-headless") from error
    cv2.setNumThreads(1)
    return cv2


@torch.no_grad()
def measure_parallax(image: Tensor, depth: Tensor, view: Tensor, light: Tensor) -> Tensor:
    """Measure by how much one depth for all frames of a person should change.

    Args:
        image: K x 3 x SIDE x SIDE in [-1, 1], K at least 2 frames of one person.
        depth: S x S canonical, the model's for this person.
        view: K x 6, see Codes.
        light: K x 4, see Codes.

    Returns:
        SIDE/2 x SIDE/2 change of depth in scene units, positive is farther; near 0 where little is seen.
    """
    depth = F.interpolate(depth[None, None], size=(SIDE, SIDE), mode="bicubic")[0].expand(len(view), -1, -1)
    front, seen = unrender(image, depth, view)
    pixel = 2 / (SIDE - 1)
    front = (front + 1) / shading(depth, light, 2).clamp(min=0.25)
    pairs = torch.tensor(list(combinations(range(len(view)), 2)))
    first, second = pairs.unbind(1)
    moved = displacements(levelled(front.mean(1, keepdim=True)), pairs) * pixel
    weight = halved((seen[first] * seen[second])[:, 0])
    oval = (pixel_grid(SIDE // 2) / torch.tensor(FACE)).square().sum(-1) < 1
    weight = weight * oval
    by_depth, by_view = (halved(field) for field in sensitivities(depth, view))
    parallax = by_depth[second] - by_depth[first]  # M x s x s x 2
    relief, errors = torch.zeros(SIDE // 2, SIDE // 2), torch.zeros(len(view), 6)
    for _ in range(ROUNDS):
        turned = (by_view @ errors[:, None, None, :, None])[..., 0]
        rest = moved - parallax * relief[..., None] - (turned[second] - turned[first])
        trust = weight / (1 + rest.square().sum(-1) / (FITS * pixel) ** 2)
        errors = view_errors(moved - parallax * relief[..., None], by_view, pairs, trust)
        turned = (by_view @ errors[:, None, None, :, None])[..., 0]
        rest = moved - (turned[second] - turned[first])
        pull, push = ((trust[..., None] * parallax * other).sum((0, 3)) for other in (rest, parallax))
        pull, push = (blurred(part[None, None], SHARED)[0, 0] for part in (pull, push))
        relief = pull / (push + DAMPING)
    return relief


def view_errors(rest: Tensor, by_view: Tensor, pairs: Tensor, weight: Tensor) -> Tensor:
    """Solve for the views' errors that explain displacements, held by VIEW_ERRORS.

    Args:
        rest: M x s x s x 2 displacements between pairs.
        by_view: K x s x s x 2 x 6, how frames move with their views.
        pairs: M x 2 of K frames.
        weight: M x s x s.

    Returns:
        K x 6.
    """
    rest, by_view, weight = rest[:, ::2, ::2], by_view[:, ::2, ::2], weight[:, ::2, ::2]
    count = len(by_view)
    normal, gain = torch.zeros(count, 6, count, 6), torch.zeros(count, 6)
    for (i, j), moved, trust in zip(pairs.tolist(), rest, weight, strict=True):
        of_i, of_j = -by_view[i].flatten(0, 2), by_view[j].flatten(0, 2)
        weights = trust[..., None].expand_as(moved).reshape(-1, 1)
        for one, mine in ((i, of_i), (j, of_j)):
            gain[one] += (mine.T @ (weights * moved.reshape(-1, 1)))[:, 0]
            for other, theirs in ((i, of_i), (j, of_j)):
                normal[one, :, other] += mine.T @ (weights * theirs)
    pixel = 1 / (SIDE - 1)
    hold = VIEW_WEIGHT * weight.sum() * pixel**2 / count / torch.tensor(VIEW_ERRORS).square()
    normal = normal.reshape(6 * count, 6 * count) + torch.diag(hold.repeat(count))
    return torch.linalg.solve(normal, gain.flatten()).view(count, 6)


def sensitivities(depth: Tensor, view: Tensor) -> tuple[Tensor, Tensor]:
    """Work out how frontal pictures are displaced, in half widths, where depth or view are wrong.

    Args:
        depth: K x S x S canonical.
        view: K x 6.

    Returns:
        By a unit of depth, K x S x S x 2; by a unit of each number of the view, K x S x S x 2 x 6.
    """
    spacing = 2 / (depth.shape[-1] - 1)

    def places(depth: Tensor, view: Tensor) -> Tensor:
        return project(apply_view(unproject(depth), view))

    def change(by: Callable[[float], Tensor], step: float) -> Tensor:
        return (by(step) - by(-step)) / (2 * step)

    here = places(depth, view)
    along = torch.stack([(here.roll(-1, axis) - here.roll(1, axis)) / (2 * spacing) for axis in (2, 1)], -1)
    a, b, c, d = along.flatten(-2).unbind(-1)  # places of the picture by places of the front, and its inverse
    determinant = a * d - b * c
    determinant = torch.where(determinant.abs() < 0.15, torch.full_like(determinant, 0.15), determinant)
    inverse = torch.stack([d, -b, -c, a], -1).unflatten(-1, (2, 2)) / determinant[..., None, None]
    fields = [change(lambda step: places(depth + step, view), 4e-3)]
    for k, error in enumerate(VIEW_ERRORS):
        unit = F.one_hot(torch.tensor(k), 6).to(view)
        fields.append(change(lambda step, unit=unit: places(depth, view + step * unit), error / 3))
    moved = inverse @ torch.stack(fields, -1)
    return moved[..., 0], moved[..., 1:]


def displacements(grey: Tensor, pairs: Tensor) -> Tensor:
    """Measure the flow from the first to the second frame of pairs.

    Args:
        grey: K x 1 x S x S levelled pictures.
        pairs: M x 2 of K.

    Returns:
        M x S/2 x S/2 x 2, rightwards and downwards in pixels of the whole size.
    """
    cv2 = load_cv2()
    flow = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    bytes_ = ((grey[:, 0].clamp(-2.5, 2.5) + 2.5) * 51).byte().numpy()
    found = [flow.calc(bytes_[i], bytes_[j], None) for i, j in pairs.tolist()]
    return halved(torch.from_numpy(np.stack(found)))


def levelled(grey: Tensor) -> Tensor:
    """Take slow changes of brightness off pictures K x 1 x S x S and bring their local contrast to one."""
    fine = grey - blurred(grey, LIGHT)
    return fine / (blurred(fine.square(), CONTRAST).sqrt() + 0.03)


def halved(field: Tensor) -> Tensor:
    """Average fields N x S x S x ... over squares of 2 x 2 places, N x S/2 x S/2 x ..."""
    return field.unflatten(2, (-1, 2)).mean(3).unflatten(1, (-1, 2)).mean(2)
