"""Requests that name files nobody uploaded, and requests under foreign host names, against the running app."""

import http.client
import json
import os
import re
import shutil
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from gradio_client import Client, handle_file
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from app.hosts import VARIABLE, AllowedHosts, allowed_hosts, host_name
from app.uploads import REFUSED, NotUploaded, uploaded_file

pytestmark = pytest.mark.slow

META = {"_type": "gradio.FileData"}


def request(app, method: str, path: str, body: bytes | None = None, **headers: str):
    """One HTTP request to the running app; status, headers, text."""
    connection = http.client.HTTPConnection(urlsplit(app.url).netloc, timeout=60)
    try:
        connection.request(method, path, body, {"Content-Type": "application/json", **headers})
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read().decode()
    finally:
        connection.close()


def call(app, name: str, data: list) -> str:
    """Everything that an endpoint answers, as text, or the refusal of the call itself."""
    status, _, text = request(app, "POST", f"/gradio_api/call/{name}", json.dumps({"data": data}).encode())
    if status != 200:
        return text
    return request(app, "GET", f"/gradio_api/call/{name}/{json.loads(text)['event_id']}")[2]


@pytest.fixture(scope="module")
def private(tmp_path_factory, photos) -> Path:
    """A photo on the server that nobody uploaded."""
    return Path(shutil.copy(photos["one.jpg"], tmp_path_factory.mktemp("private") / "private.jpg"))


TAKES = ("image", "file")
"""Kinds of inputs that take photos and clips."""


def endpoints(app) -> list[tuple[str | int, list]]:
    """Every endpoint that takes a file, named or not, with arguments in which PHOTO stands where a file goes."""
    config = json.loads(request(app, "GET", "/config")[2])
    kinds = {block["id"]: block["type"] for block in config["components"]}
    defaults = {block["id"]: block["props"].get("value") for block in config["components"]}
    found = []
    for dependency in config["dependencies"]:
        if any(kinds[i] in TAKES for i in dependency["inputs"]):
            arguments = ["PHOTO" if kinds[i] in TAKES else defaults[i] for i in dependency["inputs"]]
            found.append((dependency["api_name"] or dependency["id"], arguments))
    return found


def with_photo(arguments: list, payload: object) -> list:
    return [payload if value == "PHOTO" else value for value in arguments]


def run_unnamed(app, dependency: int | str, data: list) -> str:
    """What the page's own way of calling answers for a dependency by its number."""
    body = json.dumps({"data": data, "fn_index": dependency, "session_hash": "attack"}).encode()
    status, _, text = request(app, "POST", "/gradio_api/run/predict", body)
    return f"{status} {text}"


def test_every_endpoint_that_takes_a_photo_refuses_files_nobody_uploaded(app, private):
    found = endpoints(app)
    assert {"reconstruct", "swap", "pose_swap", "place", "video", "drive"} <= {name for name, _ in found}
    missing = private.with_name("no-such-file.jpg")
    for name, arguments in found:
        answers = [
            call(app, str(name), with_photo(arguments, {"path": str(path), **more})) if isinstance(name, str) else
            run_unnamed(app, name, with_photo(arguments, {"path": str(path), **more}))
            for path in (private, missing)
            for more in ({}, {"orig_name": "a.jpg"})
        ]  # fmt: skip
        assert all("event: error" in answer or answer[:1] in "45" for answer in answers), (name, answers)
        assert not any("box" in answer or "private" in answer or "no-such" in answer for answer in answers), (
            name,
            answers,
        )
        assert len(set(answers)) == 1, (name, answers)


def boxes(app) -> dict[int, int]:
    """Numbers of the events by which the page's photo and clip boxes read an upload -> how many inputs each has."""
    return {event["id"]: len(event["inputs"]) for event in uploads(app) if event["id"] != chips(app)["id"]}


def uploads(app) -> list[dict]:
    """The events that read uploads."""
    events = json.loads(request(app, "GET", "/config")[2])["dependencies"]
    return [event for event in events if any(name == "upload" for _, name in event["targets"])]


