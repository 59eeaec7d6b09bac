"""Work that a visitor can stop: it looks at every step whether it was.

Gradio's own cancelling loses a stop, or ends what is asked for next, when clicks follow each other quickly.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from typing import TypeVar

Step = TypeVar("Step")


class Work:
    """What one visitor has stopped. The page numbers what it asks for, from 1."""

    def __init__(self):
        """Nothing is stopped yet."""
        self._stopped, self._stops = 0, 0

    def stop(self, number: int) -> None:
        """Stop everything up to a number, and what has none and runs."""
        self._stopped, self._stops = max(self._stopped, number), self._stops + 1

    def watch(self, number: int) -> Callable[[], bool]:
        """Give what tells whether work is stopped.

        Args:
            number: Of the work; 0 for work without one, which begins now.
        """
        before = self._stops
        return lambda: number <= self._stopped if number else self._stops != before

    def until_stopped(self, steps: Generator[Step, None, None], number: int) -> Iterator[Step]:
        """Go through steps and close them once they are stopped; what is done by then is handed over."""
        is_stopped = self.watch(number)
        with closing(steps):
            while not is_stopped():
                try:
                    step = next(steps)
                except StopIteration:
                    return
                yield step


def number_of(event: object) -> int:
    """Read the number of an event: anything a stranger may write; 0 where there is none."""
    number = getattr(event, "number", None)
    return number if type(number) is int and 0 < number < 2**31 else 0
