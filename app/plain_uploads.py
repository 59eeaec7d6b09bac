"""What visitors upload loses its metadata before the answer says where it lies: place, time, device, names."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Sequence
from pathlib import Path

from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from gradio.utils import get_upload_folder
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app import upload_parts
from latentface.intake.plain import plain

WORDS = "This upload can't be kept: try again, or with another file."


class NotRewritten(Exception):
    """An upload was answered, and what it brought cannot be rewritten."""


class PlainUploads:
    """ASGI middleware: rewrites the files of an upload before its answer goes out."""

    def __init__(self, app: ASGIApp):
        self.app = app
        self._one_at_a_time = CapacityLimiter(1)  # two files of the largest size would take twice the memory
        upload_parts.use()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request on; hold an upload's answer until its files are rewritten, and leave nothing else of it."""
        if scope["type"] != "http" or not upload_parts.is_upload(scope):
            return await self.app(scope, receive, send)
        held: list[Message] = []

        async def hold(message: Message) -> None:
            """Keep the answer until it is whole."""
            held.append(message)
            if message["type"] != "http.response.body" or message.get("more_body"):
                return
            if held[0]["status"] == 200:
                answer = b"".join(one.get("body", b"") for one in held)
                await asyncio.shield(run_sync(rewrite_all, answer, limiter=self._one_at_a_time))
            for one in held:
                await send(one)

        with upload_parts.parts_deleted():
            try:
                await self.app(scope, receive, hold)
            except NotRewritten:  # and gradio does not go on
                await PlainTextResponse(WORDS, 500)(scope, receive, send)


def rewrite_all(answer: bytes) -> None:
    """Rewrite the files that an answer names.

    Raises:
        NotRewritten: It names none, or one that cannot be rewritten; those in the folder for uploads are deleted.
    """
    files: Sequence[Path] = ()
    try:
        files = [Path(path) for path in json.loads(answer)]
        folder = Path(get_upload_folder()).resolve()
        if not all(file.resolve().is_relative_to(folder) for file in files):
            files = ()
            raise ValueError("a file lies elsewhere")
        for file in files:
            rewrite(file)
    except (OSError, ValueError, TypeError) as error:
        for file in files:
            if file.is_file():
                file.unlink(missing_ok=True)
        raise NotRewritten from error


def rewrite(file: Path) -> None:
    """Put a file without its metadata in its own place; nobody finds half of it."""
    data = file.read_bytes()
    made = plain(data)
    if made != data:
        partial = file.with_name(f"tmp-{os.getpid()}.partial")
        partial.write_bytes(made)
        partial.replace(file)
