"""Every light file of the corpus gives a result or one clear line; `python -m tests.attacks` has all of them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from gradio_client import Client, handle_file

from latentface.checkpoints import load_pipeline
from latentface.photo import MAX_SIDE, read_photo
from latentface.video import SHOWN_SIDE, frames, inspect
from tests.attacks.corpus import ARGUMENTS, CLIP, PHOTO, Item, corpus, damaged
from tests.attacks.fuzz import TARGETS
from tests.attacks.ways import MB, SECONDS, WAYS, called
from tests.helpers import tiny_pipeline
from train.data.import_layout import given_factors, list_files, plan
from train.data.reading import read_shards, stream_clips
from train.data.shards import ShardsError
from train.data.spread import spread


def photo(path: Path) -> None:
    pixels = read_photo(path)
    assert pixels.dtype == np.uint8 and pixels.ndim == 3 and 0 < max(pixels.shape) <= MAX_SIDE


def clip(path: Path) -> None:
    about = inspect(path)
    for number, frame in enumerate(frames(path)):
        assert frame.image.ndim == 3 and max(frame.image.shape) <= SHOWN_SIDE and 0 <= frame.second <= 600
        if number > 5:
            break
    assert about.count >= 2


def source(path: Path) -> None:
    files, _ = list_files(path, path.parent / "unpacked")
    taken = [file for file in files if file.is_photo]
    if not taken:
        raise ShardsError("no images")
    plan(taken, "auto", given_factors(path), 16)


def shards(path: Path) -> None:
    assert len(read_shards(path, 16).factors) == 2
    assert len(list(stream_clips(path, 16, truth=True))) == 1
    assert spread(path)


def checkpoint(path: Path) -> None:
    pipeline = load_pipeline(path)
    assert all(torch.isfinite(weight).all() for weight in pipeline.denoiser.state_dict().values())


READERS: dict[str, Callable[[Path], None]] = {
    "photo": photo, "clip": clip, "source": source, "shards": shards, "checkpoint": checkpoint
}  # fmt: skip
READ = {
    "photo": {"AVIF", "HEIC", "JPEG: CMYK", "JPEG: orientation 99", "JPEG: EXIF of random bytes",
              "JPEG: a ZIP behind it", "PNG: 16 bits", "PNG: animation of 1,000 pictures",
              "name in another script", "name of 200 letters",
              "JPEG: profile of random bytes", "PNG: one pixel", "PNG: 4,000 x 1"},
    "clip": {"whole", "10 bits"},
    "source": {"tar with /"},
    "shards": {"whole", "hidden file of a Mac"},
    "checkpoint": {"whole", "config: auto_map", "index: code file"},
}  # fmt: skip
"""What must be read; all else may be, or is refused."""
REFUSED = [
    ("photo", "text"),
    ("clip", "empty"),
    ("source", "empty tar"),
    ("shards", "tar of random bytes"),
    ("checkpoint", "weights: gone"),
]
"""A file of each group that goes by all its ways: the others take one way here; `python -m tests.attacks` has all."""
BUSY = 20
"""A machine that does much else may take so many times as long."""
ALL = corpus()
LIGHT = [item for item in ALL if not item.heavy]


@pytest.fixture(scope="module", autouse=True)
def small(tmp_path_factory) -> Path:
    """A small checkpoint; all that is loaded once is loaded, so that memory is a file's own."""
    folder = tmp_path_factory.mktemp("warm")
    tiny_pipeline().save_pretrained(folder / "small")
    for group, name in (("photo", "HEIC"), ("clip", "whole"), ("shards", "whole"), ("checkpoint", "whole")):
        (folder / group).mkdir()
        item = next(item for item in LIGHT if item.group == group and item.name == name)
        READERS[group](item.make(folder / group))
    return folder / "small"


def test_there_are_many_files_of_every_kind():
    assert len(ALL) >= 200 and {item.group for item in ALL} == set(READERS)
    for group, names in READ.items():
        assert names <= {item.name for item in LIGHT if item.group == group}


@pytest.mark.parametrize("item", LIGHT, ids=lambda item: f"{item.group}: {item.name}"[:60])
def test_a_file_is_read_or_refused_in_one_line(item: Item, tmp_path):
    path = item.make(tmp_path)

    def read() -> int:
        try:
            READERS[item.group](path)
        except ValueError as error:  # what every command prints as one line; anything else is a fault
            said = str(error)
            assert said and "\n" not in said and len(said) < 600 and item.name not in READ[item.group], said
            return 2
        return 0

    made = called(read)
    assert made.code in (0, 2) and "Traceback" not in made.said, made.said
    assert made.seconds < BUSY * SECONDS and made.mb < MB


@pytest.mark.parametrize("group, name", REFUSED)
def test_a_file_that_is_refused_is_one_line_by_every_way_in(group, name, tmp_path, small):
    item = next(item for item in LIGHT if item.group == group and item.name == name)
    path = item.make(tmp_path)
    for number, (way, enter) in enumerate(WAYS[group].items()):
        made = enter(group, path, tmp_path / f"out{number}", small)
        lines = made.said.splitlines()
        assert not made.fault and made.code == 2 and all(len(line) < 600 for line in lines), (way, made)
        assert len(lines) == 1 or way == "trainer", (way, made)  # an import tells the reason of each file that it drops
        assert made.seconds < BUSY * SECONDS and made.mb < MB, (way, made)


@pytest.mark.parametrize("name", ["photos", "clips", "uploads", "checkpoints"])
def test_the_fuzzer_takes_whole_and_damaged_files(name):
    threads = torch.get_num_threads()
    try:
        target, seeds = TARGETS[name]()
        files = seeds()
        for number, data in enumerate(files):
            target(data)
            target(data[:1] + damaged(data[1:], number) if len(data) > 80 else data[:5])
    finally:
        torch.set_num_threads(threads)
    assert len(files) >= 5


@pytest.mark.slow
def test_arguments_of_every_endpoint_are_answered_or_refused_in_words(app, photos):
    client = Client(app.url, verbose=False, download_files=False)
    for endpoint, arguments in ARGUMENTS:
        if CLIP in arguments:
            continue
        given = [
            handle_file(photos["smile.jpg"]) if one == PHOTO and isinstance(one, str) else one for one in arguments
        ]
        try:
            client.predict(*given, api_name=f"/{endpoint}")
        except Exception as error:
            assert "Traceback" not in str(error) and str(error), (endpoint, arguments)
    assert "Traceback" not in app.log.read_text()