def chips(app) -> dict:
    """The event that reads the photos which come from the page of another checkpoint."""
    parts = json.loads(request(app, "GET", "/config")[2])["components"]
    (row,) = (part["id"] for part in parts if part["props"].get("elem_id") == "chips")
    return next(event for event in uploads(app) if event["targets"][0][0] == row)


def ask_box(app, event: int, count: int, data: object) -> str:
    """What a box answers to an event with any data and so many inputs, through the queue as the page asks."""
    inputs = [None] * count
    body = json.dumps({"data": inputs, "fn_index": event, "event_data": data, "session_hash": "attack"}).encode()
    status, _, text = request(app, "POST", "/gradio_api/run/predict", body)
    return f"{status} {text}"


def test_every_box_refuses_files_nobody_uploaded(app, private):
    assert len(boxes(app)) >= 5
    files = [str(private), str(private.with_name("no-such-file.jpg")), "/etc/hostname", "/dev/zero"]
    for event, count in boxes(app).items():
        found = [re.search('"error":"([^"]*)', ask_box(app, event, count, {"file": file})) for file in files]
        answers = {answer[1] for answer in found if answer}
        assert all(found)
        assert len(answers) == 1 and "not one of the uploaded photos" in answers.pop()  # nobody learns what there is
        for path in ("assets/gallery/00036_0.webp", ["a"], None, {}):
            answer = ask_box(app, event, count, {"file": path})
            assert "not one of the uploaded photos" in answer or answer[:1] in "45", answer
    assert "Traceback" not in app.log.read_text()


def test_photos_from_another_page_are_uploads_or_left_out(app, private):
    event = chips(app)
    for file in (
        str(private),
        str(private.with_name("no-such-file.jpg")),
        "/etc/hostname",
        "assets/gallery/00036_0.webp",
    ):
        answer = ask_box(app, event["id"], len(event["inputs"]), {"photos": [[file, 0]], "current": 0})
        assert answer.startswith("200") and "data:image" not in answer and file not in answer, answer
    assert "Traceback" not in app.log.read_text()


PAYLOADS = {
    "relative": {"path": "assets/explorer/README.md"},
    "dots": {"path": "../../../../../../../../../../etc/passwd"},
    "device": {"path": "/dev/zero"},
    "folder": {"path": "/"},
    "nul": {"path": "a\0b"},
    "long": {"path": "x" * 100_000},
    "empty": {"path": ""},
    "web address": {"path": "http://127.0.0.1:9/photo.jpg"},
    "web address with meta": {"path": "http://127.0.0.1:9/photo.jpg", "meta": META},
    "url": {"path": None, "url": "http://127.0.0.1:9/photo.jpg"},
    "url with meta": {"path": "/etc/hostname", "url": "http://127.0.0.1:9/photo.jpg", "meta": META},
    "file url": {"path": "file:///etc/passwd", "meta": META},
    "meta": {"path": "/etc/hostname", "meta": META},
    "stream": {"path": "/etc/hostname", "is_stream": True, "meta": META},
}


@pytest.mark.parametrize("payload", PAYLOADS.values(), ids=PAYLOADS)
def test_a_path_that_is_no_upload_is_refused(app, payload):
    answer = call(app, "reconstruct", [payload, 0])
    assert "event: error" in answer or answer.startswith("{"), answer
    assert "event: complete" not in answer and "Traceback" not in answer
    assert "Traceback" not in app.log.read_text()


def test_refused_in_plain_words(app, private):
    assert REFUSED.split(":")[0].capitalize() in call(app, "reconstruct", [{"path": str(private)}, 0])


def test_uploads_and_the_gallery_are_read(app, photos):
    client = Client(app.url, verbose=False, download_files=False)
    assert client.predict(photo=handle_file(photos["one.jpg"]), api_name="/reconstruct")[0]["faces"] == 1
    example = Path(__file__).parents[2] / "assets" / "gallery" / "00036_0.webp"
    assert "event: complete" in call(app, "place", [{"path": str(example)}, 0])


