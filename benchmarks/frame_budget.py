"""Where a frame's time goes: milliseconds for following, encoding, splitting, decoding, drawing, writing.

    python -m benchmarks.frame_budget CLIP [--frames 160] [--batch 8]

Each step runs over all frames by itself, the networks in batches. Prints wall clock and the process's CPU time.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import numpy as np
import torch

from latentface.checkpoints import load_pipeline
from latentface.codes import Codes, Scene
from latentface.crop import standard_crop, turned_crop
from latentface.film import Film
from latentface.films import SIDE, drawn_faces
from latentface.tracker import Tracker
from latentface.video import frames


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("clip", type=Path, metavar="CLIP")
    parser.add_argument("--checkpoint", default="explorer")
    parser.add_argument("--frames", type=int, default=160)
    parser.add_argument("--batch", type=int, default=8)
    args = parser.parse_args()
    pipeline = load_pipeline(args.checkpoint)
    tracker, total = Tracker(pipeline.size), [0.0, 0.0]

    def timed(name: str, step: Callable[[], list], count: int) -> list:
        """Run a step and print what it took for each frame."""
        began = time.perf_counter(), time.process_time()
        result = step()
        now = time.perf_counter(), time.process_time()
        took = [1000 * (b - a) / count for a, b in zip(began, now, strict=True)]
        total[:] = [a + b for a, b in zip(total, took, strict=True)]
        print(f"{name:<8} {took[0]:7.1f} ms  {took[1]:7.1f} ms of CPU", flush=True)
        return result

    images = timed("read", lambda: [f.image for f in islice(frames(args.clip), args.frames)], args.frames)
    count = len(images)
    found = timed("follow", lambda: [tracker.find(image) for image in images], count)
    kept = [(image, face) for image, face in zip(images, found, strict=True) if face is not None]
    crops = timed(
        "crop", lambda: [turned_crop(i, standard_crop(f.landmarks), pipeline.size, f.roll) for i, f in kept], count
    )
    batches = list(torch.cat([pipeline.tensor(crop) for crop in crops]).split(args.batch))
    pipeline.decode(pipeline.encode(batches[0])).render(SIDE)  # compiled
    codes: list[Codes] = timed("encode", lambda: [pipeline.encode(batch) for batch in batches], count)
    timed("split", lambda: [pipeline.split(one) for one in codes], count)
    scenes: list[Scene] = timed("decode", lambda: [pipeline.decode(one) for one in codes], count)
    drawn = timed("draw", lambda: [image for scene in scenes for image in drawn_faces(scene, SIDE)], count)

    def write() -> list:
        with tempfile.TemporaryDirectory() as folder, Film(Path(folder) / "film.mkv", 30, 4 * SIDE, SIDE) as film:
            for number, image in enumerate(drawn):
                film.write(number / 30, np.tile(image, (1, 4, 1)))
        return []

    timed("write", write, count)
    print(f"{'each once':<8} {total[0]:6.1f} ms  {total[1]:7.1f} ms of CPU, {count} frames, {len(kept)} with a face")


if __name__ == "__main__":
    main()
