"""Draw clips of parametric people who talk, with the truth of every frame, for `benchmarks.moving`.

    python -m benchmarks.parametric_clips --count 12 --frames 100 --seed 977 --out runs/parametric_clips

Moments of a talking face (train/data/parametric/talking.py) are eased into each other, MOMENT seconds apart; the head
also wanders over the picture. Writes OUT/NAME.mp4 and beside it NAME.json: a row a frame with "yaw", "pitch", "roll" in
degrees and "square", the standard crop's centre x, y and half side in pixels.
"""

import argparse
import io
import json
from pathlib import Path

import numpy as np
from PIL import Image

from latentface.crop import standard_crop
from latentface.film import Film, join
from train.data.parametric.camera import background
from train.data.parametric.factors import clip_factors, identity, stream
from train.data.parametric.mesh import load
from train.data.parametric.people import photo
from train.data.parametric.person import build
from train.data.shards import MARGIN

RATE, MOMENT = 25, 0.4
"""Frames a second, and seconds from one drawn moment to the next."""
SIZE, PICTURE = 208, (400, 320)
"""Side of the standard crop, and width and height of the film, in pixels."""
WANDER = 24
"""Pixels by which the head wanders to either side."""


def between(before: dict, after: dict, share: float) -> dict:
    """Mix the factors of two moments, see factors.clip_factors."""
    mixed = {name: (1 - share) * np.array(before[name]) + share * np.array(after[name]) for name in ("pose", "lamps")}
    names = before["expression"].keys() | after["expression"].keys()
    weights = {n: (1 - share) * before["expression"].get(n, 0) + share * after["expression"].get(n, 0) for n in names}
    pose = [float(angle) for angle in mixed["pose"]]
    lamps = mixed["lamps"].astype(np.float32)
    return {**before, "expression": weights, "pose": pose, "lamps": lamps, "jitter": [0.0, 0.0, 0.0]}


def draw(seed: int, number: int, count: int, path: Path) -> None:
    """Draw one person's clip of `count` frames."""
    head = load()
    person = build(identity(head, stream(seed, number, "identity")), stream(seed, number, "paint"))
    moments = clip_factors(head, 2 + int(count / RATE / MOMENT), seed, number, talking=True)
    back = background(stream(seed, number, "background"), round(SIZE * MARGIN), 1)[0]
    rng, rows, part = stream(seed, number, "noise"), [], path.with_suffix(".mkv")
    with Film(part, RATE, *PICTURE) as film:
        for frame in range(count):
            at, share = divmod(frame / RATE / MOMENT, 1)
            move = between(moments[int(at)], moments[int(at) + 1], share * share * (3 - 2 * share))
            data, _, said = photo(person, move, back, SIZE, rng)
            turn = 2 * np.pi * frame / RATE / 5
            left, top = (np.array(PICTURE) - round(SIZE * MARGIN)) // 2 + (WANDER * np.sin([turn, 1.7 * turn])).astype(
                int
            )
            whole = Image.new("RGB", PICTURE, (96, 104, 110))
            whole.paste(Image.open(io.BytesIO(data)), (int(left), int(top)))
            film.write(frame / RATE, np.array(whole))
            square = standard_crop(np.array(said["landmarks"]) + [left, top])
            rows.append({**dict(zip(("yaw", "pitch", "roll"), move["pose"], strict=True)), "square": list(square)})
    join([part], path)
    part.unlink()
    path.with_suffix(".json").write_text(json.dumps(rows))


def main() -> None:
    """Draw the clips."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--count", type=int, default=12)
    parser.add_argument("--frames", type=int, default=100)
    parser.add_argument("--seed", type=int, default=977)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    for number in range(args.count):
        path = args.out / f"person_{number:02}.mp4"
        if not path.with_suffix(".json").exists():
            draw(args.seed, number, args.frames, path)
        print(f"{number + 1} of {args.count} clips", flush=True)


if __name__ == "__main__":
    main()
