"""The walk of docs/own-model.md, smaller: from nothing to a run of one's own in Maps, Disentangle and Training."""

import json
import re
import shlex
import shutil
from typing import Any

import gradio as gr
import pytest

import train.__main__
from app.ui import main as app_main
from tests.helpers import ROOT, gallery_file

SMALLER = (
    (r"people --people \d+ --frames \d+", "people --people 21 --frames 2 --workers 1"),
    (r"truth --people \d+", "truth --people 4 --workers 1"),
    (r"(train autoencoder .*)", r"\1 --images 128 --basis 48 --level 64 --align 32 --layout 16"),
    (r"(train rdm .*)", r"\1 --images 1000"),
    (r"(train gallery .*)", r"\1 --photos photos"),
)
"""Patterns in a command and what stands there in this test instead."""


def tab_of(page: gr.Blocks, name: str) -> str:
    """All that the page is told of one tab, as JSON."""
    tab: Any = next(block for block in page.blocks.values() if isinstance(block, gr.Tab) and block.label == name)
    inside, found = [tab], []
    while inside:
        block = inside.pop()
        found.append(block.get_config())
        inside += getattr(block, "children", [])
    return json.dumps(found, default=str)


@pytest.mark.slow
def test_the_walk(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    for person in range(3):  # so few are mapped without UMAP, whose compiler takes half a minute
        shutil.copy(gallery_file(person), tmp_path / "photos")
    pages: list[gr.Blocks] = []
    monkeypatch.setattr(gr.Blocks, "launch", lambda page, **_: pages.append(page))
    monkeypatch.setattr(gr.Blocks, "block_thread", lambda page: None)
    commands = re.findall(r"```bash\n(.*?)```", (ROOT / "docs" / "own-model.md").read_text(), re.S)[0]
    for line in commands.strip().splitlines():
        for pattern, instead in SMALLER:
            line = re.sub(pattern, instead, line)
        words = shlex.split(line)
        main = app_main if words[1] == "app.py" else train.__main__.main
        assert main(words[2 if main is app_main else 3 :]) == 0, line
    for name, said in (("Maps", "runs/stage2"), ("Disentangle", '["stage2", "stage2"]'), ("Training", "runs/stage2")):
        assert said in tab_of(pages[0], name), name
    matrix = json.loads((tmp_path / "runs/stage2/pipeline/leakage_test.json").read_text())
    assert matrix["truth_by"] == "engine" and "age_from_identity" in matrix
    assert "stage1" in tab_of(pages[0], "Training") and "4 parametric people" in tab_of(pages[0], "Disentangle")
