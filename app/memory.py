"""Memory that requests have used goes back to the system: glibc would keep it, in a heap for each thread."""

from __future__ import annotations

import ctypes
import threading
import time

ARENAS = 2
"""Heaps at most, as many as visitors are served at once."""
EVERY = 60
"""Seconds between two returns of what is free."""
_M_ARENA_MAX = -8
"""glibc's malloc.h."""


def give_back() -> None:
    """Keep few heaps, and give back what is free every minute, in a thread; nothing where there is no glibc."""
    try:
        libc = ctypes.CDLL("libc.so.6")
        libc.mallopt(_M_ARENA_MAX, ARENAS)
        trim = libc.malloc_trim
    except (OSError, AttributeError):
        return

    def trim_now_and_then() -> None:
        """Give back what is free, again and again."""
        while True:
            time.sleep(EVERY)
            trim(0)

    threading.Thread(target=trim_now_and_then, daemon=True).start()
