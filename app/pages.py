"""Several checkpoints in one app, a page each: the first at /, the others at /with/NAME/, loaded when asked for.

Two are in memory at most: the first, and of the others the one that was asked for last. A run's checkpoint goes on
changing: asked for with ?load=newest, its page is loaded anew where the weights are newer. Compare may hold one model
more (app/pipelines.py).
"""

from __future__ import annotations

import asyncio
import html
import os
import re
from collections.abc import Callable, Sequence
from typing import Any

import fastapi
import gradio as gr
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from app.language.catalogue import with_languages
from latentface.checkpoints import CheckpointError, find, shown_name
from latentface.weights import written

PREFIX = "/with/"
"""Path below which the pages of further checkpoints lie."""
NEWEST = "load=newest"
"""Query of a page's address that asks for the newest weights."""
GONE = "This page's model has made room for another: load the page again.\n"
FAILED = """<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>LatentFace</title><body style="font: 16px/1.5 system-ui; max-width: 40em; margin: 3em auto; padding: 0 1em">
<h1>This model can't be shown</h1><p>{why}</p><p><a href="../../">Back to {first}</a></p></body></html>"""


def slugs(checkpoints: Sequence[str]) -> dict[str, str]:
    """Give every checkpoint but the first a name that fits into an address.

    Args:
        checkpoints: As they were asked for: names, folders, Hub ids.

    Returns:
        Slug -> checkpoint, in order; the first has none.
    """
    named: dict[str, str] = {}
    for checkpoint in checkpoints[1:]:
        plain = re.sub(r"[^A-Za-z0-9.]+", "-", without_place(checkpoint)).strip("-.") or "checkpoint"
        number = 2
        slug = plain
        while slug in named:
            slug, number = f"{plain}-{number}", number + 1
        named[slug] = checkpoint
    return named


def without_place(checkpoint: str) -> str:
    """Name a checkpoint as it was asked for, but no folder by where on this machine it lies."""
    return shown_name(checkpoint) if os.path.isabs(checkpoint) else checkpoint


class Loaded:
    """The page of one checkpoint, ready to answer."""

    def __init__(self, page: gr.Blocks, path: str, options: dict[str, Any]):
        """Put a page below a path.

        Args:
            page: The built page.
            path: Such as "/with/explorer-cc0".
            options: Of gr.mount_gradio_app.
        """
        self.app = gr.mount_gradio_app(fastapi.FastAPI(openapi_url=None), page, path, **options)
        self._closing, self._started = asyncio.Event(), asyncio.Event()
        self._task = asyncio.create_task(self._live())

    async def _live(self) -> None:
        """Run the page's queue until it is closed; one task enters and leaves, as the queue's own tasks need it."""
        async with self.app.router.lifespan_context(self.app):
            self._started.set()
            await self._closing.wait()

    async def start(self) -> None:
        """Wait until the queue runs."""
        started = asyncio.create_task(self._started.wait())
        await asyncio.wait((started, self._task), return_when=asyncio.FIRST_COMPLETED)
        started.cancel()
        if self._task.done():
            await self._task  # raises what went wrong

    async def close(self) -> None:
        """End the queue."""
        self._closing.set()
        await self._task


class OtherPages:
    """ASGI middleware: answers below PREFIX with the pages of further checkpoints, hands the rest on."""

    def __init__(
        self, app: ASGIApp, first: str, others: dict[str, str], page: Callable[[str], gr.Blocks],
        options: dict[str, Any],
    ):  # fmt: skip
        """Load nothing yet.

        Args:
            app: The first page.
            first: Its checkpoint's name.
            others: Slug -> checkpoint, see `slugs`.
            page: Loads a checkpoint and builds its page; raises CheckpointError.
            options: Of gr.mount_gradio_app.
        """
        self.app, self.first, self.others, self.page, self.options = app, first, others, page, options
        self._loaded: tuple[str, Loaded] | None = None
        self._written = 0
        self._lock = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        path = scope.get("path", "")
        slug, slash, rest = path.removeprefix(PREFIX).partition("/")
        if not path.startswith(PREFIX) or slug not in self.others or scope["type"] != "http":
            return await self.app(scope, receive, send)
        if not slash:
            return await RedirectResponse(f"{slug}/")(scope, receive, send)
        if not rest:
            newest = scope.get("query_string", b"").decode("latin-1") == NEWEST
            try:
                loaded = await self._load(slug, newest)
            except CheckpointError as error:
                first = html.escape(shown_name(self.first))
                words = FAILED.format(why=html.escape(error.for_visitors()), first=first)
                return await HTMLResponse(with_languages(words), 503)(scope, receive, send)
            if newest:
                return await RedirectResponse("./", 303)(scope, receive, send)
        elif self._loaded is not None and self._loaded[0] == slug:
            loaded = self._loaded[1]
        else:
            return await PlainTextResponse(GONE, 503)(scope, receive, send)
        await loaded.app(scope, receive, send)

    async def _load(self, slug: str, newest: bool = False) -> Loaded:
        """Give a page, loaded in place of another where it is not here; others go on meanwhile.

        Args:
            slug: Whose.
            newest: Whether a page that is here gives way where its weights were written anew.

        Raises:
            CheckpointError: It does not load; the page before stays.
        """
        async with self._lock:
            folder = find(self.others[slug])
            stamp = 0 if folder is None else written(folder)
            here = self._loaded is not None and self._loaded[0] == slug
            if not here or (newest and stamp != self._written):
                page = await asyncio.to_thread(self.page, self.others[slug])
                new = Loaded(page, PREFIX + slug, self.options)
                await new.start()
                before, self._loaded, self._written = self._loaded, (slug, new), stamp
                if before is not None:
                    await before[1].close()
            return self._loaded[1]  # type: ignore[index]
