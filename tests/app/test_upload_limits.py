"""Uploads are limited in one request, by address and all together, each refusal one sentence."""

import asyncio
import shutil
import socket
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Thread

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient
from starlette.types import Message
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from app.upload_limits import LOOK, MB, OTHER_MB, WINDOW, Meter, MeteredUploads, UploadLimits, network


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_one_address_is_limited_in_number_and_size_and_others_are_not(tmp_path):
    clock = Clock()
    meter = Meter(UploadLimits(address_uploads=3, address_mb=10, free_mb=1), tmp_path, clock)
    assert [meter.refusal("a", MB) for _ in range(3)] == [None] * 3
    status, words = meter.refusal("a", 1) or (0, "")
    assert status == 429 and "ten minutes" in words
    assert meter.refusal("b", 9 * MB) is None and meter.refusal("b", 2 * MB) is not None
    clock.now = WINDOW + 1
    assert meter.refusal("a", MB) is None and meter.refusal("b", 9 * MB) is None


def test_all_together_are_limited_by_what_lies_in_the_folder(tmp_path):
    clock = Clock()
    meter = Meter(UploadLimits(total_mb=3, free_mb=1), tmp_path, clock)
    assert meter.refusal("a", 2 * MB) is None
    status, words = meter.refusal("b", 2 * MB) or (0, "")
    assert status == 429 and "no room" in words  # it may not have arrived yet, but it was let in
    clock.now = LOOK + 1
    assert meter.refusal("b", 2 * MB) is not None  # it is still on its way, however slowly
    meter.ended(2 * MB)
    assert meter.refusal("b", 2 * MB) is not None  # it may lie there since the last look
    clock.now = 2 * LOOK + 2
    assert meter.refusal("b", 2 * MB) is None  # it never arrived
    meter.ended(2 * MB)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "photo").write_bytes(bytes(2 * MB))
    clock.now = 3 * LOOK + 3
    assert meter.refusal("c", 2 * MB) is not None and meter.refusal("c", MB) is None


def test_what_is_under_way_must_fit_on_the_disk_together(tmp_path):
    free = shutil.disk_usage(tmp_path).free // MB
    meter = Meter(UploadLimits(upload_mb=free, address_mb=3 * free, total_mb=3 * free, free_mb=1), tmp_path)
    half = free * MB * 2 // 3
    assert meter.refusal("a", half) is None and (meter.refusal("b", half) or (0, ""))[0] == 429


def test_many_at_once_are_counted_one_after_the_other(tmp_path):
    clock, before = Clock(), sys.getswitchinterval()
    meter = Meter(UploadLimits(address_uploads=20, free_mb=1), tmp_path, clock)
    sys.setswitchinterval(1e-6)
    try:
        for turn in range(1, 31):
            clock.now = turn * (WINDOW + 1)  # all that came before is to be forgotten, by whoever is first
            with ThreadPoolExecutor(40) as pool:
                came = [pool.submit(meter.refusal, "a", 1) for _ in range(40)]
                assert sum(one.result() is None for one in came) == 20
    finally:
        sys.setswitchinterval(before)


def test_a_disk_that_is_nearly_full_takes_nothing(tmp_path):
    refused = Meter(UploadLimits(free_mb=10**8), tmp_path).refusal("a", 1)
    assert refused is not None and refused[0] == 429


def test_a_household_is_one_address():
    assert network("192.0.2.7") == "192.0.2.7" and network("unix") == "unix"
    assert network("2001:db8::1") == network("2001:db8:0:0:ffff::2") != network("2001:db8:0:1::1")


