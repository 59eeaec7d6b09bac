"""What one machine does in an hour, by each engine, and what very many faces cost in memory and time.

    python -m benchmarks.scale clips [--clips 64]         drawn by the pool, by Ray with two workers and in two parts
    python -m benchmarks.scale photos [--photos 200]      imported by each
    python -m benchmarks.scale records [--records 100000] memory while so many made-up clips are drawn and imported
    python -m benchmarks.scale maps [--codes 100000]      UMAP of a sample, the others placed; --whole: UMAP of all

Each prints one JSON object. The clock counts whatever else runs on the machine; processor seconds do not.
"""

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.neighbors import NearestNeighbors

from latentface.gallery import Gallery
from train.common.run import record
from train.data.engine import draw_shards
from train.data.executor import Executor
from train.data.import_faces import import_source
from train.data.parametric.people import ABOUT, Clip
from train.release.layouts import Neighbourhood, laid_out, trust

A_SHARD = 8
ENGINES = {"pool of 2": Executor(2), "Ray, 2 workers": Executor(2, "ray")}
PART = """
import sys
from pathlib import Path
from benchmarks.scale import WORK
from train.data.executor import Executor
if __name__ == "__main__":
    WORK[sys.argv[1]](Path(sys.argv[2]), int(sys.argv[3]), Executor(part=(int(sys.argv[4]), 2)))
"""


