"""One line for every request's outcome: when, which endpoint, how long, how it ended; nothing of what was sent."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
import weakref
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Literal, TextIO

import gradio as gr
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.environment import LOG
from app.uploads import UploadsOnly

KEPT = 1000
"""Requests in progress of which the beginning is remembered; those of visitors who left fall out first."""
ROUTES = ("upload", "join", "call", "run", "api")
"""Parts of an address that may be named in the log; the rest of one is a stranger's words."""
POLL = "run_status"
"""Name of the event by which an open page asks every few seconds; only where it goes wrong is it logged."""

Outcome = Literal["ok", "refused", "failed", "stopped"]


class RequestLog:
    """Writes the lines.

    Args:
        form: One of LOG_FORMS.
        stream: Where to; None for standard output.
    """

    def __init__(self, form: str = "json", stream: TextIO | None = None):
        self.form, self._stream = form, stream

    def write(self, endpoint: str, seconds: float, outcome: Outcome, **more: str | int) -> None:
        """Write one line.

        Args:
            endpoint: Its name in the code.
            seconds: From its start to its end, without the wait for its turn.
            outcome: ok; refused, for bad input, with a sentence to the visitor; failed, for a fault; stopped.
            more: What else is known, such as the HTTP status.
        """
        if self.form == "off":
            return
        now, took = datetime.now(UTC).isoformat(timespec="milliseconds"), round(seconds, 3)
        line = f"{now} {endpoint} {outcome} {took} s" + "".join(f" {name}={value}" for name, value in more.items())
        if self.form == "json":
            line = json.dumps({"time": now, "endpoint": endpoint, "seconds": took, "outcome": outcome, **more})
        with suppress(OSError):  # a full disk, or nobody who reads: the answer is good all the same
            print(line, file=self._stream or sys.stdout, flush=True)


log = RequestLog(os.environ.get(LOG, "json"))
"""This process's log."""


class LoggedPage(UploadsOnly):
    """A page whose events are logged as they end; of one in several steps, the last step."""

    _began: dict[str, float] = {}
    """Id of an event in several steps -> when it began."""

    def waiting(self) -> int:
        """Count the events that wait for their turn."""
        return len(self._queue)

    async def process_api(self, block_fn: Any, inputs: list[Any], *args: Any, **options: Any) -> dict[str, Any]:
        """Answer an event as gradio does, and log how it ended."""
        function = self.fns[block_fn] if isinstance(block_fn, int) else block_fn
        name = function.api_name if isinstance(function.api_name, str) else str(function.name)
        event = str(options.get("event_id"))
        is_further_step = event in self._began
        began = self._began.pop(event, time.monotonic())
        try:
            answer = await super().process_api(block_fn, inputs, *args, **options)
        except gr.Error:
            log.write(name, time.monotonic() - began, "refused")
            raise
        except asyncio.CancelledError:
            log.write(name, time.monotonic() - began, "stopped")
            raise
        except Exception as error:
            log.write(name, time.monotonic() - began, "failed", kind=type(error).__name__)
            raise
        if answer.get("is_generating"):
            self._began[event] = began
            while len(self._began) > KEPT:
                self._began.pop(next(iter(self._began)))
            if not is_further_step:  # gradio lets go of the steps at their end, and when nobody waits for them
                weakref.finalize(answer["iterator"], self._left, event, name).atexit = False
        elif name != POLL:
            log.write(name, time.monotonic() - began, "ok")
        return answer

    @classmethod
    def _left(cls, event: str, name: str) -> None:
        """Log an event that ended between two steps."""
        began = cls._began.pop(event, None)
        if began is not None:
            log.write(name, time.monotonic() - began, "stopped")


class LoggedRequests:
    """ASGI middleware: logs uploads, and all requests to write that are refused or fail before they reach an event."""

    def __init__(self, app: ASGIApp):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request on and log its status."""
        if scope["type"] != "http" or scope["method"] != "POST":
            return await self.app(scope, receive, send)
        status, began = 500, time.monotonic()

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, noted)
        finally:
            route = next((part for part in ROUTES if part in scope["path"].split("/")), "other")
            if route == "upload" or status >= 400:
                outcome: Outcome = "ok" if status < 400 else "refused" if status < 500 else "failed"
                log.write(route, time.monotonic() - began, outcome, status=status)
