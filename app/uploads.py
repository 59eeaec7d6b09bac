"""Which files a request may name as a photo or clip: this server's uploads and the bundled faces."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr
from gradio.exceptions import ComponentProcessingError, InvalidPathError
from gradio.utils import get_upload_folder
from pydantic import ValidationError

from app.session import plain_error

REFUSED = "this is not one of the uploaded photos or clips: upload the file again"
"""The same words for a file elsewhere and for one that does not exist, so that nobody learns which files there are."""

MISTAKEN = "one of the inputs is not of the kind that is asked for here"


class NotUploaded(ValueError):
    """A request named a file that nobody uploaded. The message is one line for the person who sent it."""


def uploaded_file(path: str | None, folders: list[Path]) -> Path:
    """Check that a path that came with a request may be opened.

    Args:
        path: As it stands in the request: anything a stranger may write.
        folders: Folders beside the upload folder whose files may be named as well.

    Returns:
        The file, with symbolic links resolved.

    Raises:
        NotUploaded: The path is no regular file inside one of the folders.
    """
    try:
        file = Path(path or "").resolve(strict=True)
        allowed = [Path(get_upload_folder()), *folders]
        if file.is_file() and any(file.is_relative_to(folder.resolve()) for folder in allowed):
            return file
    except (OSError, ValueError, RuntimeError):  # missing, too long, a NUL byte, a loop of links
        pass
    raise NotUploaded(REFUSED)


class UploadsOnly(gr.Blocks):
    """A page that answers a request for a file nobody uploaded in one sentence.

    gradio checks some of these paths itself, before any component sees them, and writes a traceback into the log; so it
    does for what is no file's description at all.
    """

    async def preprocess_data(self, *args: Any, **options: Any) -> list[Any]:
        """Hand over inputs as gradio does.

        Raises:
            gr.Error: A request names a file that is no upload, or gives a part that its input cannot be.
        """
        try:
            return await super().preprocess_data(*args, **options)
        except (InvalidPathError, ValidationError) as error:
            raise plain_error(REFUSED, "No file") from error
        except ComponentProcessingError as error:
            if not isinstance(error.__cause__, (TypeError, ValueError, LookupError, AttributeError, OverflowError)):
                raise
            raise plain_error(MISTAKEN, "No result") from error
