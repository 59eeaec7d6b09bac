"""The directions in which codes of one person change: what an expression does, found without a label."""

import torch
import torch.nn.functional as F
from torch import Tensor

from latentface.autoencoder import Autoencoder
from latentface.camera import pixel_grid


def changing_directions(
    codes: Tensor, person: Tensor, changing: int, given: Tensor | None = None, shown: Tensor | None = None
) -> Tensor:
    """The directions in which one person's codes change most as a face shows it: orthonormal columns C x changing, most first.

    codes: N x C, standardised. person: N int64. given: N x K, what else is known of each frame (its view and light): what
    changes along with it, linearly and within people, is no expression and left out, and no direction follows what codes follow
    most (yaw), or turning would look like an expression. shown: C x P, what each number of the code does to what is looked at
    (see features_moved); without it, codes are looked at themselves.
    With W the covariance around each person's mean and G = shown shown^T: the leading eigenvectors of G^1/2 W G^1/2 are the
    strongest independent changes that show, and codes change along W G^1/2 v with each.
    """
    change, follows = within_people(codes.double(), person), None
    if given is not None:
        known = within_people(given.double(), person)
        known = known / known.square().mean(0).sqrt().clamp(min=1e-6)
        ridge = (
            1e-3 * len(known) * torch.eye(known.shape[1], dtype=torch.float64)
        )  # ambient and diffuse light add up to 1
        follows = torch.linalg.solve(known.T @ known + ridge, known.T @ change)
        change = change - known @ follows
    within = change.T @ change / len(change)
    root = torch.eye(codes.shape[1], dtype=torch.float64)
    if shown is not None:
        values, vectors = torch.linalg.eigh(shown.double() @ shown.double().T)
        root = vectors * values.clamp(min=0).sqrt() @ vectors.T
    leading = torch.linalg.eigh(root @ within @ root)[1][:, -changing:].flip(1)
    directions = within @ root @ leading
    if follows is not None:
        _, strength, axes = torch.linalg.svd(follows, full_matrices=False)
        axes = axes[strength > 0.5 * strength[0]]
        directions = directions - axes.T @ (axes @ directions)
    return torch.linalg.qr(directions)[0].to(codes.dtype)


def going_along(codes: Tensor, person: Tensor, readings: Tensor, given: Tensor, ridge: float = 0.01) -> Tensor:
    """How a code moves with each of the numbers that are read off it: C x K; reading what moves gives those numbers back.

    codes: N x C, standardised. person: N int64. readings: C x K, orthonormal. given: N x G, what else is known of each frame
    (its view and light). What is orthogonal to readings moves by the least-squares fit of its changes within people to
    those of the numbers read and of what is given, side by side, each scaled to a variance of 1; ridge is added to these.
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
def features_moved(model: Autoencoder, kind: str, mean: Tensor, spread: Tensor) -> Tensor:
    """What a face's features do as each number of a code moves by its spread: C x P.

    Differences between neighbouring pixels, at half the size, of the albedo inside an oval that leaves hair, ears and
    background out: brows, eyes, nose and mouth, but not how light or dark a cheek is. Shape moves the average texture; in a
    model without a layout, depth.
    mean, spread: C, of the codes. Central differences around the mean code.
    """
    u, v = pixel_grid(model.average_depth.shape[-1], device=mean.device).unbind(-1)
    oval = torch.sigmoid((1 - ((u / 0.65).square() + ((v - 0.18) / 0.72).square()).sqrt()) / 0.08)
    average = model.texture_basis.mean

    def decode(code: Tensor) -> Tensor:
        if kind == "texture":
            return model.texture_basis(code)
        return (
            model.laid_out(average.expand(len(code), -1, -1, -1), code)
            if model.config.layout_grid
            else model.depth(code)[:, None]
        )

    moved = torch.cat([decode(mean + step) - decode(mean - step) for step in torch.diag(spread).split(64)]) / 2
    moved = F.avg_pool2d(moved * oval, 2)
    return torch.cat([moved.diff(dim=-1).flatten(1), moved.diff(dim=-2).flatten(1)], 1).cpu()


def within_people(values: Tensor, person: Tensor) -> Tensor:
    """Values N x C less their person's mean."""
    people = int(person.max()) + 1
    total = torch.zeros(people, values.shape[-1], dtype=values.dtype).index_add_(0, person, values)
    return values - (total / torch.bincount(person, minlength=people).clamp(min=1)[:, None])[person]
