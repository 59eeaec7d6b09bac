"""Worker processes of the data engines: results in order, one thread each, gone when the parent is gone."""

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from itertools import islice
from multiprocessing.process import BaseProcess
from typing import TypeVar

import torch

Result = TypeVar("Result")
AHEAD = 16
"""Results for each worker that are asked for, or wait to be taken: all at once, they would fill the memory."""


@contextmanager
def in_order(make: Callable[[int], Result], indices: list[int], workers: int) -> Iterator[Iterator[Result]]:
    """Give the results of `make` in the order of `indices`, from as many processes as workers.

    An error, Ctrl-C, or leaving the block ends the workers at once.

    Args:
        make: index -> result; with workers > 1 it is pickled and called in new processes.
        indices: its arguments.
        workers: processes; 1 calls it in this one.

    Yields:
        The results, one after the other.
    """
    pool, threads = None, torch.get_num_threads()
    own: set[BaseProcess] = set()
    if workers > 1 and len(indices) > 1:
        context = multiprocessing.get_context("spawn")
        pool = ProcessPoolExecutor(min(workers, len(indices)), context, start_worker)
    torch.set_num_threads(1)
    try:
        if pool:
            with single_threaded(), deaf_to_stop():  # until the pool has started its workers
                before = set(multiprocessing.active_children())
                left = iter(indices)
                asked = deque(pool.submit(make, index) for index in islice(left, AHEAD * workers))
                own = set(multiprocessing.active_children()) - before
                results = taken(pool, make, asked, left)
        else:
            results = map(make, indices)
        yield results
    except BaseException:
        for process in own:  # what they are at is asked for no more
            process.kill()
        raise
    finally:
        torch.set_num_threads(threads)
        if pool:
            pool.shutdown(cancel_futures=True)


def taken(
    pool: Executor, make: Callable[[int], Result], asked: deque[Future[Result]], left: Iterator[int]
) -> Iterator[Result]:
    """Give the results that were asked for, and ask for as many of those left as are taken.

    Args:
        pool: of the workers.
        make: index -> result.
        asked: what the pool was asked for already, in order.
        left: further indices.

    Yields:
        The results, one after the other.
    """
    while asked:
        result = asked.popleft().result()
        asked.extend(pool.submit(make, index) for index in islice(left, 1))
        yield result


@contextmanager
def single_threaded() -> Iterator[None]:
    """Keep the libraries of processes that are started meanwhile to one thread each.

    Many processes of as many threads wait for one another: a face detector's 3 ms become 500.
    """
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(dict.fromkeys(names, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name)
            else:
                os.environ[name] = value


@contextmanager
def deaf_to_stop() -> Iterator[None]:
    """Let processes that are started meanwhile never hear Ctrl-C, not even as they begin; this one hears it after."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def ignore_stop() -> None:
    """Leave Ctrl-C to the parent process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def start_worker() -> None:
    """Keep this process to one thread, and end it when its parent was killed."""
    torch.set_num_threads(1)
    ignore_stop()
    parent = multiprocessing.parent_process()

    def follow() -> None:
        """End this process once its parent has."""
        if parent:
            parent.join()
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()
