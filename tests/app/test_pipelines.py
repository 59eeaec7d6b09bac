"""Loaded checkpoints: each once, one more than the pages hold, and newer weights read anew."""

import gc
import os
import weakref
from pathlib import Path

import pytest

from app.pipelines import Pipelines
from latentface.checkpoints import CheckpointError
from tests.helpers import tiny_pipeline


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> list[str]:
    made = [tmp_path_factory.mktemp("checkpoints") / name for name in "ab"]
    for seed, folder in enumerate(made):
        tiny_pipeline(seed).save_pretrained(folder)
    return [str(folder) for folder in made]


def test_what_a_page_holds_is_not_loaded_again(folders):
    pipelines = Pipelines()
    page = pipelines.page(folders[0])
    assert pipelines.beside(folders[0]) is page
    other = pipelines.beside(folders[1])
    assert other is not page and pipelines.page(folders[1]) is other


def test_one_more_is_held_and_let_go_of_for_the_next(folders):
    pipelines = Pipelines()
    first = weakref.ref(pipelines.beside(folders[0]))
    gc.collect()
    assert first() is not None  # held, though nobody else does
    page = pipelines.page(folders[1])
    gc.collect()
    assert first() is None and pipelines.beside(folders[1]) is page


def test_newer_weights_are_read_anew(folders):
    pipelines = Pipelines()
    before = pipelines.page(folders[0])
    file = next(Path(folders[0]).rglob("*.safetensors"))
    os.utime(file, ns=(10**18 * 2, 10**18 * 2))
    assert pipelines.page(folders[0]) is not before


def test_a_checkpoint_that_does_not_load_leaves_nothing(folders, tmp_path):
    pipelines = Pipelines()
    with pytest.raises(CheckpointError):
        pipelines.beside(str(tmp_path / "none"))
    assert pipelines.beside(folders[0]) is not None


def test_the_others_are_all_but_the_pages_own(folders):
    pipelines = Pipelines()
    pipelines.offered = [*folders, "explorer"]
    assert pipelines.others(folders[0] + "/") == [folders[1], "explorer"]
