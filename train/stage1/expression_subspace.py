"""The expression subspace: directions of a code in which one person changes, found without a label.

Codes of one person differ by expression, and by what view and light leave in them. The directions found here hold the
changes that show most in a face and do not follow the view.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from latentface.autoencoder import Autoencoder
from latentface.blocks import Encoder
from latentface.camera import pixel_grid
from latentface.codes import Codes
from latentface.warp import from_canonical
from train.data.clips import Clips
from train.stage1.mixing import FRAMES, draw_clips


def within_people(values: Tensor, person: Tensor) -> Tensor:
    """Subtract from values N x C the mean of their person (person: N int64)."""
    people = int(person.max()) + 1
    total = torch.zeros(people, values.shape[-1], dtype=values.dtype).index_add_(0, person, values)
    return values - (total / torch.bincount(person, minlength=people).clamp(min=1)[:, None])[person]


def expression_directions(
    codes: Tensor,
    person: Tensor,
    count: int,
    given: Tensor | None = None,
    features: Tensor | None = None,
    apart: float = 0.0,
) -> Tensor:
    """Find the directions in which one person's codes change most as a face shows it.

    With W the covariance around each person's mean and G = features features^T, the leading eigenvectors v of
    G^1/2 W G^1/2 are the strongest independent changes that show, and codes change along W G^1/2 v with each. With B
    the covariance of the means, they are those of G^1/2 (W - apart B) G^1/2: changes that do not tell people apart (the
    maximum margin criterion of Li et al., NIPS 2003, the other way round).

    Args:
        codes: N x C, standardised.
        person: N int64.
        count: number of directions.
        given: N x K, known of each frame, such as its view and light. Changes that follow it, linearly and within
            people, are left out, and no direction follows what codes follow most (yaw).
        features: C x P, effect of each number of the code on what is looked at (see feature_motion); without it the
            codes themselves are looked at.
        apart: how much it counts against a direction that people differ along it.

    Returns:
        Orthonormal columns C x count, strongest first.
    """
    change, follows = within_people(codes.double(), person), None
    means = codes.double() - change
    means = means - means.mean(0)
    between = means.T @ means / len(means)
    if given is not None:
        known = within_people(given.double(), person)
        known = known / known.square().mean(0).sqrt().clamp(min=1e-6)
        # a ridge, as ambient and diffuse light add up to 1
        ridge = 1e-3 * len(known) * torch.eye(known.shape[1], dtype=torch.float64)
        follows = torch.linalg.solve(known.T @ known + ridge, known.T @ change)
        change = change - known @ follows
    within = change.T @ change / len(change)
    root = torch.eye(codes.shape[1], dtype=torch.float64)
    if features is not None:
        values, vectors = torch.linalg.eigh(features.double() @ features.double().T)
        root = vectors * values.clamp(min=0).sqrt() @ vectors.T
    leading = torch.linalg.eigh(root @ (within - apart * between) @ root)[1][:, -count:].flip(1)
    directions = within @ root @ leading
    if follows is not None:
        _, strength, axes = torch.linalg.svd(follows, full_matrices=False)
        axes = axes[strength > 0.5 * strength[0]]
        directions = directions - axes.T @ (axes @ directions)
    return torch.linalg.qr(directions)[0].to(codes.dtype)


def covarying_directions(codes: Tensor, person: Tensor, readings: Tensor, given: Tensor, ridge: float = 0.01) -> Tensor:
    """Find how a code moves with each number that is read off it.

    The part orthogonal to the readings moves by the least-squares fit of its changes within people to those of the
    numbers read and of what is given, side by side, each scaled to a variance of 1.

    Args:
        codes: N x C, standardised.
        person: N int64.
        readings: C x K, orthonormal columns.
        given: N x G, known of each frame, such as its view and light.
        ridge: added to the variances.

    Returns:
        Directions C x K with readings^T directions = 1.
    """
    change, known = within_people(codes.double(), person), within_people(given.double(), person)
    axes = readings.double()
    causes = torch.cat([change @ axes, known], 1)
    spread = causes.square().mean(0).sqrt().clamp(min=1e-6)
    causes = causes / spread
    damped = causes.T @ causes + ridge * len(causes) * torch.eye(causes.shape[1], dtype=torch.float64)
    along = (torch.linalg.solve(damped, causes.T @ change) / spread[:, None])[: axes.shape[1]].T
    return (along - axes @ (axes.T @ along) + axes).to(codes.dtype)


@torch.no_grad()
def feature_motion(model: Autoencoder, kind: str, mean: Tensor, spread: Tensor) -> Tensor:
    """Measure the effect of each number of a code on a face's features, by central differences around the mean code.

    Features are differences between neighbouring pixels, at half the size, of the albedo inside an oval that leaves
    hair, ears and background out: brows, eyes, nose and mouth, but not how light or dark a cheek is. Shape warps the
    average texture.

    Args:
        model: a settled autoencoder.
        kind: "shape" or "texture".
        mean: C, of the codes.
        spread: C, the codes' standard deviation: the size of a step.

    Returns:
        C x P on the CPU.
    """
    u, v = pixel_grid(model.average_depth.shape[-1], device=mean.device).unbind(-1)
    oval = torch.sigmoid((1 - ((u / 0.65).square() + ((v - 0.18) / 0.72).square()).sqrt()) / 0.08)
    average = model.texture_basis.mean

    def decode(code: Tensor) -> Tensor:
        if kind == "texture":
            return model.texture_basis(code)
        return from_canonical(average.expand(len(code), -1, -1, -1), model.displacement(code))

    moved = torch.cat([decode(mean + step) - decode(mean - step) for step in torch.diag(spread).split(64)]) / 2
    moved = F.avg_pool2d(moved * oval, 2)
    return torch.cat([moved.diff(dim=-1).flatten(1), moved.diff(dim=-2).flatten(1)], 1).cpu()


@torch.no_grad()
def rotate_codes(model: Autoencoder, clips: Clips, seed: int = 0, count: int = 8_000) -> None:
    """Turn the warp code and the texture code so that their last numbers span the expression subspace of `clips`.

    The networks' last and first layers take the rotation in: the same photos decode to the same scenes.

    Args:
        model: a settled autoencoder; changed in place.
        clips: the data set.
        seed: of the frames drawn.
        count: frames to look at, at most 20 a learning frame.
    """
    device, generator = model.average_depth.device, torch.Generator().manual_seed(seed)
    rows = draw_clips(clips, min(count, 20 * len(clips.learners)) // FRAMES, generator)
    codes = Codes.cat([model.encode(clips.centre(part, model.size).to(device)).to("cpu") for part in rows.split(128)])
    person = torch.arange(len(rows)) // FRAMES
    known = torch.cat([codes.view[:, :5], codes.light, codes.view[:, :3].square()], 1)
    for kind, first in (("shape", model.depth_code), ("texture", 0)):
        code, count_changing = getattr(codes, kind), int(model.expression_mask(kind)[first:].sum())
        mean, spread = code.mean(0), code.std(0).clamp(min=1e-4)
        if not count_changing:
            continue
        features = feature_motion(model, kind, mean.to(device), spread.to(device))[first:]
        code, mean, spread = (value[..., first:] for value in (code, mean, spread))
        moved = expression_directions((code - mean) / spread, person, count_changing, known, features)
        axes = torch.linalg.svd(moved, full_matrices=True)[0].roll(-count_changing, 1)  # the identity numbers first
        forward, back = (axes.T / spread).to(device), (axes * spread[:, None]).to(device)
        if kind == "shape":
            displacement = model.layout.displacement.weight
            displacement.copy_(displacement @ back)
            _rotate_outputs(model.layout_encoder, forward)
        else:
            directions = model.texture_basis.directions
            directions.copy_((back.T @ directions.flatten(1)).view_as(directions))
            model.texture_basis.refresh()
            model.refiner.code.weight.copy_(model.refiner.code.weight @ back)
            _rotate_outputs(model.texture_encoder, forward)


def _rotate_outputs(encoder: Encoder, matrix: Tensor) -> None:
    """Multiply an encoder's vectors by a matrix."""
    last = encoder.last
    last.weight.copy_((matrix @ last.weight.flatten(1)).view_as(last.weight))
    if last.bias is not None:
        last.bias.copy_(matrix @ last.bias)
