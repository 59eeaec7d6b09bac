"""How much visitors may upload: in one request, from one address in a while, and all together.

Sizes are held against what a request says it brings, which the server then holds it to; one that does not say is
refused. The address is a visitor's own behind proxies that FORWARDED_ALLOW_IPS names (this machine's by default).
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

from anyio.to_thread import run_sync
from gradio.utils import get_upload_folder
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

MB = 1_000_000
WINDOW = 600
"""Seconds over which an address's uploads are counted."""
LOOK = 5
"""Seconds for which the size of the folder is believed, and what was let in since is added to it."""
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
        self._looked, self._lies = float("-inf"), 0

    def refusal(self, address: str, size: int) -> tuple[int, str] | None:
        """Count an upload, or say why it is not let in.

        Args:
            address: Where it comes from.
            size: In bytes.

        Returns:
            None; or the HTTP status, and a sentence.
        """
        now, limits = self._clock(), self.limits
        if size > limits.upload_mb * MB:
            return 413, f"This is too much at once: {limits.upload_mb} MB can be uploaded together."
        self._forget(now)
        came = self._came.get(address, ())
        if len(came) >= limits.address_uploads or sum(n for _, n in came) + size > limits.address_mb * MB:
            return 429, "Too many files came from your network address: wait ten minutes and try again."
        if now - self._looked > LOOK:
            self._looked, self._lies = now, size_of(self.folder)
        room = shutil.disk_usage(self.folder).free - limits.free_mb * MB
        if self._lies + size > limits.total_mb * MB or size > room:
            return 429, "There is no room for uploads at the moment: try again in an hour."
        self._lies += size
        self._came.setdefault(address, deque()).append((now, size))
        return None

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


class MeteredUploads:
    """ASGI middleware: refuses uploads beyond the limits before a byte of them is read."""

    def __init__(self, app: ASGIApp, limits: UploadLimits):
        self.app, self.meter = app, Meter(limits, Path(get_upload_folder()))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse an upload, or hand it on."""
        if scope["type"] != "http" or scope["method"] != "POST" or not scope["path"].rstrip("/").endswith("/upload"):
            return await self.app(scope, receive, send)
        size = Headers(scope=scope).get("content-length", "")
        if not (size.isascii() and size.isdigit()):
            words = "An upload must say how large it is."
            return await PlainTextResponse(words, 411, {"Connection": "close"})(scope, receive, send)
        client = scope.get("client") or ("", 0)
        refused = await run_sync(self.meter.refusal, network(client[0]), int(size))
        if refused is None:
            return await self.app(scope, receive, send)
        status, words = refused
        headers = {"Connection": "close"} | ({"Retry-After": str(WINDOW)} if status == 429 else {})
        await PlainTextResponse(words, status, headers)(scope, receive, send)
