"""The side of the door that asks: hands bytes to warm workers, ends those too slow, checks what comes back."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable
from typing import Any

from latentface.intake.limits import CLOCK_SECONDS, MAX_BYTES, MAX_SIDE, WAIT_SECONDS, WORKERS

try:
    import fcntl
except ImportError:  # not everywhere
    fcntl = None

PIPE = 2**20
"""Bytes of a pipe where the system has a say: fewer turns from one process to the other."""
MAX_LINE = 4096
"""Bytes of the line before an answer."""


class IntakeError(ValueError):
    """A file that cannot be used. The message is one line for the person who brought it."""


class Worker:
    """One process that decodes."""

    def __init__(self):
        """Start it; it is ready some tenths of a second later."""
        kept = {name: os.environ[name] for name in ("LD_LIBRARY_PATH", "SYSTEMROOT") if name in os.environ}
        path = os.pathsep.join(os.path.abspath(folder) for folder in sys.path)
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "latentface.intake.worker"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env={**kept, "PYTHONPATH": path, "PATH": "", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        if fcntl is not None and hasattr(fcntl, "F_SETPIPE_SZ"):
            ways: tuple[Any, ...] = (self.process.stdin, self.process.stdout)
            for way in ways:
                with contextlib.suppress(OSError):  # beyond what this user may have
                    fcntl.fcntl(way, fcntl.F_SETPIPE_SZ, PIPE)

    def ask(self, request: dict[str, Any], data: bytes) -> tuple[dict[str, Any], bytearray]:
        """Send a request and wait for its answer; the worker has ended where that raises IntakeError."""
        into: Any = self.process.stdin
        out: Any = self.process.stdout
        clock = threading.Timer(CLOCK_SECONDS, self.process.kill)
        clock.daemon = True
        clock.start()
        try:
            into.write(json.dumps({**request, "bytes": len(data)}).encode() + b"\n")
            into.write(data)
            into.flush()
            line = out.readline(MAX_LINE)
            head = json.loads(line)
            count = head["bytes"]
            if type(count) is not int or not 0 <= count <= 3 * MAX_SIDE**2:
                raise ValueError("the answer is too long")
            body = bytearray(count)
            if out.readinto(body) < count:
                raise EOFError
        except (OSError, EOFError, ValueError, KeyError, TypeError) as error:
            self.end()
            raise IntakeError(why(self.process.returncode)) from error
        finally:
            clock.cancel()
        if head.get("last"):
            self.end()
        return head, body

    @property
    def lives(self) -> bool:
        """Whether it can be asked."""
        return self.process.poll() is None and self.process.stdin is not None and not self.process.stdin.closed

    def end(self) -> None:
        """End the process."""
        self.process.kill()
        self.process.wait()
        self.let_go()

    def let_go(self) -> None:
        """Close the ways to the process, which ends by that unless others have them too."""
        for way in (self.process.stdin, self.process.stdout):
            if way is not None:
                with contextlib.suppress(OSError):  # what was left in it cannot be written any more
                    way.close()


def why(code: int | None) -> str:
    """Say why a worker has ended before it answered.

    Args:
        code: of its exit; negative for a signal.
    """
    if code in (-signal.SIGPROF, -signal.SIGKILL):
        return "the file takes too long to read: save it as a plain JPEG, or the clip as a short MP4, and try that"
    return "the file is damaged, or takes too much memory to read: save it again, smaller, and try that"


class Door:
    """A few workers, started when they are first needed, and a place in line for each file."""

    def __init__(self, count: int = WORKERS):
        """Start nothing yet."""
        self._free = threading.BoundedSemaphore(count)
        self._idle: list[Worker] = []
        self._lock = threading.Lock()

    def ask(self, request: dict[str, Any], data: bytes = b"") -> tuple[dict[str, Any], bytearray]:
        """Have one job done.

        Args:
            request: see latentface/intake/worker.py.
            data: that goes with it.

        Returns:
            The head of the answer, and its bytes: both come from a process that strangers' bytes have passed through.

        Raises:
            IntakeError: it cannot be done.
        """
        if len(data) > MAX_BYTES:
            raise IntakeError("the file is too large")
        if not self._free.acquire(timeout=WAIT_SECONDS):
            raise IntakeError("too many files are being read at the moment: try again in a minute")
        try:
            worker = self._take()
            head, body = worker.ask(request, data)
            if worker.lives:
                with self._lock:
                    self._idle.append(worker)
        finally:
            self._free.release()
        if "error" in head:
            raise IntakeError(plain(head["error"]))
        return head, body

    def warm(self) -> None:
        """Start a worker before anybody waits for it."""
        worker = self._take()
        with self._lock:
            self._idle.append(worker)

    def workers(self) -> Iterable[Worker]:
        """List the workers that wait for work."""
        return tuple(self._idle)

    def close(self, ours: bool = True) -> None:
        """Let all go that wait for work.

        Args:
            ours: whether they are this process's own; else it is a copy, which only closes its ways to them.
        """
        while self._idle:
            worker = self._idle.pop()
            worker.end() if ours else worker.let_go()

    def _take(self) -> Worker:
        """Take a worker that waits, or start one."""
        while True:
            with self._lock:
                worker = self._idle.pop() if self._idle else None
            if worker is None:
                try:
                    return Worker()
                except OSError as error:
                    raise IntakeError("files cannot be read at the moment: try again in a minute") from error
            if worker.lives:
                return worker


def plain(text: object) -> str:
    """Make one short line without control characters of a worker's words."""
    return "".join(letter for letter in str(text)[:400] if letter.isprintable())


door = Door()
"""This process's."""


def _forget() -> None:
    """Give a forked process a door of its own: two that ask one worker would read each other's photos."""
    global door
    door.close(ours=False)
    door = Door()


def ask(request: dict[str, Any], data: bytes = b"") -> tuple[dict[str, Any], bytearray]:
    """Have one job done by this process's workers; see Door.ask."""
    return door.ask(request, data)


os.register_at_fork(after_in_child=_forget)
atexit.register(lambda: door.close())
