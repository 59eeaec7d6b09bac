"""Clips made by a Ray cluster (Ray Data): in order, a thread each; what a lost worker was at is made again by another.

The cluster is that of RAY_ADDRESS, or one that is started here for the while. Its machines need this package, and the
same files at the same places: URLs, or a shared folder. Clips come back to the machine that asked, which alone writes.
"""

import json
import logging
import os
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, cast

import numpy as np

from train.data.workers import single_threaded

if TYPE_CHECKING:
    import pyarrow

    from train.data.engine import Drawn

CLIPS_A_TASK = 4
"""Clips of a task: few, so that a lost worker costs little and no machine waits long for the last one."""


class Task:
    """Makes the clips of a table of indices.

    Args:
        make: index -> clip.
        indices: the argument of each row.
    """

    def __init__(self, make: "Callable[[int], Drawn]", indices: list[int]):
        self.make, self.indices = make, np.array(indices, np.int64)

    def __call__(self, rows: "pyarrow.Table") -> "pyarrow.Table":
        """Make the clips of some rows ("id": places in `indices`)."""
        import torch

        torch.set_num_threads(1)
        return table_of([self.make(int(self.indices[row])) for row in rows["id"].to_pylist()])


def table_of(clips: "list[Drawn]") -> "pyarrow.Table":
    """Write clips as a table; Ray's own conversion of bytes would go through numpy, which drops zeros at their end."""
    import pyarrow

    rows = [
        {
            "key": clip[0], "frames": clip[1], "factors": json.dumps(clip[2]), "truth": clip[3],
            "dropped": json.dumps(clip[4] if len(clip) > 4 else []),
        }
        for clip in clips
    ]  # fmt: skip
    several = pyarrow.list_(pyarrow.binary())
    kinds = {"key": pyarrow.string(), "frames": several, "factors": pyarrow.string(), "truth": several}
    return pyarrow.Table.from_pylist(rows, pyarrow.schema({**kinds, "dropped": pyarrow.string()}))


def clip_of(row: dict) -> "Drawn":
    """Read a clip from a row of `table_of`."""
    factors, dropped = json.loads(row["factors"]), json.loads(row["dropped"])
    return row["key"], row["frames"], factors, row["truth"], dropped


@contextmanager
def in_order(make: "Callable[[int], Drawn]", indices: list[int], workers: int) -> "Iterator[Iterator[Drawn]]":
    """Give the clips of `indices` in their order, made by a Ray cluster.

    Args:
        make: index -> clip; pickled, and called in other processes.
        indices: its arguments.
        workers: processors of the cluster that is started here; one of RAY_ADDRESS gives all it has.

    Yields:
        The clips, one after the other.

    Raises:
        ImportError: Ray is missing.
        OSError: there is no cluster at RAY_ADDRESS.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is told to anybody
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise ImportError("--engine ray needs Ray: pip install 'latentface[cluster]'") from error
    logging.getLogger("ray.data").setLevel(logging.ERROR)  # the command shows progress and problems itself
    address = os.environ.get("RAY_ADDRESS")
    own = {} if address else {"num_cpus": workers, "include_dashboard": False}
    try:
        with single_threaded():
            ray.init(address or "local", log_to_driver=False, logging_level=logging.ERROR, **own)
    except ConnectionError as error:
        raise OSError(f"there is no Ray cluster at {address}: start one with `ray start --head`") from error
    try:
        context = ray.data.DataContext.get_current()
        context.execution_options.preserve_order = True
        context.enable_progress_bars = False
        tasks = -(-len(indices) // CLIPS_A_TASK)
        rows = ray.data.range(len(indices), override_num_blocks=max(1, tasks))
        made = rows.map_batches(Task(make, indices).__call__, batch_size=CLIPS_A_TASK, batch_format="pyarrow")
        tables = iter(made.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=1))
        with closing(cast("Generator[pyarrow.Table]", tables)):  # while there is a cluster: it tells Ray, or complains
            yield (clip_of(row) for table in tables for row in cast("pyarrow.Table", table).to_pylist())
    finally:
        ray.shutdown()
