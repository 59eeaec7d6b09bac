"""What visitors upload loses its metadata before the answer says where it lies: place, time, device, names."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from threading import Lock

from anyio.to_thread import run_sync
from gradio.utils import get_upload_folder
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from latentface.intake.plain import plain

_one_at_a_time = Lock()
"""Two files of the largest size would take twice the memory."""


class PlainUploads:
    """ASGI middleware: rewrites the files of an upload before its answer goes out."""

    def __init__(self, app: ASGIApp):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request on; hold an upload's answer until its files are rewritten."""
        if scope["type"] != "http" or scope["method"] != "POST" or not scope["path"].rstrip("/").endswith("/upload"):
            return await self.app(scope, receive, send)
        held: list[Message] = []

        async def hold(message: Message) -> None:
            """Keep the answer until it is whole."""
            held.append(message)
            if message["type"] != "http.response.body" or message.get("more_body"):
                return
            await asyncio.shield(run_sync(_rewrite_all, b"".join(one.get("body", b"") for one in held)))
            for one in held:
                await send(one)

        await self.app(scope, receive, hold)


def _rewrite_all(answer: bytes) -> None:
    """Rewrite the files that an answer names."""
    try:
        paths = json.loads(answer)
    except ValueError:
        return
    folder = Path(get_upload_folder()).resolve()
    for path in paths if isinstance(paths, list) else ():
        file = Path(path)
        if file.resolve().is_relative_to(folder):
            rewrite(file)


def rewrite(file: Path) -> None:
    """Put a file without its metadata in its own place; nobody finds half of it."""
    with _one_at_a_time:
        data = file.read_bytes()
        made = plain(data)
        if made != data:
            partial = file.with_name(f"tmp-{os.getpid()}.partial")
            partial.write_bytes(made)
            partial.replace(file)