def test_an_upload_is_reached_by_its_unguessable_name_alone(app, photos):
    client = Client(app.url, verbose=False, download_files=False)
    client.predict(photo=handle_file(photos["smile.jpg"]), api_name="/place")
    folder = app.log.parent / "gradio"
    assert folder.is_dir() and any(folder.iterdir())
    for path in (folder, folder / "smile.jpg", folder / ("0" * 64) / "smile.jpg", f"{folder}/*/smile.jpg"):
        assert "event: error" in call(app, "reconstruct", [{"path": str(path)}, 0])
    status = request(app, "GET", f"/gradio_api/file={folder}")[0]
    assert status in (403, 404)


def test_links_out_of_the_folder_are_refused(tmp_path, private, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "uploads"))
    (tmp_path / "uploads").mkdir()
    inside, link = tmp_path / "uploads" / "a.jpg", tmp_path / "uploads" / "link.jpg"
    shutil.copy(private, inside)
    link.symlink_to(private)
    os.mkfifo(tmp_path / "uploads" / "pipe")
    assert uploaded_file(str(inside), []) == inside
    assert uploaded_file(str(private), [private.parent]) == private
    for path in (link, tmp_path / "uploads" / "pipe", tmp_path / "uploads", private, "", None):
        with pytest.raises(NotUploaded):
            uploaded_file(None if path is None else str(path), [])


def small_app(allowed: tuple[str, ...]) -> TestClient:
    inner = Starlette(
        routes=[Route("/", lambda _: PlainTextResponse("hello"))],
        middleware=[Middleware(AllowedHosts, allowed=allowed)],
    )
    return TestClient(inner, base_url="http://localhost")


@pytest.mark.parametrize(
    "host, status",
    [
        ("localhost:7860", 200), ("LOCALHOST", 200), ("127.0.0.1", 200), ("[::1]:7860", 200), ("192.168.1.7:80", 200),
        ("faces.example.org", 200), ("a.example.net", 200), ("example.net", 403), ("evil.example", 403),
        ("localhost.evil.example", 403), ("", 403), ("[::1", 403), ("127.0.0.1.nip.example", 403),
    ],
)  # fmt: skip
def test_unknown_host_names_are_refused(host, status, monkeypatch):
    monkeypatch.setenv(VARIABLE, "Faces.example.org, .example.net")
    assert small_app(allowed_hosts()).get("/", headers={"Host": host}).status_code == status


@pytest.mark.parametrize(
    "origin, status",
    [
        ("http://localhost:3000", 200), ("http://faces.example.org", 200), ("https://evil.example", 403), ("null", 403),
        ("http://192.168.1.9", 403), ("http://[", 403), ("", 403),
    ],
)  # fmt: skip
def test_pages_of_other_sites_may_not_call(origin, status, monkeypatch):
    monkeypatch.setenv(VARIABLE, "faces.example.org")
    assert small_app(allowed_hosts()).get("/", headers={"Origin": origin}).status_code == status


def test_a_space_answers_to_its_own_name(monkeypatch):
    monkeypatch.setenv("SPACE_HOST", "someone-latentface.hf.space")
    assert small_app(allowed_hosts()).get("/", headers={"Host": "someone-latentface.hf.space"}).status_code == 200


def test_any_name_where_that_is_wished():
    assert small_app(allowed_hosts(["*"])).get("/", headers={"Host": "whatever"}).status_code == 200


def test_host_name():
    assert (
        host_name("Example.ORG.:80") == "example.org" and host_name("[::1]:7860") == "::1" and host_name("a@b:1") == "b"
    )


def test_the_running_app_refuses_foreign_names(app):
    assert request(app, "GET", "/config", Host="evil.example")[0] == 403
    status, headers, _ = request(app, "GET", "/config", Origin="https://evil.example")
    assert status == 403 and "access-control-allow-origin" not in {name.lower() for name in headers}
    assert request(app, "GET", "/config")[0] == 200
