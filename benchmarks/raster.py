"""Milliseconds an image of rasterising a height field and interpolating its texture places, forward and backward.

    python -m benchmarks.raster [--size 128] [--batch 8] [--runs 7]

Three ways on this machine's CPU: numba (the default), torch (the path for GPUs, run here on the CPU), and a naive one
in plain Python, measured forward only on a small grid and scaled by the number of triangles and pixels.
"""

import argparse
import os
import platform
import statistics
import time

import torch

from latentface.camera import apply_view, pixel_grid, project, unproject
from latentface.rasterizer import interpolate, rasterize


def vertices(size: int, batch: int) -> torch.Tensor:
    """Projected vertices batch x size^2 x 3 of a bumpy head, each turned otherwise."""
    grid = pixel_grid(size)
    squared = (grid * torch.tensor([1.2, 1.0])).square().sum(-1)
    depth = 1.04 - 0.08 * torch.exp(-squared / 0.5) + 0.004 * torch.sin(9 * grid[..., 0]) * torch.sin(7 * grid[..., 1])
    view = torch.zeros(batch, 6)
    view[:, 0], view[:, 1] = torch.linspace(-45, 45, batch), torch.linspace(-15, 15, batch)
    points = apply_view(unproject(depth.expand(batch, -1, -1)), view).flatten(1, 2)
    return torch.cat([project(points), points[..., 2:]], -1)


def both_ways(points: torch.Tensor, size: int, backend: str) -> tuple[float, float]:
    """Seconds of the forward and of the backward pass."""
    points = points.clone().requires_grad_()
    places = pixel_grid(size).flatten(0, 1)
    began = time.perf_counter()
    faces = rasterize(points, size, size, size, backend=backend)
    depth, values = interpolate(faces, points, places, size, size, backend=backend)
    middle = time.perf_counter()
    (depth.sum() + values.sum()).backward()
    return middle - began, time.perf_counter() - middle


def naive(points: torch.Tensor, size: int) -> float:
    """Seconds of plain loops over one image's triangles and pixels, forward only."""
    vertex, seen = points[0].tolist(), {}
    began = time.perf_counter()
    half = (size - 1) / 2
    for row in range(size - 1):
        for column in range(size - 1):
            a = row * size + column
            for face in ((a, a + 1, a + size), (a + size + 1, a + size, a + 1)):
                (x0, y0, z0), (x1, y1, z1), (x2, y2, z2) = (
                    ((u + 1) * half, (v + 1) * half, z) for u, v, z in map(vertex.__getitem__, face)
                )
                area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
                if area == 0:
                    continue
                for y in range(max(0, -int(-min(y0, y1, y2) // 1)), min(size - 1, int(max(y0, y1, y2))) + 1):
                    for x in range(max(0, -int(-min(x0, x1, x2) // 1)), min(size - 1, int(max(x0, x1, x2))) + 1):
                        w0 = ((x1 - x) * (y2 - y) - (x2 - x) * (y1 - y)) / area
                        w1 = ((x2 - x) * (y0 - y) - (x0 - x) * (y2 - y)) / area
                        w2 = 1 - w0 - w1
                        if w0 < 0 or w1 < 0 or w2 < 0:
                            continue
                        z = 1 / (w0 / z0 + w1 / z1 + w2 / z2)
                        if (y, x) not in seen or z < seen[y, x][0]:
                            seen[y, x] = (z, w0 * z / z0, w1 * z / z1, w2 * z / z2)
    return time.perf_counter() - began


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=128, help="side of grid and picture")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--runs", type=int, default=7)
    args = parser.parse_args()
    points, rows = vertices(args.size, args.batch), []
    for backend, runs in (("numba", args.runs), ("torch", max(3, args.runs // 2))):
        for _ in range(2):  # compiles, allocates
            both_ways(points, args.size, backend)
        times = [[1000 * t / args.batch for t in both_ways(points, args.size, backend)] for _ in range(runs)]
        forward, backward = (statistics.median(column) for column in zip(*times, strict=True))
        total = [sum(pair) for pair in times]
        rows.append((backend, forward, backward, statistics.median(total), min(total), max(total), f"{runs} runs"))
    small = 32
    scale = ((args.size - 1) / (small - 1)) ** 2
    times = [1000 * scale * naive(vertices(small, 1), small) for _ in range(3)]
    middle = statistics.median(times)
    rows.append(
        (
            "naive",
            middle,
            float("nan"),
            middle,
            min(times),
            max(times),
            f"3 runs at {small} px x {scale:.1f}, forward only",
        )
    )
    print(
        f"{args.size} px grid and picture, batch {args.batch}, {os.cpu_count()} cores, "
        f"{torch.get_num_threads()} torch threads, "
        f"torch {torch.__version__}, Python {platform.python_version()}"
    )
    print(
        f"{'ms an image':12}{'forward':>10}{'backward':>10}{'both':>10}{'least':>10}{'most':>10}{'x numba':>10}  runs"
    )
    for name, forward, backward, total, least, most, note in rows:
        ratio = total / rows[0][3]
        print(f"{name:12}{forward:10.2f}{backward:10.2f}{total:10.2f}{least:10.2f}{most:10.2f}{ratio:10.1f}  {note}")


if __name__ == "__main__":
    main()
