"""What is being fetched is never cut by somebody else's equal answer."""

import os
import time
from threading import Event, Thread

import gradio as gr
import numpy as np

from app.whole_files import use, write_whole


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


def test_gradios_pictures_are_written_so_and_age_anew(tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    use()
    gallery = gr.Gallery(format="png")
    picture = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    first = gallery.postprocess([(picture, "a")]).root[0].image.path
    inode = os.stat(first).st_ino
    os.utime(first, (0, 0))
    assert gallery.postprocess([(picture, "a")]).root[0].image.path == first
    assert os.stat(first).st_ino == inode and os.stat(first).st_mtime > 0
    other = gallery.postprocess([(picture + 1, "a")]).root[0].image.path
    assert other != first
