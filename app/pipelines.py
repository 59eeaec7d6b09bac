"""Loaded checkpoints: a model in memory is not loaded again, and Compare holds one more than the pages."""

from __future__ import annotations

from threading import Lock
from weakref import WeakValueDictionary

from latentface.checkpoints import bundled, find, load_pipeline, resolved
from latentface.pipeline import LatentFacePipeline
from latentface.weights import written


class Pipelines:
    """The pipelines of this process, each once for as long as somebody holds it."""

    def __init__(self):
        """Hold nothing yet."""
        self.offered: list[str] = bundled()
        """The checkpoints that the app knows: names, folders, Hub ids."""
        self._known: WeakValueDictionary[tuple[str, int], LatentFacePipeline] = WeakValueDictionary()
        self._beside: LatentFacePipeline | None = None
        self._lock = Lock()

    def page(self, checkpoint: str) -> LatentFacePipeline:
        """Give the pipeline of a page; the one that Compare held is let go, to make room.

        Raises:
            CheckpointError: It does not load.
        """
        with self._lock:
            self._beside, before = None, self._beside
            found = self._given(checkpoint)
            del before  # until now, for the page may want just that
            return found

    def beside(self, checkpoint: str) -> LatentFacePipeline:
        """Give a pipeline to put beside a page's; the one before is let go of.

        Raises:
            CheckpointError: It does not load.
        """
        with self._lock:
            self._beside = None
            self._beside = self._given(checkpoint)
            return self._beside

    def others(self, checkpoint: str) -> list[str]:
        """List the checkpoints that the app knows beside one."""
        return [name for name in self.offered if resolved(name) != resolved(checkpoint)]

    def _given(self, checkpoint: str) -> LatentFacePipeline:
        """Give a pipeline, loaded where it is not here; weights that were written since are read anew."""
        folder = find(checkpoint)
        stamp = 0 if folder is None else written(folder)
        key = (resolved(checkpoint), stamp)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = load_pipeline(checkpoint)
        return found


PIPELINES = Pipelines()
"""Those of this process."""
