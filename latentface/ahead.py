"""Work done ahead in a thread of its own, so that two steps of a chain use two cores."""

import threading
from collections.abc import Generator, Iterable
from queue import Empty, Full, Queue
from typing import TypeVar

Item = TypeVar("Item")
_END = object()


def ahead(source: Iterable[Item], count: int) -> Generator[Item, None, None]:
    """Run an iterable in a thread that is at most `count` items ahead.

    What it raises is raised here; closed here, it ends there: a generator is closed too.

    Args:
        source: of the items; used by that thread alone.
        count: items that may wait, so that memory does not grow.
    """
    waiting: Queue = Queue(count)
    over = threading.Event()

    def put(item: object) -> bool:
        """Wait for room; False once nobody takes any more."""
        while not over.is_set():
            try:
                waiting.put(item, timeout=0.05)
                return True
            except Full:
                continue
        return False

    def run() -> None:
        items = iter(source)
        try:
            for item in items:
                if not put((item, None)):
                    break
            else:
                put((_END, None))
        except BaseException as error:  # raised where the items are taken
            put((_END, error))
        finally:
            if over.is_set() and hasattr(items, "close"):
                items.close()  # type: ignore[attr-defined]

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        while True:
            try:
                item, error = waiting.get(timeout=1.0)
            except Empty:
                if thread.is_alive():
                    continue
                return
            if error is not None:
                raise error
            if item is _END:
                return
            yield item
    finally:
        over.set()
        thread.join()