@pytest.fixture
def server(tmp_path, monkeypatch) -> TestClient:
    """A server behind a proxy that it trusts, which lets in two uploads an address and a megabyte at once."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))

    async def answer(request: Request) -> PlainTextResponse:
        return PlainTextResponse(str(len(await request.body()) // ("broken" not in request.url.path)))

    limits = UploadLimits(address_uploads=2, upload_mb=1)
    return TestClient(
        Starlette(
            routes=[Route("/{rest:path}", answer, methods=["POST"])],
            middleware=[
                Middleware(ProxyHeadersMiddleware, trusted_hosts=["proxy"]),  # type: ignore[arg-type]
                Middleware(MeteredUploads, limits=limits),
            ],
        ),
        client=("proxy", 1),
    )


def test_requests_are_refused_before_they_are_read(server):
    def sent(body: object, address: str = "192.0.2.1", path: str = "/gradio_api/upload") -> tuple[int, str]:
        answer = server.post(path, content=body, headers={"X-Forwarded-For": f"6.6.6.6, {address}"})
        return answer.status_code, answer.text

    assert sent(bytes(10)) == (200, "10")
    status, text = sent(bytes(MB + 1))
    assert status == 413 and text.count(".") == 1
    assert sent(iter([bytes(10)]))[0] == 411
    assert sent(bytes(10), path="/with/other/gradio_api/upload/") == (200, "10")
    status, text = sent(bytes(10))
    assert status == 429 and text.count(".") == 1
    assert sent(bytes(10), "192.0.2.2") == (200, "10")
    assert sent(bytes(2 * MB), path="/gradio_api/queue/join") == (200, str(2 * MB))
    assert sent(bytes(OTHER_MB * MB + 1), path="/gradio_api/queue/join")[0] == 413
    assert sent(iter([bytes(MB)] * (OTHER_MB + 1)), path="/gradio_api/queue/join")[0] == 413


@pytest.mark.parametrize("path, headers, status", [
    ("/gradio_api/upload", {"content-length": str(MB + 1)}, 413),
    ("/gradio_api/upload", {}, 411),
    ("/gradio_api/upload", {"content-length": "1", "transfer-encoding": "chunked"}, 411),
    ("/gradio_api/queue/join", {"content-length": str(OTHER_MB * MB + 1)}, 413),
])  # fmt: skip
def test_of_a_refused_request_nothing_is_read(tmp_path, monkeypatch, path, headers, status):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    answered = []

    async def receive() -> Message:
        raise AssertionError("it is read")

    async def send(message: Message) -> None:
        answered.append(message)

    metered = MeteredUploads(PlainTextResponse("let in"), UploadLimits(upload_mb=1))
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "method": "POST", "path": path, "headers": raw, "client": ("192.0.2.1", 1)}
    asyncio.run(metered(scope, receive, send))
    assert answered[0]["status"] == status and (b"connection", b"close") in answered[0]["headers"]


def test_uploads_are_forgotten_when_they_end_however_they_do(server, tmp_path):
    with pytest.raises(ZeroDivisionError):
        server.post("/broken/upload", content=bytes(10))
    assert server.post("/gradio_api/upload", content=bytes(10)).status_code == 200
    layer = server.app.middleware_stack
    while not isinstance(layer, MeteredUploads):
        layer = layer.app
    assert layer.meter._under_way == 0


@pytest.fixture
def port(tmp_path, monkeypatch) -> Iterator[int]:
    """A real server's, which takes a megabyte at once."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))

    async def answer(request: Request) -> PlainTextResponse:
        return PlainTextResponse(str(len(await request.body())))

    limits = Middleware(MeteredUploads, limits=UploadLimits(upload_mb=1))
    app = Starlette(routes=[Route("/{rest:path}", answer, methods=["POST"])], middleware=[limits])
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        opened.listen()
        running = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
        thread = Thread(target=running.run, args=([opened],))
        thread.start()
        yield opened.getsockname()[1]
        running.should_exit = True
        thread.join()


@pytest.mark.parametrize("path, length, chunks, status", [
    ("/upload", "Content-Length: 1\r\n", 3, b"411"),
    ("/upload", "", 3, b"411"),
    ("/queue/join", "Content-Length: 1\r\n", OTHER_MB + 2, b"413"),
    ("/queue/join", "", 1, b"200"),
])  # fmt: skip
def test_chunks_bring_no_more_than_was_said(port, path, length, chunks, status):
    with socket.create_connection(("127.0.0.1", port), 60) as client:
        head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\n{length}Transfer-Encoding: chunked\r\n\r\n"
        client.sendall(head.encode())
        with suppress(OSError):  # the server has closed it
            for _ in range(chunks):
                client.sendall(b"%x\r\n" % MB + bytes(MB) + b"\r\n")
            client.sendall(b"0\r\n\r\n")
        assert client.recv(12).split()[1] == status


def test_limits_come_from_the_environment(monkeypatch):
    monkeypatch.setenv("LATENTFACE_TOTAL_MB", "12")
    assert UploadLimits.from_environment() == UploadLimits(total_mb=12)
    for wrong in ("", "-1", "1.5", "0", "many"):
        monkeypatch.setenv("LATENTFACE_TOTAL_MB", wrong)
        with pytest.raises(ValueError, match="LATENTFACE_TOTAL_MB"):
            UploadLimits.from_environment()


def test_every_limit_is_in_the_manual():
    manual = (Path(__file__).parents[2] / "docs" / "operations.md").read_text()
    for name, value in vars(UploadLimits()).items():
        assert f"`LATENTFACE_{name.upper()}` | {value} |" in manual
