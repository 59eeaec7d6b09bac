"""How much visitors may upload: in one request, from one address in a while, and all together.

Sizes are held against what a request says it brings, and more is not read; an upload that does not say, or comes in
chunks, which go before what it says, is refused. All other requests are small. The address is a visitor's own behind
proxies that FORWARDED_ALLOW_IPS names (this machine's by default).
"""

from __future__ import annotations

import ipaddress
import os
import shutil
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from threading import Lock

from anyio.to_thread import run_sync
from gradio.utils import get_upload_folder
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.upload_parts import is_upload

MB = 1_000_000
WINDOW = 600
"""Seconds over which an address's uploads are counted."""
LOOK = 5
"""Seconds for which the size of the folder is believed, and what has come since is added to it."""
OTHER_MB = 4
"""In a request that is no upload, which is read into memory."""
MORE = "This request brings more than it may."
PREFIX = "LATENTFACE_"
"""Of the environment variables that set the limits: LATENTFACE_UPLOAD_MB and so on."""


@dataclass(frozen=True)
class UploadLimits:
    """What is let in."""

    upload_mb: int = 256
    """In one request; one file is held to the intake's own limit."""
    address_mb: int = 1000
    """From one address within WINDOW seconds."""
    address_uploads: int = 600
    """Requests of one address within WINDOW seconds."""
    total_mb: int = 4000
    """In the folder for uploads, which keeps them for an hour or two."""
    free_mb: int = 500
    """Left free on the disk."""

    @classmethod
    def from_environment(cls) -> UploadLimits:
        """Read the limits, each from PREFIX and its name in capitals.

        Raises:
            ValueError: One is no whole number above 0; the message names it.
        """
        asked = {}
        for name in (field.name for field in fields(cls)):
            value = os.environ.get(PREFIX + name.upper())
            if value is None:
                continue
            if not (value.isascii() and value.isdigit() and 0 < int(value) < 10**9):
                raise ValueError(f"{PREFIX}{name.upper()} is {value!r}, not a whole number above 0")
            asked[name] = int(value)
        return cls(**asked)


class Meter:
    """Counts what comes in.

    Args:
        limits: What is let in.
        folder: Where uploads lie.
        clock: Seconds from anywhere on.
    """

    def __init__(self, limits: UploadLimits, folder: Path, clock: Callable[[], float] = time.monotonic):
        self.limits, self.folder, self._clock = limits, folder, clock
        self._came: dict[str, deque[tuple[float, int]]] = {}
        self._looked, self._lies, self._under_way = float("-inf"), 0, 0
        self._lock = Lock()

    def refusal(self, address: str, size: int) -> tuple[int, str] | None:
        """Count an upload, or say why it is not let in.

        Args:
            address: Where it comes from.
            size: In bytes.

        Returns:
            None, and `ended` is to be called; or the HTTP status, and a sentence.
        """
        if size > self.limits.upload_mb * MB:
            return 413, f"This is too much at once: {self.limits.upload_mb} MB can be uploaded together."
        with self._lock:
            return self._refusal(address, size)

    def _refusal(self, address: str, size: int) -> tuple[int, str] | None:
        now, limits = self._clock(), self.limits
        self._forget(now)
        came = self._came.get(address, ())
        if len(came) >= limits.address_uploads or sum(n for _, n in came) + size > limits.address_mb * MB:
            return 429, "Too many files came from your network address: wait ten minutes and try again."
        if now - self._looked > LOOK:
            self._looked, self._lies = now, size_of(self.folder)
        awaited = self._under_way + size  # what has arrived of it counts twice
        room = shutil.disk_usage(self.folder).free - limits.free_mb * MB
        if self._lies + awaited > limits.total_mb * MB or awaited > room:
            return 429, "There is no room for uploads at the moment: try again in an hour."
        self._under_way = awaited
        self._came.setdefault(address, deque()).append((now, size))
        return None

    def ended(self, size: int) -> None:
        """Count an upload that was let in as one that lies in the folder, until that is looked at."""
        with self._lock:
            self._under_way -= size
            self._lies += size

    def _forget(self, now: float) -> None:
        """Let go of what came before the window."""
        for address, came in list(self._came.items()):
            while came and now - came[0][0] > WINDOW:
                came.popleft()
            if not came:
                del self._came[address]


def size_of(folder: Path) -> int:
    """Add up the bytes of the files below a folder; those that go meanwhile count nothing."""
    total = 0
    for where, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(where, name)).st_size
            except OSError:
                continue
    return total


def network(client: str) -> str:
    """Give what stands for one visitor's line: an IPv4 address, or the 64 bits that IPv6 gives to a household."""
    try:
        address = ipaddress.ip_address(client)
    except ValueError:
        return client
    return str(address) if address.version == 4 else str(ipaddress.ip_network((address, 64), strict=False))


def held_to(receive: Receive, most: int) -> Receive:
    """Give what receives a request and ends it where it brings more.

    Args:
        receive: The server's.
        most: Bytes that are read.
    """
    read = 0

    async def counted() -> Message:
        nonlocal read
        message = await receive()
        read += len(message.get("body", b""))
        if read > most:
            raise HTTPException(413, MORE, {"Connection": "close"})
        return message

    return counted


class MeteredUploads:
    """ASGI middleware: refuses uploads beyond the limits, and other large requests, before a byte of them is read."""

    def __init__(self, app: ASGIApp, limits: UploadLimits):
        self.app, self.meter = app, Meter(limits, Path(get_upload_folder()))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse a request, or hand it on."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        headers = Headers(scope=scope)
        said = headers.get("content-length", "")
        size = int(said) if said.isascii() and said.isdigit() and len(said) < 20 else None
        if not is_upload(scope):
            if (size or 0) > OTHER_MB * MB:
                return await PlainTextResponse(MORE, 413, {"Connection": "close"})(scope, receive, send)
            return await self.app(scope, held_to(receive, OTHER_MB * MB), send)
        if size is None or "transfer-encoding" in headers:
            words = "An upload must say how large it is."
            return await PlainTextResponse(words, 411, {"Connection": "close"})(scope, receive, send)
        client = scope.get("client") or ("", 0)
        refused = await run_sync(self.meter.refusal, network(client[0]), size)
        if refused is not None:
            status, words = refused
            more = {"Connection": "close"} | ({"Retry-After": str(WINDOW)} if status == 429 else {})
            return await PlainTextResponse(words, status, more)(scope, receive, send)
        try:
            await self.app(scope, held_to(receive, size), send)
        finally:
            self.meter.ended(size)
