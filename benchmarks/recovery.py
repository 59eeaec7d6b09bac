"""Does what was killed end with the same bytes: training, drawing and importing, each killed at random, in writes too.

    OMP_NUM_THREADS=1 python -m benchmarks.recovery [--kills 20] [--seed 0]

Each of the three is done undisturbed, then begun anew and ended by SIGKILL at a random moment, every second time while
a file is being written, then called again as a person would, until it ends; every file it left is compared. Training
saves after every step here, not once a minute, so that kills fall into writes. Prints a line a kill and one for each.
"""

import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path

import torch
from PIL import Image

from latentface.gallery import Gallery
from train.common import loop
from train.common.run import load_state
from train.data.engine import draw_shards
from train.data.import_faces import import_source
from train.data.parametric.people import ABOUT, Clip
from train.stage1 import trainer
from train.stage1.config import PRESETS

PEOPLE, A_SHARD = 8, 2
FACES = 12
IMAGES = 192
"""Of a toy training: the canonical frame is fitted within them."""
LEFT = 0.03
"""Seconds after which a look is taken again whether a file is being written."""
OF_THE_CLOCK = {"rate", "seconds", "commit"}
"""Entries of curves and records that no two runs share; somebody may commit meanwhile."""


def draw(out: Path) -> None:
    """Draw parametric people into small shards."""
    draw_shards(Clip(3, 2, 48), PEOPLE, out, ABOUT, {"engine": "people", "seed": 3}, 1, A_SHARD)


def import_photos(source: Path, out: Path) -> None:
    """Import a folder of photos into small shards."""
    import_source(source, out, clips_a_shard=A_SHARD)


def train(data: Path, out: Path) -> None:
    """Train stage 1 at toy size, going on where there is a state; saved after every step."""
    loop.SAVE_SECONDS = 0
    config = replace(PRESETS["toy"], images=IMAGES, warm_up=32, basis=64, level=32, align=32, layout=64)
    trainer.train(config, [str(data)], out, resume=True, every=32)


def in_a_process(work: Callable[[Path], object], out: Path, log: Path) -> BaseProcess:
    """Start work in a copy of this process, with a group of its own; what it says goes to `log`."""

    def run() -> None:
        """Do the work, as the leader of a group of its own."""
        os.setsid()
        with log.open("a") as stream:
            os.dup2(stream.fileno(), 1)
            os.dup2(stream.fileno(), 2)
        work(out)

    process = get_context("fork").Process(target=run)
    process.start()
    return process


def left(folder: Path) -> dict[str, str]:
    """Digest every file of a finished folder, without what only the clock decides.

    Args:
        folder: of shards or of a run.

    Returns:
        Name -> sha256 of the bytes; of a training state, of its tensors; of curves and records, of what no clock says.
    """
    return {str(file.relative_to(folder)): digest(file) for file in sorted(folder.rglob("*")) if file.is_file()}


def digest(file: Path) -> str:
    """Digest one file; see `left`."""
    data = file.read_bytes()
    if file.name == "state.pt":
        data = b"".join(said(load_state(file)))
    elif file.name == "curves.jsonl":
        rows = [json.loads(line) for line in data.splitlines()]
        data = json.dumps([{k: v for k, v in row.items() if k not in OF_THE_CLOCK} for row in rows]).encode()
    elif file.name == "config.json" and b'"command"' in data:
        data = json.dumps({k: v for k, v in json.loads(data).items() if k not in OF_THE_CLOCK}).encode()
    return hashlib.sha256(data).hexdigest()


def said(state: object) -> Iterator[bytes]:
    """Give the bytes of all tensors and values of a state, in their order."""
    if isinstance(state, dict):
        for name, value in state.items():
            yield str(name).encode()
            yield from said(value)
    elif isinstance(state, list | tuple):
        for value in state:
            yield from said(value)
    else:
        yield state.cpu().numpy().tobytes() if isinstance(state, torch.Tensor) else repr(state).encode()


def survive(name: str, work: Callable[[Path], object], folder: Path, kills: int, rng: random.Random) -> int:
    """Kill a piece of work many times, and count how often it ended with the same bytes.

    Args:
        name: for the printed lines.
        work: out -> None; called again, it goes on.
        folder: for everything; it exists.
        kills: how often.
        rng: of the moments.
    """
    log, began = folder / "log", time.monotonic()
    whole = in_a_process(work, folder / "whole", log)
    whole.join()
    seconds, expected = time.monotonic() - began, left(folder / "whole")
    if whole.exitcode or not expected:
        raise RuntimeError(f"{name} does not end undisturbed:\n{log.read_text()}")
    print(f"{name}: undisturbed in {seconds:.1f} s, {len(expected)} files", flush=True)
    same = writes = 0
    number = 0
    while number < kills:
        out = folder / f"{number}"
        process = in_a_process(work, out, log)
        time.sleep(rng.uniform(0.05, 0.9) * seconds)
        writing = False
        while number % 2 and process.is_alive() and not writing:  # in a write
            writing = any(out.rglob("*.partial")) or any(out.rglob("*.tmp"))
            time.sleep(0 if writing else LEFT / 30)
        if not process.is_alive():  # it has ended: no kill, and the machine is quieter than it was
            process.join()
            seconds *= 0.9
            shutil.rmtree(out)
            continue
        assert process.pid is not None, "it was started"
        os.killpg(process.pid, signal.SIGKILL)
        process.join()
        found = sorted(str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()) if out.exists() else []
        again = in_a_process(work, out, log)
        again.join()
        equal = again.exitcode == 0 and left(out) == expected
        number, same, writes = number + 1, same + equal, writes + writing
        moment = "in a write" if writing else "between writes"
        print(f"  {name} {number}: killed {moment}, {len(found)} files; {'same' if equal else 'OTHER'}", flush=True)
        if not equal:
            print(f"    {log.read_text()[-600:]}")
            others = [key for key in expected | left(out) if expected.get(key) != left(out).get(key)]
            print(f"    {others}", flush=True)
        shutil.rmtree(out)
    print(f"{name}: {same} of {kills} end with the same bytes, {writes} of them killed in a write", flush=True)
    return same


def photos(folder: Path) -> Path:
    """Write photos of people who do not exist, and files that are none, into a folder."""
    folder.mkdir()
    gallery = Gallery()
    for number, row in enumerate(sorted(gallery.singles)[:FACES]):
        picture = Image.open(gallery.picture(row)).convert("RGB").resize((240, 240))
        page = Image.new("RGB", (400, 320), (120, 130, 125))
        page.paste(picture, (80, 40))
        page.save(folder / f"{number:02}.jpg")
    (folder / "none.jpg").write_text("not a photo")
    return folder


def main() -> int:
    """Run all three."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20, help="of each (default: 20)")
    parser.add_argument("--seed", type=int, default=0, help="of the moments (default: 0)")
    parser.add_argument("--only", choices=["draw", "import", "train"], help="one of the three")
    args = parser.parse_args()
    rng, survived = random.Random(args.seed), {}
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        source, data = photos(folder / "photos"), folder / "data"
        draw_process = in_a_process(draw, data, folder / "log")
        draw_process.join()
        works: dict[str, Callable[[Path], None]] = {
            "draw": draw, "import": lambda out: import_photos(source, out), "train": lambda out: train(data, out),
        }  # fmt: skip
        for name, work in works.items():
            if args.only in (None, name):
                (folder / name).mkdir()
                survived[name] = survive(name, work, folder / name, args.kills, rng)
    print("  ".join(f"{name} {count} of {args.kills}" for name, count in survived.items()))
    return 0 if all(count == args.kills for count in survived.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
