"""Whose relief is best: each face's own, the average face's laid out by its features, or what its frames show when it turns?

    python -m benchmarks.relief --checkpoint explorer --truth truth/validation --people 40

Prints SIDE and MAD of normals (train/depth.py) for each, under the checkpoint's own views. Turned: every place of the average
face is followed through a person's frames, and its depth found where the lines of sight come nearest, held to the average
(weight `hold`), a few hundred numbers by least squares. An upper bound, that no single photo can reach, of what turning teaches.
"""

import argparse
import itertools
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from latentface.geometry import HALF_WIDTH, apply_view, normals_from_depth, pixel_grid, project, rotation, unproject
from latentface.layout import gather, spread
from latentface.rendering import view_grid
from train.depth import eroded, load_autoencoder, mad, read_truth, side


def errors(truth, depth: Tensor, view: Tensor) -> tuple[Tensor, Tensor]:
    """SIDE and MAD, B each, of canonical depths B x s x s under views B x 6."""
    large = F.interpolate(depth[:, None], size=truth.depth.shape[1:], mode="bicubic")[:, 0]
    seen = view_grid(large, view)[1]
    mask = eroded(truth.mask) & eroded(seen > 0)
    normals = normals_from_depth(seen.clamp(min=0.1)), normals_from_depth(truth.depth)
    return side(seen, truth.depth, mask), mad(*normals, mask)


def turned(average: Tensor, depth: Tensor, moves: Tensor, view: Tensor, hold: float) -> Tensor:
    """A person's relief in the average layout, s x s, from frames: depth N x s x s, moves N x s x s x 2, view N x 6."""
    size = average.shape[-1]
    where = pixel_grid(size) + moves
    seen = project(apply_view(unproject(gather(depth[:, None], moves)[:, 0], where).flatten(1, 2), view))
    facing = -(normals_from_depth(depth) * rotation(view)[:, None, None, 2]).sum(-1)
    weight = gather(facing[:, None].clamp(0, 1), moves)[:, 0].flatten(1) * (seen.abs().amax(-1) < 0.97)
    point = unproject(average[None], where.mean(0, keepdim=True))[0].flatten(0, 1)
    for _ in range(3):
        error = seen - project(apply_view(point.expand(len(view), -1, -1), view))
        slope = rotation(view)[:, None, :2] / (HALF_WIDTH * point[None, :, 2:, None])
        normal = (slope.mT @ slope * weight[..., None, None]).sum(0) + torch.diag(torch.tensor([1e-2, 1e-2, hold]))
        pull = (slope.mT @ error[..., None] * weight[..., None, None]).sum(0)[..., 0]
        pull[:, 2] += hold * (average.flatten() - point[:, 2])
        point = point + torch.linalg.solve(normal, pull)
    return point[:, 2].view(size, size)


@torch.no_grad()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--checkpoint", default="explorer")
    parser.add_argument("--truth", type=Path, required=True)
    parser.add_argument("--people", type=int, default=40)
    args = parser.parse_args()
    model = load_autoencoder(args.checkpoint)
    people = []
    for truth in itertools.islice(read_truth(args.truth, model.size), args.people):
        codes = model.encode(truth.image)
        people.append((truth, codes.view, model.moves(codes.shape), model._depth(model._raw_depth(codes.shape))))
    average = torch.stack([gather(own[:, None], moves)[:, 0].mean(0) for _, _, moves, own in people]).mean(0)  # of these people

    def laid(relief: Tensor, moves: Tensor) -> Tensor:
        return spread(relief.expand(len(moves), 1, -1, -1), moves)[:, 0]

    rows = {
        f"own, {share:.0%} of it replaced by the average": lambda _, moves, own, share=share: torch.lerp(own, laid(average, moves), share)
        for share in (0.0, 0.5, 0.7, 1.0)
    }
    for hold in (30.0, 100.0, 300.0):
        rows[f"as turning shows, held by {hold:g}"] = lambda view, moves, own, hold=hold: laid(turned(average, own, moves, view, hold), moves)
    print("| relief | SIDE | MAD |\n|---|---|---|")
    for name, relief in rows.items():
        found = [errors(truth, relief(view, moves, own), view) for truth, view, moves, own in people]
        sides, angles = (torch.cat(values).nanmean() for values in zip(*found))
        print(f"| {name} | {sides:.4f} | {angles:.1f} |", flush=True)


if __name__ == "__main__":
    main()
