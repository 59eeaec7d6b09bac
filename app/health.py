"""/healthz: whether the app can serve, for load balancers and whoever watches over it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from app.request_log import LoggedPage
from latentface import __version__
from latentface.checkpoints import shown_name
from latentface.intake import door

PATH = "/healthz"
STARTED = time.monotonic()


def uptime() -> int:
    """Give the seconds since the app started."""
    return round(time.monotonic() - STARTED)


class Health:
    """ASGI middleware: answers /healthz under any host name, hands the rest on.

    Load balancers ask by addresses and names of their own. Nothing in the answer is a visitor's or a path of this
    machine, and it carries no leave for other sites' scripts to read it.

    Args:
        app: The page.
        checkpoint: What it shows.
        pages: Gives all pages that are loaded, this one too: requests wait at each.
    """

    def __init__(self, app: ASGIApp, checkpoint: str, pages: Callable[[], Sequence[LoggedPage]]):
        self.app, self.checkpoint, self.pages = app, checkpoint, pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http" or scope["path"] != PATH:
            return await self.app(scope, receive, send)
        await JSONResponse(self.state())(scope, receive, send)

    def state(self) -> dict[str, Any]:
        """Say how the app is."""
        return {
            "status": "ok", "version": __version__, "checkpoint": shown_name(self.checkpoint),
            "uptime": uptime(), "queue": sum(page.waiting() for page in self.pages()),
            "decoder_workers": door.running(),
        }  # fmt: skip
