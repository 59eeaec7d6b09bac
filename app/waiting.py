"""The page while a checkpoint loads: it says so, or why it did not load."""

from __future__ import annotations

import html
import socket
from collections.abc import Sequence
from contextlib import suppress
from threading import Thread

import uvicorn
from gradio.http_server import INITIAL_PORT_VALUE, LOCALHOST_NAME, TRY_NUM_PORTS
from starlette.responses import HTMLResponse, JSONResponse
from starlette.types import Receive, Scope, Send

from app.health import PATH, uptime
from app.hosts import AllowedHosts
from app.language.catalogue import with_languages
from latentface import __version__
from latentface.checkpoints import CheckpointError

AGAIN = 3
"""Seconds after which a page that waits asks again."""
PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">{again}<title>LatentFace</title>
<body style="font: 16px/1.5 system-ui; max-width: 40em; margin: 3em auto; padding: 0 1em">
<h1>{title}</h1><p>{why}</p></body></html>"""
ASKING = f"""<script>
// by hand, and not by a refresh: that does nothing to an address with a #, and ends between this server and the next;
// below another page's address there is no such thing, which is an answer as well, and never the whole page
setInterval(async () => {{
  const answer = await fetch("healthz", {{ cache: "no-store" }}).catch(() => null);
  if (answer && !(answer.status === 503 && answer.headers.has("Retry-After"))) location.reload();
}}, {1000 * AGAIN});
</script><noscript><meta http-equiv="refresh" content="{AGAIN}"></noscript>"""
LOADING = "The model is being loaded. This page opens by itself as soon as it is there."


class Waiting:
    """What is served before the page can be, as an ASGI app; 503, whatever is asked for."""

    def __init__(self):
        """Say that the model is being loaded."""
        self.failure: str | None = None
        """Why the model cannot be shown, a sentence without a path of this machine."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            return
        title = "This model can't be shown" if self.failure else "One moment"
        status, why = ("failed", self.failure) if self.failure else ("loading", LOADING)
        headers = {} if self.failure else {"Retry-After": str(AGAIN)}
        if scope["path"] == PATH:
            state = {"status": status, "reason": why, "version": __version__, "uptime": uptime()}
            return await JSONResponse(state, 503, headers)(scope, receive, send)
        words = PAGE.format(again="" if self.failure else ASKING, title=title, why=html.escape(why or ""))
        await HTMLResponse(with_languages(words), 503, headers)(scope, receive, send)


class OpenHealth:
    """ASGI middleware: /healthz under any host name, the rest under those allowed."""

    def __init__(self, app: Waiting, allowed: tuple[str, ...]):
        self.app, self.guarded = app, AllowedHosts(app, allowed)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request on."""
        await (self.app if scope.get("path") == PATH else self.guarded)(scope, receive, send)


class WaitingServer:
    """Serves Waiting on the page's port, until it makes room for the page."""

    def __init__(self, port: int | None, allowed: tuple[str, ...], name: str = LOCALHOST_NAME):
        """Open the port.

        Args:
            port: None for GRADIO_SERVER_PORT, or the first free one from 7860.
            allowed: Host names to answer to.
            name: Address to listen on.

        Raises:
            OSError: There is no port to be had.
        """
        self.waiting = Waiting()
        first = range(INITIAL_PORT_VALUE, INITIAL_PORT_VALUE + TRY_NUM_PORTS)
        self._socket = open_socket(name, [port] if port else first)
        self.port: int = self._socket.getsockname()[1]
        config = uvicorn.Config(OpenHealth(self.waiting, allowed), log_level="warning", lifespan="off")
        self._server = uvicorn.Server(config)
        self._thread = Thread(target=self._server.run, args=([self._socket],), daemon=True)
        self._thread.start()

    def fail(self, error: CheckpointError) -> None:
        """Say from now on why the model cannot be shown, and serve that until the process is stopped."""
        self.waiting.failure = error.for_visitors()
        with suppress(KeyboardInterrupt):
            while self._thread.is_alive():
                self._thread.join(1)  # wakes up, so that Ctrl-C is heard

    def close(self) -> None:
        """Free the port."""
        self._server.should_exit = True
        self._server.force_exit = True
        self._thread.join()
        self._socket.close()


def open_socket(name: str, ports: Sequence[int]) -> socket.socket:
    """Listen on the first of the ports that is free.

    Args:
        name: Address to listen on, as GRADIO_SERVER_NAME gives it.
        ports: To be tried in order.

    Raises:
        OSError: None is free, or the address is not this machine's.
    """
    host = name.removeprefix("[").removesuffix("]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    problem = OSError("no port is asked for")
    for port in ports:
        opened = socket.socket(family)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            opened.bind((host, port))
            opened.listen()
        except OSError as error:
            opened.close()
            problem = error
        else:
            return opened
    asked = f"port {ports[0]}" if len(ports) == 1 else f"a port from {ports[0]} to {ports[-1]}"
    raise OSError(f"{asked} on {host} is not to be had ({problem.strerror})")
