"""Uploads are limited in one request, by address and all together, each refusal one sentence."""

from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from app.upload_limits import LOOK, MB, WINDOW, Meter, MeteredUploads, UploadLimits, network


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
    assert meter.refusal("b", 2 * MB) is None  # it never arrived
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "photo").write_bytes(bytes(2 * MB))
    clock.now = 2 * LOOK + 2
    assert meter.refusal("c", 2 * MB) is not None and meter.refusal("c", MB) is None


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
        return PlainTextResponse(str(len(await request.body())))

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
