"""Where clips are made: processes of this machine, Ray, or one part of a job array; the bytes are the same."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from train.data import workers

if TYPE_CHECKING:
    from train.data.engine import Drawn

ENGINES = ("local", "ray")
Item = TypeVar("Item")


@dataclass(frozen=True)
class Executor:
    """Who makes clips.

    Raises:
        ValueError: there are no workers, no such engine, or no such part.
    """

    workers: int = 1
    """Processes of this machine; with RAY_ADDRESS set, Ray takes all processors of its cluster."""
    engine: str = "local"
    """"local": processes of this machine; "ray": Ray Data."""
    part: tuple[int, int] = (0, 1)
    """(i, n): the shards whose number leaves i when divided by n; other jobs draw the others."""

    def __post_init__(self) -> None:
        """Check every field."""
        if self.workers < 1:
            raise ValueError(f"--workers must be 1 or more, not {self.workers}")
        if self.engine not in ENGINES:
            raise ValueError(f"--engine must be one of {', '.join(ENGINES)}, not {self.engine!r}")
        if not 0 <= self.part[0] < self.part[1]:
            raise ValueError(f"--part must be I/N with I from 0 to N - 1, not {self.part[0]}/{self.part[1]}")

    @property
    def is_part(self) -> bool:
        """Whether other jobs draw other shards."""
        return self.part[1] > 1

    def mine(self, items: Sequence[Item]) -> list[Item]:
        """Choose what falls to this part."""
        return list(items[self.part[0] :: self.part[1]])

    def in_order(self, make: "Callable[[int], Drawn]", indices: list[int]) -> "AbstractContextManager[Iterator[Drawn]]":
        """Give the clips of `indices` in their order; see workers.in_order and ray_engine.in_order."""
        if self.engine == "ray":
            from train.data import ray_engine

            return ray_engine.in_order(make, indices, self.workers)
        return workers.in_order(make, indices, self.workers)


def executor(workers: int | Executor) -> Executor:
    """Return an executor; a number is so many local processes."""
    return workers if isinstance(workers, Executor) else Executor(workers)


def parse_part(text: str) -> tuple[int, int]:
    """Read "I/N"; raises ValueError where it is none."""
    first, _, count = text.partition("/")
    if not (first.isdecimal() and count.isdecimal()):
        raise ValueError(f"--part must be I/N, 0/4 say, not {text!r}")
    return int(first), int(count)
