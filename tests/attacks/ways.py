"""The ways by which files and arguments come in, each called as its user calls it, and what came of it."""

import contextlib
import io
import json
import os
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from latentface.__main__ import main as library
from tests.helpers import FACE
from train.__main__ import main as trainer
from train.data.reading import read_shards

SECONDS, MB = 2.0, 300.0
"""What one file may cost."""


@dataclass(frozen=True)
class Outcome:
    """What came of one call."""

    code: int | None
    """Of the exit; None where none is told."""
    said: str
    """What was printed for people."""
    seconds: float
    mb: float
    """The most memory of the process and those that it had started, above idle."""

    @property
    def fault(self) -> str:
        """What is wrong with it; "" where it is a result, or one clear line."""
        if "Traceback" in self.said:
            return "traceback"
        if self.code not in (0, 2, None):
            return f"exit code {self.code}"
        return "no word" if self.code == 2 and not self.said else ""


def memory(pid: int) -> int:
    """Bytes that a process and those that it started hold in memory."""
    total = 0
    with contextlib.suppress(OSError, ValueError, IndexError):
        # shares of what several hold count once, as after a fork
        total = 1024 * int(Path(f"/proc/{pid}/smaps_rollup").read_text().split("\nPss:")[1].split()[0])
        for task in Path(f"/proc/{pid}/task").iterdir():
            total += sum(memory(int(child)) for child in (task / "children").read_text().split())
    return total


class Peak:
    """The most memory that a process held while this block ran, in MB above what it held before."""

    def __init__(self, pid: int):
        self.pid, self.most, self._over = pid, 0, threading.Event()

    def __enter__(self) -> "Peak":
        self.idle = self.most = memory(self.pid)
        self._thread = threading.Thread(target=self._look)
        self._thread.start()
        return self

    def _look(self) -> None:
        while not self._over.wait(0.01):
            self.most = max(self.most, memory(self.pid))

    def __exit__(self, *error: object) -> None:
        self._over.set()
        self._thread.join()

    @property
    def mb(self) -> float:
        return (self.most - self.idle) / 1e6


def called(work: Callable[[], int | None]) -> Outcome:
    """Run a command in this process and hear what it prints."""
    heard = io.StringIO()
    began = time.perf_counter()
    with Peak(os.getpid()) as peak, contextlib.redirect_stdout(heard), contextlib.redirect_stderr(heard):
        try:
            code = work()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 2
        except BaseException:
            code = None
            heard.write(traceback.format_exc())
    return Outcome(code, heard.getvalue().strip(), time.perf_counter() - began, peak.mb)


def command_line(group: str, path: Path, out: Path, checkpoint: Path) -> Outcome:
    """`python -m latentface`."""
    if group == "checkpoint":
        return called(lambda: library(["reconstruct", str(FACE), "--out", str(out), "--checkpoint", str(path)]))
    command = {"photo": "reconstruct", "clip": "video"}[group]
    return called(lambda: library([command, str(path), "--out", str(out), "--checkpoint", str(checkpoint)]))


def train(group: str, path: Path, out: Path, checkpoint: Path) -> Outcome:
    """`python -m train import` and what trainers read."""
    if group != "shards":
        made = called(lambda: trainer(["import", str(path), "--out", str(out), "--workers", "1"]))
        dropped = out / "dropped.jsonl"
        reasons = [json.loads(row)["reason"] for row in dropped.read_text().splitlines()] if dropped.exists() else []
        return Outcome(made.code, "\n".join([made.said, *reasons[:2]]), made.seconds, made.mb)

    def read() -> int:
        print(len(read_shards(path, 16).factors), "frames are read")
        return 0

    def checked() -> int:
        try:
            return read()
        except ValueError as error:  # as train.__main__ does
            print(f"error: {error}")
            return 2

    return called(checked)


def sheet(group: str, path: Path, out: Path, checkpoint: Path) -> Outcome:
    """`python -m train sheet`."""
    return called(lambda: trainer(["sheet", str(path), "--out", str(out.with_suffix(".png"))]))


WAYS = {
    "photo": {"command line": command_line, "trainer": train},
    "clip": {"command line": command_line, "trainer": train},
    "source": {"trainer": train},
    "shards": {"trainer": train, "sheet": sheet},
    "checkpoint": {"command line": command_line},
}
"""Group -> name of a way and its function."""
