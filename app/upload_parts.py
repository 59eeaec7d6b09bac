"""The parts of an upload: files alone are taken, and what of them has found no place by its end is deleted.

Gradio writes each part to a file of its own as it comes, keeps those that are no files in memory, and leaves the files
of an upload that breaks off.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from gradio import route_utils
from gradio.route_utils import GradioMultiPartParser
from starlette.formparsers import MultiPartException
from starlette.types import Scope

FIELD = "files"
"""How gradio's clients name every part of an upload."""

PATH = "/upload"
"""End of the address that uploads are sent to."""


def is_upload(scope: Scope) -> bool:
    """Say whether an HTTP request brings an upload."""
    return scope["method"] == "POST" and scope["path"].rstrip("/").endswith(PATH)


_parts: ContextVar[list[Path] | None] = ContextVar("parts", default=None)
"""Files to which the parts of this request are written."""


class FilesOnly(GradioMultiPartParser):
    """Gradio's reader of uploads, which ends at the first part that is no file."""

    def on_headers_finished(self) -> None:
        """Begin a part.

        Raises:
            MultiPartException: It is no file; gradio answers 400 with its sentence.
        """
        super().on_headers_finished()
        file, parts = self._current_part.file, _parts.get()
        if file is None or self._current_part.field_name != FIELD:
            raise MultiPartException("An upload holds files alone.")
        if parts is not None:
            parts.append(Path(str(file.file.name)))


@contextmanager
def parts_deleted() -> Iterator[None]:
    """Delete what gradio wrote within, unless it was moved to where the answer says."""
    parts: list[Path] = []
    token = _parts.set(parts)
    try:
        yield
    finally:
        _parts.reset(token)
        for part in parts:
            part.unlink(missing_ok=True)


def use() -> None:
    """Have gradio read uploads so."""
    route_utils.GradioMultiPartParser = FilesOnly
