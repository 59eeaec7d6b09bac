"""What visitors send lies in a folder of the app's own and is gone with it, however it ends."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.request import urlopen

import pytest
from gradio_client import Client, handle_file

from app.own_folder import LOCK, PREFIX, VARIABLE, NoFolder, OwnFolder, sweep_old
from tests.conftest import ROOT, face_picture
from tests.latentface.test_plain import HEIC, MARK, told
from tests.latentface.test_video import film

HOLD = """
import signal, sys, time
from pathlib import Path
from app.own_folder import OwnFolder
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
own = OwnFolder(); own.use()
(own.path / "photo.jpg").write_text("a face")
print(own.path, flush=True)
if sys.argv[1:] != ["end"]:
    try:
        time.sleep(60)
    except KeyboardInterrupt:
        pass
"""


def started(base: Path, *arguments: str) -> tuple[subprocess.Popen, Path]:
    """A process with an own folder in `base`, and the folder."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, *arguments], cwd=ROOT, env={**os.environ, VARIABLE: str(base)},
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    return process, Path(process.stdout.readline().strip())


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, None])
def test_gone_at_the_end(tmp_path, how):
    process, folder = started(tmp_path, *([] if how else ["end"]))
    assert folder.parent == tmp_path
    if how:
        process.send_signal(how)
    process.wait(20)
    assert not list(tmp_path.iterdir())


def test_swept_after_a_kill_and_a_living_one_is_left(tmp_path):
    killed, left = started(tmp_path)
    living, kept = started(tmp_path)
    try:
        killed.kill()
        killed.wait(20)
        assert (left / "photo.jpg").exists()
        own = OwnFolder(tmp_path)
        assert not left.exists() and (kept / "photo.jpg").exists() and own.path.stat().st_mode & 0o077 == 0
        own.delete()
    finally:
        living.kill()
        living.wait(20)


def test_a_copy_of_the_process_that_ends_leaves_the_folder(tmp_path):
    script = (
        "import os, signal\nfrom app.own_folder import OwnFolder\nown = OwnFolder(); own.use()\n"
        "child = os.fork()\n"
        "if not child: signal.raise_signal(signal.SIGTERM)\n"
        "print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), own.path.exists())"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={**os.environ, VARIABLE: str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.stdout == "143 True\n" and not list(tmp_path.iterdir())


def test_what_is_left_behind_is_swept_by_age(tmp_path):
    for name in ("clip-old", "clip-new"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "films.mp4").touch()
    os.utime(tmp_path / "clip-old", (0, 0))
    sweep_old(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["clip-new"]


def test_uploads_and_downloads_are_swept_by_age(tmp_path):
    for name in ("0ld", "new", "b0th"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "photo.jpg").touch()
    (tmp_path / "b0th" / "old.jpg").touch()
    (tmp_path / LOCK).touch()
    for old in ("0ld/photo.jpg", "b0th/old.jpg", LOCK):
        os.utime(tmp_path / old, (0, 0))
    sweep_old(tmp_path)
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")) == [
        "b0th", "b0th/photo.jpg", LOCK, "new", "new/photo.jpg",
    ]  # fmt: skip


def test_an_unwritable_folder_is_one_line(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(NoFolder, match=f"set {VARIABLE}"):
        OwnFolder(tmp_path / "file" / "below")


NAME = "Maria-Musterfrau"
"""In the names of a visitor's files."""


def visit(url: str, folder: Path, kept: Path) -> None:
    """Bring photos and a clip with places in them, look at one, and find in the folder what may lie there."""
    place = told(1)
    photo = face_picture(36).resize((256, 256))
    photo.save(folder / f"{NAME}.jpg", exif=place, comment=MARK)
    (folder / f"{NAME}.heic").write_bytes(HEIC.read_bytes())
    clip = film(folder / f"{NAME}.mkv", [photo] * 3)
    clip.write_bytes(clip.read_bytes() + b"\x12\x54\xc3\x67\x86" + MARK)  # a tag
    client = Client(url, verbose=False, download_files=False)
    report = client.predict(handle_file(folder / f"{NAME}.jpg"), api_name="/reconstruct")[0]
    assert report["faces"] == 1
    assert client.predict(handle_file(folder / f"{NAME}.heic"), api_name="/place")
    assert client.predict(handle_file(clip), api_name="/video")[0]["frames"] == 3
    lie = [path for path in kept.rglob("*") if path.is_file()]
    assert {f"{NAME}.jpg", f"{NAME}.heic", f"{NAME}.mkv"} <= {path.name for path in lie}
    assert not [path for path in lie if MARK in path.read_bytes()]
    assert NAME not in urlopen(f"{url}config", timeout=60).read().decode()


@pytest.mark.slow
def test_the_app_starts_behind_proxies_and_leaves_nothing_of_a_visitor(tmp_path):
    proxies = {"HTTP_PROXY": "http://127.0.0.1:9", "ALL_PROXY": "socks5://127.0.0.1:9"}
    log, own = tmp_path / "log", tmp_path / "temp"
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with log.open("w") as stream:
        process = subprocess.Popen(
            [sys.executable, "app.py", "--port", str(port)], cwd=ROOT, stdout=stream, stderr=stream,
            env={**os.environ, **proxies, VARIABLE: str(own)},
        )  # fmt: skip
    try:
        while "Running on" not in log.read_text():
            assert process.poll() is None, log.read_text()
            time.sleep(0.2)
        assert [path.name.startswith(PREFIX) for path in own.iterdir()] == [True]
        visit(f"http://127.0.0.1:{port}/", tmp_path, own)
    finally:
        process.terminate()
        process.wait(60)
    said = log.read_text()
    assert not list(own.iterdir()) and "Traceback" not in said
    assert NAME not in said and str(own) not in said and MARK.decode() not in said
