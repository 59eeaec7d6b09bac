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
from collections.abc import Generator, Iterable, Iterator
from itertools import islice
from typing import Any

from latentface.intake.limits import CLIP_WORKERS, CLOCK_SECONDS, MAX_BYTES, MAX_SIDE, WAIT_SECONDS, WORKERS

try:
    import fcntl
except ImportError:  # not everywhere
    fcntl = None

PIPE = 2**20
"""Bytes of a pipe where the system lets its size be set: fewer turns from one process to the other."""
MAX_LINE = 4096
"""Bytes of the line before a part of an answer."""
Part = tuple[dict[str, Any], bytearray]
"""A piece of an answer: what it says, and bytes; both come from a process that strangers' bytes have passed through."""


class IntakeError(ValueError):
    """A file that cannot be used. The message is one line for the person who brought it."""


class Worker:
    """One process that decodes."""

    def __init__(self, kind: str):
        """Start it; it is ready some tenths of a second later.

        Args:
            kind: "photos" or "clips".
        """
        kept = {name: os.environ[name] for name in ("LD_LIBRARY_PATH", "SYSTEMROOT") if name in os.environ}
        path = os.pathsep.join(os.path.abspath(folder) for folder in sys.path)
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "latentface.intake.worker", kind],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env={**kept, "PYTHONPATH": path, "PATH": "", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        if fcntl is not None and hasattr(fcntl, "F_SETPIPE_SZ"):
            ways: tuple[Any, ...] = (self.process.stdin, self.process.stdout)
            for way in ways:
                with contextlib.suppress(OSError):  # beyond what this user may have
                    fcntl.fcntl(way, fcntl.F_SETPIPE_SZ, PIPE)

    def parts(self, request: dict[str, Any], data: bytes) -> Generator[Part, None, None]:
        """Send a request and give the parts of its answer as they come, the last of which says "end".

        The worker has ended where that raises IntakeError, and where the parts are not taken to the end.
        """
        into: Any = self.process.stdin
        whole = False
        try:
            with self._clock():
                into.write(json.dumps({**request, "bytes": len(data)}).encode() + b"\n")
                into.write(data)
                into.flush()
            while not whole:
                with self._clock():
                    head, body = self._read()
                whole = "end" in head
                if head.get("last"):
                    self.end()
                yield head, body
        except (OSError, EOFError, ValueError, KeyError, TypeError) as error:
            self.end()
            raise IntakeError(why(self.process.returncode)) from error
        finally:
            if not whole:
                self.end()

    @contextlib.contextmanager
    def _clock(self) -> Iterator[None]:
        """End the worker unless what is done here ends in time."""
        clock = threading.Timer(CLOCK_SECONDS, self.process.kill)
        clock.daemon = True
        clock.start()
        try:
            yield
        finally:
            clock.cancel()

    def _read(self) -> Part:
        """Read the next part."""
        out: Any = self.process.stdout
        head = json.loads(out.readline(MAX_LINE))
        count = head["bytes"]
        if type(count) is not int or not 0 <= count <= 3 * MAX_SIDE**2:
            raise ValueError("the answer is too long")
        body = bytearray(count)
        if out.readinto(body) < count:
            raise EOFError
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

    def __init__(self, kind: str, count: int):
        """Start nothing yet.

        Args:
            kind: of its workers, "photos" or "clips".
            count: of them, at most.
        """
        self._kind = kind
        self._free = threading.BoundedSemaphore(count)
        self._idle: list[Worker] = []
        self._busy = 0
        self._lock = threading.Lock()

    def ask(self, request: dict[str, Any], data: bytes = b"") -> Part:
        """Have a job done whose answer has one part; see `parts`."""
        answers = list(islice(self.parts(request, data), 2))
        if len(answers) != 1:
            raise IntakeError(why(None))
        return answers[0]

    def parts(self, request: dict[str, Any], data: bytes = b"") -> Generator[Part, None, None]:
        """Have one job done, part by part, each as it is asked for.

        Args:
            request: see latentface/intake/worker.py.
            data: that goes with it.

        Raises:
            IntakeError: it cannot be done.
        """
        if len(data) > MAX_BYTES:
            raise IntakeError("the file is too large")
        if not self._free.acquire(timeout=WAIT_SECONDS):
            raise IntakeError("too many files are being read at the moment: try again in a minute")
        try:
            worker = self._take()
            with self._lock:
                self._busy += 1
            try:
                with contextlib.closing(worker.parts(request, data)) as parts:
                    for head, body in parts:
                        if "end" not in head:
                            yield head, body
                        elif head.get("error") is not None:
                            raise IntakeError(plain(head["error"]))
            finally:
                with self._lock:
                    self._busy -= 1
                    if worker.lives:
                        self._idle.append(worker)
        finally:
            self._free.release()

    def warm(self) -> None:
        """Start a worker before anybody waits for it."""
        worker = self._take()
        with self._lock:
            self._idle.append(worker)

    def workers(self) -> Iterable[Worker]:
        """List the workers that wait for work."""
        return tuple(self._idle)

    def running(self) -> int:
        """Count the workers, those at work and those that wait."""
        return self._busy + len(self._idle)

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
                    return Worker(self._kind)
                except OSError as error:
                    raise IntakeError("files cannot be read at the moment: try again in a minute") from error
            if worker.lives:
                return worker


def plain(text: object) -> str:
    """Make one short line without control characters of a worker's words."""
    return "".join(letter for letter in str(text)[:400] if letter.isprintable())


door, clip_door = Door("photos", WORKERS), Door("clips", CLIP_WORKERS)
"""This process's, for photos and for clips."""


def _forget() -> None:
    """Give a forked process doors of its own: two that ask one worker would read each other's photos."""
    global door, clip_door
    for one in (door, clip_door):
        one.close(ours=False)
    door, clip_door = Door("photos", WORKERS), Door("clips", CLIP_WORKERS)


def ask(request: dict[str, Any], data: bytes = b"") -> Part:
    """Have a photo's job done by this process's workers; see Door.ask."""
    return door.ask(request, data)


def ask_clip(request: dict[str, Any]) -> Generator[Part, None, None]:
    """Have a clip's job done by this process's workers, part by part; see Door.parts."""
    return clip_door.parts(request)


def running() -> int:
    """Count this process's workers."""
    return door.running() + clip_door.running()


def _close() -> None:
    """End the workers with this process."""
    door.close()
    clip_door.close()


os.register_at_fork(after_in_child=_forget)
atexit.register(_close)
