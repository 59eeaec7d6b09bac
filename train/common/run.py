"""Files of a run: the record, the training state, the curves; stopping between steps; the progress line."""

import json
import math
import os
import platform
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from PIL import Image

from latentface.pictures import PNG_LEVEL
from train.common.interrupt import QUICK
from train.common.places import is_url, whole_upload


def record(config: dict, **extra: Any) -> dict:  # noqa: ANN401
    """Collect the facts a result is printed with.

    Args:
        config: settings of the run.
        extra: further entries, by name.

    Returns:
        Command, commit ("unknown" without git), config, software and hardware, and `extra`.
    """
    git = ["git", "describe", "--always", "--dirty"]
    try:
        commit = subprocess.run(git, capture_output=True, text=True, cwd=Path(__file__).parent).stdout.strip()
    except OSError:  # no git on this machine
        commit = ""
    hardware = torch.cuda.get_device_name() if torch.cuda.is_available() else f"{os.cpu_count()} CPU cores"
    return {
        "command": " ".join(["python -m train", *map(without_folders, sys.argv[1:])]),
        "commit": commit or "unknown",
        "config": config,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "hardware": hardware,
        **extra,
    }


def without_folders(word: str) -> str:
    """Take out of a word of a command where its files lie, which is nobody else's business: their names stay."""
    return re.sub(r"[^:=,]*/", "", word.rstrip("/"))


def open_run(out: Path, resume: bool) -> tuple[Path, Path]:
    """Make a run's folder.

    Returns:
        Paths of its state and of its curves.

    Raises:
        FileExistsError: where the folder holds a run and `resume` is False.
    """
    out.mkdir(parents=True, exist_ok=True)
    state_file, curves = out / "state.pt", out / "curves.jsonl"
    if state_file.exists() and not resume:
        raise FileExistsError(f"{out} holds a run already: add --resume to go on with it, or choose another --out")
    return state_file, curves


def save_state(path: Path, state: dict) -> None:
    """Write a training state so that a crash leaves the old file or the new one, never half of one.

    Raises:
        OSError: where the file cannot be written, for instance on a full disk.
    """
    partial = path.with_suffix(".partial")
    try:
        torch.save(state, partial)
    except RuntimeError as error:  # torch hides the system's own error
        partial.unlink(missing_ok=True)
        raise OSError(f"{path} cannot be written, is the disk full? ({_first_line(error)})") from error
    os.replace(partial, path)


def load_state(path: Path) -> dict:
    """Read a training state, tensors and plain values only.

    Raises:
        ValueError: where the file is cut or no state.
    """
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch has many for a file that is not whole
        if isinstance(error, OSError) and error.filename:  # cannot be opened; torch's own have no file name
            raise
        raise ValueError(
            f"{path} is not whole ({_first_line(error)}): put a copy in its place, or begin anew in another --out"
        ) from error


def _first_line(error: Exception) -> str:
    """First line of an error's text, at most 80 characters."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:80]


def write_json(path: Path, value: dict) -> None:
    """Write a JSON file so that a crash leaves the old file or the new one."""
    if is_url(path):
        with whole_upload(path) as stream:
            stream.write(json.dumps(value, indent=1).encode())
        return
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(value, indent=1))
    os.replace(partial, path)


def save_picture(path: Path, picture: Image.Image) -> None:
    """Write a PNG so that who looks meanwhile, as the app does, finds none or a whole one."""
    partial = path.with_suffix(".partial")
    picture.save(partial, "PNG", compress_level=PNG_LEVEL)
    os.replace(partial, path)


@contextmanager
def stoppable() -> Iterator[Callable[[], bool]]:
    """Let Ctrl-C stop a loop between two steps.

    Cut in the middle, a step leaves weights, optimiser and counter that do not belong together, and no resumed run is
    the run it would have been. A second Ctrl-C, unless it comes right after the first, stops at once and saves nothing.

    Yields:
        A function that tells whether Ctrl-C was pressed.
    """
    pressed: list[float] = []

    def press(number: int, frame: FrameType | None) -> None:
        """Note a press; raise KeyboardInterrupt at one that does not come right after the first."""
        now = time.monotonic()
        if pressed and now - pressed[0] > QUICK:
            raise KeyboardInterrupt
        pressed.append(now)

    if threading.current_thread() is not threading.main_thread():  # only there can signals be caught
        yield lambda: False
        return
    before = signal.signal(signal.SIGINT, press)
    try:
        yield lambda: bool(pressed)
    finally:
        signal.signal(signal.SIGINT, before)


def append_curve(path: Path, row: dict) -> None:
    """Add one JSON line to the run's curves."""
    with path.open("a") as file:
        file.write(json.dumps({k: round(v, 5) if isinstance(v, float) else v for k, v in row.items()}) + "\n")


def cut_curve(path: Path, images: int) -> None:
    """Drop the rows after `images`, which a resumed run writes again, and rows that a crash cut."""
    if path.exists():
        kept = [line for line in path.read_text().splitlines() if _images(line) <= images]
        path.write_text("".join(line + "\n" for line in kept))


def _images(line: str) -> float:
    """Images of a row of the curves; infinite where the row is not whole."""
    try:
        return json.loads(line)["images"]
    except (json.JSONDecodeError, KeyError, TypeError):
        return math.inf


def resumed(config_file: Path, config: dict) -> list[dict]:
    """List the earlier settings of a run that is resumed with others.

    Args:
        config_file: the run's config.json.
        config: the settings from here on.

    Returns:
        One entry a change: the images reached ("until") and the settings until then that differ ("with"). Empty, with
        a line on stderr, where config.json is not whole.
    """
    if not config_file.exists():
        return []
    try:
        before = json.loads(config_file.read_text())
        now = json.loads(json.dumps(config))  # tuples are lists there
        changed = {k: v for k, v in before["config"].items() if now.get(k) != v}
        return [*before.get("history", []), *([{"until": before["images"], "with": changed}] if changed else [])]
    except (ValueError, KeyError, TypeError, AttributeError):
        print(f"{config_file} is not whole: the run goes on, its earlier settings are lost", file=sys.stderr)
        return []


class Progress:
    """Progress line on stderr: `12,800 / 300,000 images  54.1/s  1:28:30 left`.

    Args:
        total: units in all.
        start: units done before.
        unit: their name.
    """

    def __init__(self, total: int, start: int = 0, unit: str = "images"):
        self.total, self.unit, self.start, self.began = total, unit, start, time.monotonic()
        self.live = sys.stderr.isatty()

    def rate(self, done: int) -> float:
        """Return units a second since the start."""
        return (done - self.start) / max(1e-9, time.monotonic() - self.began)

    def __call__(self, done: int, note: str = "", line: bool = True) -> None:
        """Print the line; with line=False only on a terminal, where the next one overwrites it."""
        if not line and not self.live:
            return
        rate = self.rate(done)
        left = math.inf if rate == 0 else max(0, self.total - done) / rate
        clock = "?" if math.isinf(left) else f"{int(left // 3600)}:{int(left % 3600 // 60):02d}:{int(left % 60):02d}"
        text = f"{done:,} / {self.total:,} {self.unit}  {rate:.1f}/s  {clock} left  {note}"
        print("\r\033[K" + text if self.live else text, end="\n" if line else "", file=sys.stderr, flush=True)
