"""How many visitors may use the camera at once, and for how long, so that everybody's turn comes."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Lock


class Lanes:
    """Lanes that visitors take by turns.

    Args:
        count: Visitors at once.
        limit: Seconds that a turn lasts.
        idle: Seconds without a sign of life after which a lane is free again.
        clock: Seconds from anywhere on.
    """

    def __init__(self, count: int, limit: float, idle: float, clock: Callable[[], float] = time.monotonic):
        self.count, self.limit, self.idle, self._clock = count, limit, idle, clock
        self._taken: dict[object, tuple[float, float]] = {}
        self._lock = Lock()

    def enter(self, visitor: object) -> float:
        """Take a lane, or keep the one that is held.

        Args:
            visitor: Who; compared by identity or value.

        Returns:
            0 for a visitor who has a lane; else the seconds after which one is free at the latest. A turn that is over
            gives the lane up.
        """
        now = self._clock()
        with self._lock:
            for other, (began, last) in list(self._taken.items()):
                if now - last > self.idle or now - began > self.limit:
                    del self._taken[other]
            began = self._taken.get(visitor, (now, now))[0]
            if visitor in self._taken or len(self._taken) < self.count:
                self._taken[visitor] = (began, now)
                return 0.0
            return max(0.1, min(began + self.limit - now for began, _ in self._taken.values()))

    def left(self, visitor: object) -> float:
        """Tell how many seconds of a turn are left; 0 for a visitor without a lane."""
        with self._lock:
            began, _ = self._taken.get(visitor, (self._clock() - self.limit, 0.0))
        return max(0.0, began + self.limit - self._clock())

    def leave(self, visitor: object) -> None:
        """Give a lane up."""
        with self._lock:
            self._taken.pop(visitor, None)
