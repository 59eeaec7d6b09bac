"""What is being fetched is never cut by somebody else's equal answer."""

import hashlib
import os
import time
from threading import Event, Thread

import gradio as gr
import numpy as np
from gradio.processing_utils import hash_seed
from PIL import Image

from app.whole_files import use, write_picture, write_whole


def test_a_file_that_is_read_stays_whole_while_it_is_written_again(tmp_path):
    data, ended, lengths = os.urandom(400_000), Event(), set()
    path = write_whole(data, "picture.png", tmp_path)

    def read() -> None:
        while not ended.is_set():
            with open(path, "rb") as file:
                lengths.add(len(file.read()))

    reader = Thread(target=read)
    reader.start()
    began = time.monotonic()
    while time.monotonic() - began < 0.3:
        assert write_whole(data, "picture.png", tmp_path) == path
    ended.set()
    reader.join()
    assert lengths == {len(data)} and [file.name for file in tmp_path.rglob("*.*")] == ["picture.png"]


def test_what_is_in_a_file_does_not_tell_where_it_lies(tmp_path):
    folder = os.path.basename(os.path.dirname(write_whole(b"a face", "face.glb", tmp_path)))
    assert folder != hashlib.sha256(b"a face").hexdigest()
    assert folder == hashlib.sha256(hash_seed + b"a face").hexdigest() and len(hash_seed) >= 32


def test_a_file_that_is_swept_meanwhile_is_written_anew(tmp_path):
    ended = Event()
    path = write_whole(b"a face", "face.glb", tmp_path)

    def sweep() -> None:
        while not ended.is_set():
            try:
                os.remove(path)
            except FileNotFoundError:
                continue

    sweeper = Thread(target=sweep)
    sweeper.start()
    try:
        for _ in range(2000):
            assert write_whole(b"a face", "face.glb", tmp_path) == path
    finally:
        ended.set()
        sweeper.join()


def test_gradios_pictures_are_written_so_and_age_anew(tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    use()
    gallery = gr.Gallery(format="png")
    picture = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)

    def shown(picture: np.ndarray) -> str:
        return gallery.postprocess([(picture, "a")]).model_dump()[0]["image"]["path"]

    first = shown(picture)
    inode = os.stat(first).st_ino
    os.utime(first, (0, 0))
    assert shown(picture) == first
    assert os.stat(first).st_ino == inode and os.stat(first).st_mtime > 0
    assert shown(picture + 1) != first


def test_a_png_that_is_written_sooner_has_the_same_pixels(tmp_path):
    picture = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    path = write_picture(Image.fromarray(picture), str(tmp_path), format="png")
    assert path.endswith("image.png") and np.array_equal(np.asarray(Image.open(path)), picture)
