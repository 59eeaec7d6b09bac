"""What every trainer shares: run folders, the record of a run, checkpoints that resume bit by bit, the progress line."""

import json
import math
import os
import platform
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import torch


def record(config: dict, **extra) -> dict:
    """What a result is printed with: command, commit, config, seed, software and hardware."""
    git = subprocess.run(
        ["git", "describe", "--always", "--dirty"], capture_output=True, text=True, cwd=Path(__file__).parent
    )
    hardware = torch.cuda.get_device_name() if torch.cuda.is_available() else f"{os.cpu_count()} CPU cores"
    return {
        "command": "python -m train " + " ".join(sys.argv[1:]),
        "commit": git.stdout.strip() or "unknown",
        "config": config,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "hardware": hardware,
        **extra,
    }


def open_run(out: Path, resume: bool) -> tuple[Path, Path]:
    """Makes a run's folder; where its state and its curves lie. Raises FileExistsError where it holds a run and resume is False."""
    out.mkdir(parents=True, exist_ok=True)
    state_file, curves = out / "state.pt", out / "curves.jsonl"
    if state_file.exists() and not resume:
        raise FileExistsError(f"{out} holds a run already: add --resume to go on with it, or choose another --out")
    return state_file, curves


def save_state(path: Path, state: dict) -> None:
    """Writes a training state so that a crash leaves the old file or the new one, never half of one."""
    partial = path.with_suffix(".partial")
    torch.save(state, partial)
    os.replace(partial, path)


def load_state(path: Path) -> dict:
    """Reads a training state; tensors and plain values only."""
    return torch.load(path, map_location="cpu", weights_only=True)


@contextmanager
def stoppable():
    """Ctrl-C asks a loop to stop between two steps; gives a function that tells whether it was pressed.

    Cut in the middle, a step leaves weights, optimizer and counter that do not belong together, and no resumed run is
    the run it would have been. A second Ctrl-C stops at once and saves nothing.
    """
    pressed = []

    def press(number, frame):
        if pressed:
            raise KeyboardInterrupt
        pressed.append(number)

    if threading.current_thread() is not threading.main_thread():  # only there can signals be caught
        yield lambda: False
        return
    before = signal.signal(signal.SIGINT, press)
    try:
        yield lambda: bool(pressed)
    finally:
        signal.signal(signal.SIGINT, before)


def append_curve(path: Path, row: dict) -> None:
    """Adds one JSON line to the run's curves."""
    with path.open("a") as file:
        file.write(json.dumps({k: round(v, 5) if isinstance(v, float) else v for k, v in row.items()}) + "\n")


def cut_curve(path: Path, images: int) -> None:
    """Drops the lines after `images`, so that a resumed run does not tell a part of its story twice."""
    if path.exists():
        rows = [line for line in path.read_text().splitlines() if json.loads(line)["images"] <= images]
        path.write_text("".join(row + "\n" for row in rows))


def resumed(config_file: Path, config: dict) -> list[dict]:
    """What a run did before it is resumed with another config: one entry a change, each with the images reached."""
    if not config_file.exists():
        return []
    before = json.loads(config_file.read_text())
    changed = {k: v for k, v in before["config"].items() if config.get(k) != v}
    return [*before.get("history", []), *([{"until": before["images"], "with": changed}] if changed else [])]


class Progress:
    """One line that says how far, how fast and how long still: `12,800 / 300,000 images  54.1/s  1:28:30 left`."""

    def __init__(self, total: int, start: int = 0, unit: str = "images"):
        self.total, self.unit, self.start, self.began = total, unit, start, time.monotonic()
        self.live = sys.stderr.isatty()

    def rate(self, done: int) -> float:
        """Units a second since the start."""
        return (done - self.start) / max(1e-9, time.monotonic() - self.began)

    def __call__(self, done: int, note: str = "", line: bool = True) -> None:
        """Prints the line; with line=False only on a terminal, where the next one overwrites it."""
        if not line and not self.live:
            return
        rate = self.rate(done)
        left = math.inf if rate == 0 else max(0, self.total - done) / rate
        clock = "?" if math.isinf(left) else f"{int(left // 3600)}:{int(left % 3600 // 60):02d}:{int(left % 60):02d}"
        text = f"{done:,} / {self.total:,} {self.unit}  {rate:.1f}/s  {clock} left  {note}"
        print("\r\033[K" + text if self.live else text, end="\n" if line else "", file=sys.stderr, flush=True)
