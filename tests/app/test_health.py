"""What is said while a model is loaded, when it can't be, and once it is there."""

import html
import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from threading import Event, Semaphore
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import fastapi
import gradio as gr
import pytest
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient

from app.health import Health
from app.own_folder import VARIABLE
from app.request_log import LoggedPage
from app.waiting import WaitingServer
from latentface import __version__
from latentface.intake.limits import CLIP_WORKERS, WORKERS
from tests.conftest import ROOT


def asked(url: str, host: str | None = None) -> tuple[int, str]:
    """Status and text of an answer."""
    try:
        with urlopen(Request(url, headers={"Host": host} if host else {}), timeout=20) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_the_port_is_open_while_the_model_loads_and_free_for_the_page_afterwards():
    server = WaitingServer(None, ("localhost",))
    url = f"http://127.0.0.1:{server.port}/"
    status, text = asked(url)
    assert status == 503 and "being loaded" in text and 'http-equiv="refresh"' in text
    status, text = asked(f"{url}healthz", "balancer.internal")
    assert status == 503 and json.loads(text)["status"] == "loading" and json.loads(text)["version"] == __version__
    assert asked(url, "evil.example")[0] == 403
    server.waiting.failure = "The checkpoint <x> does not load."
    status, text = asked(url)
    assert status == 503 and "The checkpoint &lt;x&gt; does not load." in text and "refresh" not in text
    assert json.loads(asked(f"{url}healthz")[1])["reason"] == "The checkpoint <x> does not load."
    server.close()
    with socket.socket() as page:
        page.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        page.bind(("127.0.0.1", server.port))


def test_requests_that_wait_are_counted_on_every_page():
    begun, over = Semaphore(0), Event()

    def say(word: str) -> str:
        begun.release()
        over.wait(60)
        return word

    def page() -> LoggedPage:
        with LoggedPage() as page:
            text = gr.Textbox()
            text.submit(say, text, text, api_name="say")
        return page

    pages = [page(), page()]
    health = Health(PlainTextResponse("page"), str(ROOT / "runs" / "mine"), lambda: pages)
    assert health.state()["queue"] == 0 and health.state()["checkpoint"] == "mine"
    with ExitStack() as running:
        for page, waiting in zip(pages, (1, 2), strict=True):
            client = running.enter_context(TestClient(gr.mount_gradio_app(fastapi.FastAPI(), page, "/")))
            client.post("/gradio_api/call/say", json={"data": ["word"]})
            assert begun.acquire(timeout=60)
            for _ in range(waiting):
                client.post("/gradio_api/call/say", json={"data": ["word"]})
        assert health.state()["queue"] == 3
        over.set()


@pytest.mark.slow
def test_a_missing_checkpoint_serves_a_page_that_says_so_until_it_is_stopped(tmp_path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "app.py", "--checkpoint", str(tmp_path / "nowhere"), "--port", str(port)], cwd=ROOT,
        stderr=subprocess.PIPE, text=True, env={**os.environ, VARIABLE: str(tmp_path), "HF_HUB_OFFLINE": "1"},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background jobs ignore it
    )  # fmt: skip
    told = []
    try:
        health, began = {"status": "loading"}, time.monotonic()
        while health["status"] == "loading" and time.monotonic() - began < 300:
            time.sleep(0.3)
            try:
                status, text = asked(f"http://127.0.0.1:{port}/healthz")
                assert status == 503
                health = json.loads(text)
            except URLError:
                assert process.poll() is None
        assert health["status"] == "failed" and "give a bundled name" in health["reason"]
        status, text = asked(f"http://127.0.0.1:{port}/")
        assert status == 503 and "give a bundled name (explorer" in text
        told = [health["reason"], html.unescape(text)]
    finally:
        process.send_signal(signal.SIGINT)
        _, error = process.communicate(timeout=30)
    assert all("'nowhere'" in words and str(tmp_path) not in words for words in told) and len(told) == 2
    assert error.startswith("error: no checkpoint") and "Traceback" not in error and not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_running_app_is_healthy_and_logs_outcomes_without_what_was_sent(app, photos):
    from gradio_client import Client, handle_file

    client = Client(app.url, verbose=False, download_files=False)
    before = len(app.log.read_text())
    client.predict(handle_file(photos["one.jpg"]), api_name="/reconstruct")
    with pytest.raises(Exception, match="not a photo"):
        client.predict(handle_file(photos["text.jpg"]), api_name="/reconstruct")
    written = app.log.read_text()[before:]
    lines = [json.loads(line) for line in written.splitlines() if line.startswith("{")]
    assert [(line["endpoint"], line["outcome"]) for line in lines] == [
        ("upload", "ok"), ("reconstruct", "ok"), ("upload", "ok"), ("reconstruct", "refused"),
    ]  # fmt: skip
    assert all(0 <= line["seconds"] < 60 for line in lines) and not any(n in written for n in ("one", "text", ".jpg"))
    status, text = asked(f"{app.url}healthz", "balancer.internal")
    health = json.loads(text)
    assert status == 200 and health["status"] == "ok" and health["checkpoint"] == "explorer"
    assert health["queue"] == 0 and 1 <= health["decoder_workers"] <= WORKERS + CLIP_WORKERS and health["uptime"] > 0
