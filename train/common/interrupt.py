"""Ctrl-C: the first press ends the work, a second right after it is the same, a later one kills."""

import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

QUICK = 1.0
"""Seconds within which presses are one: a finger, a terminal and a parent process may all send theirs."""


class Interrupt:
    """A handler of SIGINT."""

    def __init__(self):
        """Nothing was pressed yet."""
        self.first: float | None = None
        self.ready = False
        """Whether there is anything to clean up; imports, which raise all kinds of things in passing, have nothing."""

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Raise KeyboardInterrupt once; while that is being cleaned up, only a later press ends the process."""
        if not self.ready:
            end()
        if self.first is None:
            self.first = time.monotonic()
            raise KeyboardInterrupt
        if time.monotonic() - self.first > QUICK:
            end()


@contextmanager
def interruptible() -> Iterator[Interrupt]:
    """Hear Ctrl-C and SIGTERM alike within the block, and put back what heard them before.

    No signal reaches other threads than the main one: there it does nothing.
    """
    interrupt = Interrupt()
    if threading.current_thread() is not threading.main_thread():
        yield interrupt
        return
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    signal.signal(signal.SIGINT, interrupt)
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))  # a stopped job saves like Ctrl-C
    try:
        yield interrupt
    finally:
        signal.signal(signal.SIGTERM, before[0])
        signal.signal(signal.SIGINT, before[1])


def kill_children() -> None:
    """End all processes that this one has started for its work."""
    for child in multiprocessing.active_children():
        child.kill()


def end() -> None:
    """End this process and its children now; files are whole, for they are renamed when they are."""
    kill_children()
    print("stopped", file=sys.stderr, flush=True)
    os._exit(130)
