"""A line for each outcome, of events and of requests that never become one."""

import asyncio
import gc
import io
import json

import fastapi
import gradio as gr
import pytest
from fastapi.testclient import TestClient
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from app import request_log
from app.environment import LOG, bad_log
from app.request_log import POLL, LoggedPage, LoggedRequests, RequestLog


@pytest.fixture
def lines(monkeypatch) -> io.StringIO:
    stream = io.StringIO()
    monkeypatch.setattr(request_log, "log", RequestLog("json", stream))
    return stream


def seen(lines: io.StringIO) -> list[dict]:
    return [json.loads(line) for line in lines.getvalue().splitlines()]


def test_every_event_ends_in_one_line(lines):
    def good(word: str) -> str:
        return word

    def steps(word: str):
        for count in range(3):
            yield f"{word}{count}"

    def bad(word: str) -> str:
        raise gr.Error(f"{word} is no good.", print_exception=False)

    def broken(word: str) -> str:
        raise KeyError(word)

    with LoggedPage() as page:
        text = gr.Textbox()
        for function in (good, steps, bad, broken):
            text.submit(function, text, text, api_name=function.__name__)
    with TestClient(gr.mount_gradio_app(fastapi.FastAPI(), page, "/")) as client:
        for name in ("good", "steps", "bad", "broken"):
            sent = client.post(f"/gradio_api/call/{name}", json={"data": ["secret"]}).json()
            assert client.get(f"/gradio_api/call/{name}/{sent['event_id']}").status_code == 200
    assert [(line["endpoint"], line["outcome"]) for line in seen(lines)] == [
        ("good", "ok"), ("steps", "ok"), ("bad", "refused"), ("broken", "failed"),
    ]  # fmt: skip
    assert "secret" not in lines.getvalue() and seen(lines)[3]["kind"] == "KeyError"


def test_what_ends_between_two_steps_is_a_line_once_gradio_lets_go_of_it(lines):
    def steps(word: str):
        yield word
        yield word

    async def ask(whole: bool) -> None:
        function = next(iter(page.fns.values()))
        answer = await page.process_api(function, ["secret"], event_id="one")
        while whole and answer["is_generating"]:
            answer = await page.process_api(function, ["secret"], event_id="one", iterator=answer["iterator"])

    with LoggedPage() as page:
        text = gr.Textbox()
        text.submit(steps, text, text, api_name="steps")
    for whole, outcome in ((False, "stopped"), (True, "ok")):
        asyncio.run(ask(whole))
        gc.collect()
        assert [line["outcome"] for line in seen(lines)][-1:] == [outcome] and not LoggedPage._began
    assert len(seen(lines)) == 2


def test_pages_that_ask_by_themselves_are_lines_only_where_it_goes_wrong(lines):
    def ask(word: str) -> str:
        return {"good": "good"}[word]

    with LoggedPage() as page:
        text = gr.Textbox()
        text.submit(ask, text, text, api_name=POLL)
    function = next(iter(page.fns.values()))
    asyncio.run(page.process_api(function, ["good"]))
    assert not seen(lines)
    with pytest.raises(KeyError):
        asyncio.run(page.process_api(function, ["bad"]))
    assert [line["outcome"] for line in seen(lines)] == ["failed"]


def test_a_log_that_cannot_be_written_costs_no_answer():
    full = open("/dev/full", "w")  # noqa: SIM115 (closing it fails too)
    RequestLog("json", full).write("swap", 1.5, "ok")
    with pytest.raises(OSError, match="No space"):
        full.close()


def test_uploads_and_requests_that_fail_are_lines_and_their_addresses_are_not(lines):
    def answer(request: Request) -> PlainTextResponse:
        return PlainTextResponse("", int(request.query_params.get("status", 200)))

    app = Starlette(
        routes=[Route("/{rest:path}", answer, methods=["GET", "POST"])], middleware=[Middleware(LoggedRequests)]
    )
    with TestClient(app) as client:
        client.post("/gradio_api/upload")
        client.post("/gradio_api/upload?status=413")
        client.post("/gradio_api/queue/join?status=503")
        client.post("/secret?status=404")
        client.post("/gradio_api/queue/join")
        client.get("/gradio_api/upload?status=404")
    assert [(line["endpoint"], line["outcome"], line["status"]) for line in seen(lines)] == [
        ("upload", "ok", 200), ("upload", "refused", 413), ("join", "failed", 503), ("other", "refused", 404),
    ]  # fmt: skip


def test_the_form_is_a_setting(monkeypatch):
    stream = io.StringIO()
    RequestLog("text", stream).write("swap", 1.5, "ok", status=200)
    RequestLog("off", stream).write("swap", 1.5, "ok")
    assert stream.getvalue().endswith(" swap ok 1.5 s status=200\n")
    for value, good in (("text", True), ("off", True), ("xml", False)):
        monkeypatch.setenv(LOG, value)
        assert (bad_log() is None) == good
