"""Parametric people: images a second with all truth, where the time goes, and how independent the factors are.

    python -m benchmarks.people [--people 40] [--workers 2] [--clips 20000]

Prints images/s of whole clips (drawn, photographed, encoded, truth packed and written), milliseconds a stage on one
core, and the largest correlation between factors of different kinds over --clips clips.
"""

import argparse
import itertools
import tempfile
import time
from pathlib import Path

import numpy as np

from train.data import parametric as people
from train.data.parametric.factors import clip_factors, identity, stream
from train.data.parametric.mesh import load


def correlations(clips: int, seed: int = 0, names: bool = False):
    """Largest absolute correlation of any factor of one kind with any of another, one frame a clip (with its names)."""
    head = load()
    rows = []
    for number in range(clips):
        who = identity(head, stream(seed, number, "identity"))
        move = clip_factors(head, 1, seed, number)[0]
        action = move["expression"].get
        key = move["lamps"][2]
        rows.append(
            {
                **{f"identity {k}": who[k] for k in ("age", "gender", "skin", "weight", "beard", "hair_length")},
                "identity african": who["ancestry"]["african"],
                "identity smile lines": who["shapes"]["mouth-laugh-lines-out"],
                "identity mouth": who["shapes"]["mouth-scale-horiz-incr"],
                **{
                    f"expression {k}": action(k, 0)
                    for k in ("mouthSmileLeft", "jawOpen", "browDownLeft", "browInnerUp", "eyeBlinkLeft")
                },
                **{f"pose {k}": v for k, v in zip(("yaw", "pitch", "roll"), move["pose"], strict=True)},
                "light right": key[0],
                "light down": key[1],
                "light key": key[4],
                "light sky": move["lamps"][0][4],
            }
        )
    columns = list(rows[0])
    matrix = np.corrcoef(np.array([[float(row[c]) for c in columns] for row in rows]).T)
    pairs = [
        (abs(matrix[i, j]), a, b)
        for (i, a), (j, b) in itertools.combinations(enumerate(columns), 2)
        if a.split()[0] != b.split()[0]
    ]
    worst = max(pairs)
    return worst if names else worst[0]


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=40)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--clips", type=int, default=20000)
    args = parser.parse_args()
    head = load()
    people.Clip(0, 8, 128)(0)
    stages = {"build": 0.0, "factors": 0.0, "render": 0.0, "whole clip": 0.0}
    for number in range(1, 6):
        began = time.perf_counter()
        person = people.build(identity(head, stream(0, number, "identity")), stream(0, number, "paint"))
        built = time.perf_counter()
        moves = clip_factors(head, 8, 0, number)
        moved = time.perf_counter()
        for move in moves:
            people.render(person, move, 128)
        rendered = time.perf_counter()
        people.Clip(0, 8, 128)(number)
        for name, seconds in zip(
            stages, (built - began, moved - built, rendered - moved, time.perf_counter() - rendered), strict=True
        ):
            stages[name] += seconds / 40 * 1000
    print("ms an image, one core: " + ", ".join(f"{name} {value:.1f}" for name, value in stages.items()))
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        people.people_shards(args.people, 8, 128, 1, Path(folder), args.workers)
        seconds = time.perf_counter() - began
        size = sum(f.stat().st_size for f in Path(folder).iterdir()) / args.people / 8
    print(f"{args.people * 8 / seconds:.1f} images/s with {args.workers} workers, {size / 1000:.0f} kB an image")
    if args.clips:
        value, one, other = correlations(args.clips, names=True)
        print(f"largest correlation between kinds over {args.clips:,} clips: {value:.3f} ({one} with {other})")


if __name__ == "__main__":
    main()
