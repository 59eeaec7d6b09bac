"""Which names this server answers to, against DNS rebinding and other sites' scripts.

A page on evil.example can let its own name point to 127.0.0.1 and then read a server there through its visitor's
browser. The browser still sends `Host: evil.example`, so names that nobody allowed are refused. Addresses in numbers
cannot be pointed elsewhere and are always fine.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

VARIABLE = "LATENTFACE_ALLOWED_HOSTS"
"""Environment variable with further names, separated by commas.

`.example.org` stands for all names below it, `*` for any.
"""


def allowed_hosts(further: Iterable[str] = ()) -> tuple[str, ...]:
    """List the host names to answer to, lower case.

    Args:
        further: Names from the command line.

    Returns:
        localhost, the Space's own name where this is a Space, the names in LATENTFACE_ALLOWED_HOSTS, and `further`.
    """
    listed = os.environ.get(VARIABLE, "").split(",")
    names = ["localhost", os.environ.get("SPACE_HOST", ""), *listed, *further]
    return tuple(dict.fromkeys(name.strip().lower() for name in names if name.strip()))


def host_name(host: str) -> str:
    """Take the name out of a Host header such as `example.org:7860` or `[::1]:7860`; empty where there is none."""
    try:
        return (urlsplit(f"//{host}").hostname or "").rstrip(".").lower()
    except ValueError:
        return ""


def is_listed(name: str, allowed: tuple[str, ...]) -> bool:
    """Tell whether a host name, lower case, is one of the allowed ones."""
    return bool(name) and any(
        name == one or one == "*" or (one.startswith(".") and name.endswith(one)) for one in allowed
    )


def is_address(name: str) -> bool:
    """Tell whether a host name is an address in numbers."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


class AllowedHosts:
    """ASGI middleware: refuses requests to, and from pages of, hosts that are not allowed."""

    def __init__(self, app: ASGIApp, allowed: tuple[str, ...]):
        self.app, self.allowed = app, allowed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 403 to what is not allowed; hand the rest on."""
        if scope["type"] not in ("http", "websocket"):
            return await self.app(scope, receive, send)
        headers = Headers(scope=scope)
        host = host_name(headers.get("host", ""))
        known = is_address(host) or is_listed(host, self.allowed)
        if known and self._may_call(headers.get("origin"), host):
            return await self.app(scope, receive, send)
        text = f"This server does not answer to this host name. Whoever runs it may add the name to {VARIABLE}.\n"
        return await PlainTextResponse(text, 403)(scope, receive, send)

    def _may_call(self, origin: str | None, host: str) -> bool:
        """Tell whether a page of this origin may call `host`; no page at all (None) may."""
        if origin is None:
            return True
        try:
            name = host_name(urlsplit(origin).netloc)  # empty for "null", of pages that hide where they are from
        except ValueError:
            return False
        return bool(name) and (name == host or is_listed(name, self.allowed))
