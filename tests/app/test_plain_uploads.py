"""Nothing of an upload stays as it was sent: not of one that breaks off, is refused, or cannot be rewritten."""

import asyncio
import io
import json
import shutil
from pathlib import Path

import fastapi
import gradio as gr
import pytest
from fastapi.testclient import TestClient
from PIL import Image
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect

from app.plain_uploads import NotRewritten, PlainUploads, rewrite_all
from tests.helpers import FACE

URL = "/gradio_api/upload"


def photo() -> bytes:
    """A photo that says who took it."""
    exif, file = Image.Exif(), io.BytesIO()
    exif[0x013B] = "MARKER artist"
    Image.open(FACE).convert("RGB").resize((60, 44)).save(file, "JPEG", exif=exif)
    return file.getvalue()


PHOTO = photo()


@pytest.fixture
def page(tmp_path, monkeypatch) -> fastapi.FastAPI:
    """A page of gradio's whose uploads lie in tmp_path."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    with gr.Blocks() as demo:
        gr.Image()
    return gr.mount_gradio_app(fastapi.FastAPI(middleware=[Middleware(PlainUploads)]), demo, "/", max_file_size=10_000)


def lying(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_uploads_are_answered_without_metadata_and_leave_nothing_else(page, tmp_path):
    with TestClient(page) as client:
        answer = client.post(URL, files=[("files", (f"{name}.jpg", PHOTO)) for name in "ab"])
    assert answer.status_code == 200 and {Path(path).name for path in answer.json()} == {"a.jpg", "b.jpg"}
    assert {str(path) for path in lying(tmp_path)} == set(answer.json())
    assert all(path.read_bytes() != PHOTO and b"MARKER" not in path.read_bytes() for path in lying(tmp_path))


@pytest.mark.parametrize("parts", [
    [("files", ("a.jpg", PHOTO)), ("other", ("b.jpg", PHOTO))],
    [("other", ("a.jpg", PHOTO))],
    [("files", ("a.jpg", PHOTO)), ("files", (None, b"a field stays in memory"))],
    [("files", ("a.jpg", PHOTO)), ("files", ("b.jpg", bytes(10_001)))],
], ids=["a part of another name", "no files", "a field", "too large"])  # fmt: skip
def test_of_refused_uploads_nothing_stays(page, tmp_path, parts):
    with TestClient(page) as client:
        answer = client.post(URL, files=parts)
    assert answer.status_code in (400, 413) and not lying(tmp_path)


def test_of_an_upload_that_breaks_off_nothing_stays(page, tmp_path):
    head = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.jpg"\r\n\r\n'
    came, seen = iter([head + PHOTO[:900] + bytes(9000), b""]), []

    async def receive() -> dict:
        if body := next(came):
            return {"type": "http.request", "body": body, "more_body": True}
        seen.extend(path.read_bytes() for path in lying(tmp_path))
        return {"type": "http.disconnect"}

    async def send(message: dict) -> None:
        pass

    scope = {
        "type": "http", "method": "POST", "path": URL, "raw_path": URL.encode(), "query_string": b"", "root_path": "",
        "headers": [(b"content-type", b"multipart/form-data; boundary=x")], "client": ("c", 1), "server": ("s", 80),
        "scheme": "http", "http_version": "1.1",
    }  # fmt: skip
    with pytest.raises(ClientDisconnect):
        asyncio.run(page(scope, receive, send))
    assert any(b"MARKER" in data for data in seen) and not lying(tmp_path)


def test_what_gradio_cannot_move_to_its_place_is_refused_in_a_sentence(page, tmp_path):
    with TestClient(page) as client:
        place = Path(client.post(URL, files=[("files", ("b.jpg", PHOTO))]).json()[0])
        place.unlink()
        place.mkdir()
        answer = client.post(URL, files=[("files", ("a.jpg", PHOTO)), ("files", ("b.jpg", PHOTO))])
    assert answer.status_code == 500 and answer.text.count(".") == 1 and str(tmp_path) not in answer.text
    assert not lying(tmp_path)


def test_answers_that_name_no_uploads_are_not_let_out(tmp_path, monkeypatch):
    folder = tmp_path / "uploads"
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(folder))
    folder.mkdir()
    here, elsewhere = folder / "a.jpg", tmp_path / "b.jpg"
    for path in (here, elsewhere):
        path.write_bytes(PHOTO)
    for answer in (b"\x8b\x07\x80", b"7", b"[7]", b"", json.dumps([str(elsewhere)]).encode()):
        with pytest.raises(NotRewritten):
            rewrite_all(answer)
    assert elsewhere.read_bytes() == PHOTO
    with pytest.raises(NotRewritten):
        rewrite_all(json.dumps([str(here), str(folder / "gone.jpg")]).encode())
    assert not here.exists()
    shutil.copy(elsewhere, here)
    rewrite_all(json.dumps([str(here)]).encode())
    assert b"MARKER" not in here.read_bytes()
