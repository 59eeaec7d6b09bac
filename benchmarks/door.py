"""What honest photos and clips pay for being decoded in a process of its own: `python -m benchmarks.door`.

Each photo is read through the door and decoded in this process by turns, so that a busy machine troubles both alike:
the median of the differences is what the door costs. Processor time, of this process and the worker, holds on a busy
machine too; so do the figures of a clip's frames.
"""

import argparse
import time
from pathlib import Path
from statistics import median

import numpy as np
from PIL import Image

from latentface.checkpoints import ASSETS
from latentface.intake import door
from latentface.intake.clip_decode import frames as decoded
from latentface.intake.decode import decode
from latentface.photo import read_photo
from latentface.video import MAX_SECONDS, SHOWN_SIDE, frames

CLIP = ASSETS / "clip" / "clip.mp4"


def photographs(folder: Path) -> dict[str, Path]:
    """Write photos as cameras and telephones make them: a smooth scene with grain."""
    made = {}
    rng = np.random.default_rng(0)
    for width, height in ((640, 480), (1600, 1200), (4032, 3024)):
        coarse = Image.fromarray(rng.integers(0, 256, (12, 16, 3), dtype=np.uint8)).resize((width, height))
        scene = Image.fromarray(
            np.clip(np.asarray(coarse) + rng.normal(0, 4, (height, width, 1)), 0, 255).astype("uint8")
        )
        for kind, options in (("JPEG", {"quality": 90}), ("WEBP", {"quality": 85}), ("PNG", {})):
            if width * height < 2e6 or kind == "JPEG":
                path = folder / f"{width}x{height}.{kind.lower()}"
                scene.save(path, kind, **options)
                made[f"{kind}, {width} x {height}"] = path
    return made


def milliseconds(work) -> float:  # noqa: ANN001 (any callable)
    """Time a call."""
    began = time.perf_counter()
    work()
    return 1e3 * (time.perf_counter() - began)


def processor(pid: int) -> float:
    """Tell the processor time in seconds that a process has taken."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--folder", type=Path, default=Path("runs/door"))
    parser.add_argument("--times", type=int, default=25)
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    print("| photo | decoded here, ms | the door costs, ms | ratio | in processor time, ms |\n|---|---|---|---|---|")
    for name, path in photographs(args.folder).items():
        data = path.read_bytes()
        decode(data), read_photo(path)
        (worker, *_) = door.door.workers()
        pairs, own, others = [], 0.0, processor(worker.process.pid)
        for _ in range(args.times):
            here = milliseconds(lambda d=data: decode(d))
            began = time.process_time()
            pairs.append((here, milliseconds(lambda p=path: read_photo(p))))
            own += time.process_time() - began
        began = time.process_time()
        for _ in range(args.times):
            decode(data)
        alone = time.process_time() - began
        both = own + processor(worker.process.pid) - others
        here, cost = median(here for here, _ in pairs), median(there - here for here, there in pairs)
        print(f"| {name} | {here:.1f} | {cost:.1f} | {1 + cost / here:.2f} | {1e3 * (both - alone) / args.times:.1f} |")
    list(frames(CLIP))
    (worker, *_) = door.clip_door.workers()
    began = time.process_time()
    count = sum(1 for _ in decoded(CLIP, MAX_SECONDS, SHOWN_SIDE))
    here = 1e3 * (time.process_time() - began) / count
    began, before = time.process_time(), processor(worker.process.pid)
    count = sum(1 for _ in frames(CLIP))
    there = 1e3 * (time.process_time() - began) / count
    worked = 1e3 * (processor(worker.process.pid) - before) / count
    print(
        f"\nA frame of {CLIP.name}, processor time: {here:.2f} ms decoded here; {there:.2f} + {worked:.2f} (worker) ms."
    )


if __name__ == "__main__":
    main()