def resident(process: str = "self") -> int:
    """Bytes of memory that a process holds now."""
    with open(f"/proc/{process}/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def contents(folder: Path) -> str:
    """Hash all files of a folder."""
    whole = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        whole.update(path.name.encode() + path.read_bytes())
    return whole.hexdigest()


def draw_people(out: Path, clips: int, by: Executor) -> None:
    """Draw parametric people, 8 frames of 128 px each."""
    draw_shards(Clip(5, 8, 128), clips, out, ABOUT, {"seed": 5}, by, A_SHARD)


def import_photos(out: Path, photos: int, by: Executor) -> None:
    """Import the photos that lie beside `out`."""
    import_source(out.parent / "photos", out, workers=by, clips_a_shard=A_SHARD)


WORK: dict[str, Callable[[Path, int, Executor], None]] = {"clips": draw_people, "photos": import_photos}


def write_photos(folder: Path, count: int) -> None:
    """Write photos of 480 x 360 with a face of the bundled gallery in each."""
    from PIL import Image

    gallery = Gallery()
    folder.mkdir(parents=True)
    for number in range(count):
        photo = Image.new("RGB", (480, 360), (120, 130, 125))
        photo.paste(Image.fromarray(gallery.crop(number * 7 % len(gallery.faces))).resize((200, 200)), (140, 80))
        photo.save(folder / f"{number:05d}.jpg", quality=92)


def engines(kind: str, count: int) -> dict:
    """Do the same work by each engine; the bytes must be equal."""
    found: dict = {kind: count}
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        if kind == "photos":
            write_photos(root / "photos", count)
        WORK[kind](root / "warm", min(count, 2), Executor())
        shutil.rmtree(root / "warm")
        began = time.process_time()
        WORK[kind](root / "alone", count, Executor())
        spent = time.process_time() - began
        found["one core"] = {"processor_seconds": round(spent, 1), "an_hour_of_a_core": round(3600 * count / spent)}
        for engine, by in ENGINES.items():
            began = time.monotonic()
            WORK[kind](root / engine, count, by)
            found[engine] = rate(count, time.monotonic() - began)
        began = time.monotonic()
        command = [sys.executable, "-c", PART, kind, str(root / "parts"), str(count)]
        for process in [subprocess.Popen([*command, str(part)]) for part in range(2)]:
            assert process.wait() == 0
        found["parts 0/2 and 1/2"] = rate(count, time.monotonic() - began)
        hashes = {engine: contents(root / engine) for engine in ("alone", *ENGINES, "parts")}
        found["equal_bytes"] = len(set(hashes.values())) == 1
    return found


def rate(count: int, seconds: float) -> dict:
    """Give seconds, and how many an hour."""
    return {"seconds": round(seconds, 1), "an_hour": round(3600 * count / seconds)}


@dataclass(frozen=True)
class MadeUp:
    """Makes clips of one frame without drawing them."""

    def __call__(self, index: int) -> tuple[str, list[bytes], list[dict], None]:
        """Give a clip of 10 kB of noise, as a stored frame takes."""
        noise = np.random.default_rng(index).bytes(10_000)
        return f"{index:06d}", [noise], [{"person": f"{index:06d}", "frame": 0, "note": "x" * 400}], None


def records(count: int) -> dict:
    """Watch the memory of this process while clips are drawn, by two workers, in tenths."""
    tenths: dict[str, float] = {}
    most, going = [0], [True]

    def watch() -> None:
        """Note the most memory that is held at any moment."""
        while going[0]:
            most[0] = max(most[0], resident())
            time.sleep(0.1)

    def progress(done: int, total: int) -> None:
        """Note the memory after each tenth."""
        if done % (total // 10) == 0:
            tenths[f"{done:,}"] = round(resident() / 2**20)

    before = resident()
    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        draw_shards(MadeUp(), count, Path(name) / "out", {}, {}, Executor(2), 1000, progress)
    seconds, going[0] = time.monotonic() - began, False
    return {
        "records": count, "seconds": round(seconds, 1), "mb_before": round(before / 2**20),
        "mb_after_each_tenth": tenths, "mb_most": round(most[0] / 2**20),
    }  # fmt: skip


def made_up_codes(count: int, seed: int = 0) -> np.ndarray:
    """Codes N x 512 with the spread and correlations of the bundled gallery's identities."""
    rows = Gallery().features["identity"]
    rng = np.random.default_rng(seed)
    left, spread, axes = np.linalg.svd(rows - rows.mean(0), full_matrices=False)
    people = rng.standard_normal((count // 8 + 1, len(spread)))[np.arange(count) // 8]
    moments = rng.standard_normal((count, len(spread)))
    amounts = (0.9 * people + 0.44 * moments) * spread / len(rows) ** 0.5
    return (amounts @ axes + rows.mean(0)).astype(np.float32)


def maps(count: int, sample: int, whole: bool) -> dict:
    """Lay out a sample of codes by UMAP, place the others; or lay out all."""
    rows = made_up_codes(count)
    found: dict = {"codes": count, "numbers": 512}
    laid_out(rows[:200], 0)  # compiles
    chosen = np.linspace(0, count - 1, count if whole else sample).astype(int)
    began, spent = time.monotonic(), time.process_time()
    points = laid_out(rows[chosen], 0)
    found["umap"] = {"codes": len(chosen), **taken(began, spent), "trustworthiness": trust(rows[chosen], points)}
    if not whole:
        began, spent = time.monotonic(), time.process_time()
        hood = Neighbourhood(rows[chosen], points)
        found["index"] = taken(began, spent)
        began, spent = time.monotonic(), time.process_time()
        placed = hood.places(rows)
        found["placed"] = {**taken(began, spent), "trustworthiness": trust(rows, placed)}
        some = rows[1 :: max(1, count // 500)]
        began, spent = time.monotonic(), time.process_time()
        exact = NearestNeighbors(n_neighbors=5, algorithm="brute").fit(rows[chosen]).kneighbors(some)[1]
        found["exact_search"] = {"codes": len(some), **taken(began, spent)}
        near = hood.nearest(some)[0]
        found["neighbours_found"] = round(
            float(np.mean([len({*a} & {*b}) / 5 for a, b in zip(near, exact, strict=True)])), 3
        )
    found["mb_now"] = round(resident() / 2**20)
    return found


def taken(began: float, spent: float) -> dict:
    """Give seconds by the clock and of the processor, and the memory held."""
    return {
        "seconds": round(time.monotonic() - began, 1), "processor_seconds": round(time.process_time() - spent, 1),
        "mb": round(resident() / 2**20),
    }  # fmt: skip


def main() -> None:
    """Run one of the measurements and print what it found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("clips", "photos", "records", "maps"))
    parser.add_argument("--clips", type=int, default=64)
    parser.add_argument("--photos", type=int, default=200)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--codes", type=int, default=100_000)
    parser.add_argument("--sample", type=int, default=20_000)
    parser.add_argument("--whole", action="store_true")
    args = parser.parse_args()
    if args.what in WORK:
        found = engines(args.what, vars(args)[args.what])
    else:
        found = records(args.records) if args.what == "records" else maps(args.codes, args.sample, args.whole)
    about = record({})
    load = [round(number, 1) for number in os.getloadavg()]
    print(json.dumps({**found, "commit": about["commit"], "hardware": about["hardware"], "load": load}, indent=1))


if __name__ == "__main__":
    main()
