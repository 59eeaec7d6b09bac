"""Puts the script of languages before all others of a page, so that no English flashes by and gradio's words agree."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.language.catalogue import script

FIRST = b"<script"
"""Before the first of these the script goes, and so behind the page's base address."""


class LanguageFirst:
    """ASGI middleware: whole pages of gradio get the script, all else goes through."""

    def __init__(self, app: ASGIApp):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http" or scope["method"] != "GET" or not scope["path"].endswith("/"):
            return await self.app(scope, receive, send)
        plain = [(name, value) for name, value in scope["headers"] if name != b"accept-encoding"]  # to be read here
        started: Message | None = None
        body = b""

        async def hold(message: Message) -> None:
            """Keep a page until it is whole."""
            nonlocal started, body
            if message["type"] == "http.response.start" and _is_page(message):
                started = message
            elif started is None:
                await send(message)
            elif message["type"] == "http.response.body":
                body += message.get("body", b"")
                if not message.get("more_body"):
                    whole = body.replace(FIRST, script().encode() + FIRST, 1)
                    headers = [(name, value) for name, value in started["headers"] if name != b"content-length"]
                    headers.append((b"content-length", str(len(whole)).encode()))
                    await send({**started, "headers": headers})
                    await send({"type": "http.response.body", "body": whole})

        await self.app({**scope, "headers": plain}, receive, hold)


def _is_page(start: Message) -> bool:
    """Tell whether an answer that begins is HTML that was found."""
    kinds = [value for name, value in start["headers"] if name.lower() == b"content-type"]
    return start["status"] == 200 and any(kind.startswith(b"text/html") for kind in kinds)
