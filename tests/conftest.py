"""One really launched app for all tests that need it: `python app.py` on a free port, with the bundled checkpoint."""

import gc
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import numpy as np
import pytest
from PIL import Image

from app.stubs import leave_out
from tests.ready_python import ready_python

gc.disable()  # until all tests are imported: collecting garbage is a sixth of that
os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # before torch: two runs at once must not spin on shared cores
leave_out()

ROOT = Path(__file__).parent.parent
START_SECONDS = 300


@dataclass
class App:
    """A running app."""

    url: str
    log: Path
    """What it has written to stdout and stderr."""


@pytest.fixture(scope="session")
def app(tmp_path_factory) -> App:
    """The app, started once a test session and stopped at its end; its temporary files go to a folder of the tests."""
    folder = tmp_path_factory.mktemp("app")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = folder / "app.log"
    environment = {**os.environ, "GRADIO_TEMP_DIR": str(folder / "gradio")}
    with log.open("w") as stream:
        command = [sys.executable, "app.py", "--port", str(port)]
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=stream, stderr=stream)
    url = f"http://127.0.0.1:{port}/"
    try:
        for _ in range(START_SECONDS * 5):
            if process.poll() is not None:
                pytest.fail(f"the app stopped with code {process.returncode}:\n{log.read_text()}")
            try:
                urlopen(url, timeout=5).close()
                break
            except (URLError, OSError):
                time.sleep(0.2)
        else:
            pytest.fail(f"the app did not answer within {START_SECONDS} s:\n{log.read_text()}")
        yield App(url, log)
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()


@pytest.fixture(scope="session")
def python(tmp_path_factory) -> Iterator[str]:
    """What starts a program as `python` does, without its imports: see tests/ready_python.py."""
    with ready_python(tmp_path_factory.mktemp("python")) as python:
        yield python


def face_picture(person: int, frame: int = 0) -> Image.Image:
    """A picture of the bundled gallery: a person who does not exist."""
    return Image.open(ROOT / "assets" / "gallery" / f"{person:05d}_{frame}.webp").convert("RGB")


@pytest.fixture(scope="session")
def photos(tmp_path_factory) -> dict[str, Path]:
    """Files that visitors bring, good and bad."""
    folder = tmp_path_factory.mktemp("photos")
    files = {
        name: folder / name
        for name in ("one.jpg", "smile.jpg", "two.jpg", "turned.jpg", "text.jpg", "empty.jpg", "noise.png", "huge.png")
    }
    one = Image.new("RGB", (480, 360), (120, 130, 125))
    one.paste(face_picture(36).resize((220, 220)), (130, 70))
    one.save(files["one.jpg"], quality=92)
    face_picture(372, 4).resize((320, 320)).save(files["smile.jpg"], quality=92)
    two = Image.new("RGB", (700, 400), (120, 130, 125))
    two.paste(face_picture(36).resize((280, 280)), (40, 60))
    two.paste(face_picture(73).resize((200, 200)), (440, 100))
    two.save(files["two.jpg"], quality=92)
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held on its side
    one.transpose(Image.Transpose.ROTATE_90).save(files["turned.jpg"], quality=92, exif=exif)
    files["text.jpg"].write_text("I am not a photo.\n")
    files["empty.jpg"].touch()
    noise = np.random.default_rng(0).integers(0, 256, (300, 300, 3), dtype=np.uint8)
    Image.fromarray(noise).save(files["noise.png"])
    Image.new("1", (12_000, 12_000)).save(files["huge.png"])
    return files


def pytest_collection_finish() -> None:
    """Collect garbage again, but no more among the half a million objects that the imports made."""
    gc.freeze()
    gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put long files first, by turns one that waits for a browser and one that computes, and short ones last.

    So two processes share the machine well, and none is left alone with a long file at the end.
    """
    files: dict[Path, list[pytest.Item]] = {}
    for item in items:
        files.setdefault(item.path, []).append(item)
    slow = {path: sum(bool(item.get_closest_marker("slow")) for item in found) for path, found in files.items()}
    browser = [path for path, found in files.items() if any(item.get_closest_marker("browser") for item in found)]
    computing = sorted({path for path in files if slow[path]} - {*browser}, key=lambda path: (-slow[path], path))
    turns = [path for pair in zip_longest(browser, computing) for path in pair if path]
    items[:] = [item for path in dict.fromkeys([*turns, *files]) for item in files[path]]
