"""The lab of docs/teaching: its notebook is kept without outputs, and runs from nothing at its size `tiny`."""

import json
import re
import shlex
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from latentface.checkpoints import load_pipeline
from tests.helpers import ROOT
from train.__main__ import parse

NOTEBOOK = ROOT / "docs" / "teaching" / "lab.ipynb"


@pytest.fixture(scope="module")
def kept() -> nbformat.NotebookNode:
    return nbformat.read(NOTEBOOK, 4)


def test_it_is_kept_without_outputs(kept):
    for cell in kept.cells:
        assert cell.cell_type == "markdown" or (not cell.outputs and cell.execution_count is None), cell.source[:80]


def test_every_question_is_answered_before_the_next(kept):
    words = "\n".join(cell.source for cell in kept.cells)
    asked = re.findall(r"\*\*(Before|What you should see)\b[^*]*\*\*", words.split("## 0. Set up")[1])
    assert len(asked) >= 10 and asked == ["Before", "What you should see"] * (len(asked) // 2)


@pytest.fixture(scope="module")
def ran(kept, tmp_path_factory) -> tuple[nbformat.NotebookNode, Path]:
    """The notebook with its outputs, and the folder that it ran in."""
    folder = tmp_path_factory.mktemp("lab")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LATENTFACE_LAB", "tiny")
        patch.setenv("OMP_NUM_THREADS", "1")
        for name in ("JUPYTER_RUNTIME_DIR", "IPYTHONDIR"):
            patch.setenv(name, str(folder / name))
        where = {"metadata": {"path": str(folder)}}
        return NotebookClient(kept.copy(), timeout=300, kernel_name="python3", resources=where).execute(), folder


def outputs(book: nbformat.NotebookNode, kind: str) -> list[str]:
    """What all cells showed in one format."""
    shown = [output for cell in book.cells for output in cell.get("outputs", [])]
    return [output.data[kind] for output in shown if kind in output.get("data", {})]


@pytest.mark.slow
def test_it_trains_both_stages_twice(ran):
    for run, bump in (("stage1", 0.6), ("broken", -0.6)):
        about = json.loads((ran[1] / "lab" / run / "config.json").read_text())
        assert about["state"] == "ended" and about["config"]["model"].get("bump", 0.6) == bump
        assert about["command"].startswith("python -m train autoencoder --preset toy ")
    first, broken = (load_pipeline(ran[1] / "lab" / run / "pipeline") for run in ("stage2", "broken2"))
    assert first.autoencoder.config["bump"] != broken.autoencoder.config["bump"]


@pytest.mark.slow
def test_it_shows_pictures_curves_and_numbers(ran):
    book, folder = ran
    assert len(outputs(book, "image/png")) == 5
    charts = outputs(book, "text/html")
    assert len(charts) == 2 and all("Plotly.newPlot" in chart for chart in charts)
    assert not any(re.search(r"<script[^>]*\ssrc=", chart) for chart in charts)  # a room without a network
    tables = [text for text in outputs(book, "text/markdown") if "`concave`" in text]
    good, bad = (json.loads((folder / "lab" / f"{run}.json").read_text()) for run in ("stage1", "broken"))
    assert f"| `mad_deg` | {good['mad_deg']:.3f} |" in tables[0]
    assert f"| `mad_deg` | {good['mad_deg']:.3f} | {bad['mad_deg']:.3f} |" in tables[1]


@pytest.mark.slow
def test_its_commands_are_what_a_terminal_takes(ran):
    shown = [text for text in outputs(ran[0], "text/markdown") if text.startswith("```bash")]
    lines = [text.splitlines()[1] for text in shown]
    assert len(lines) == 9
    for line in lines:
        words = shlex.split(line)
        assert words[:3] == ["python", "-m", "train"] and parse(words[3:]).command == words[3]
    printed = "".join(out.text for out in ran[0].cells[-3].outputs if out.output_type == "stream")
    app = next(line for line in printed.splitlines() if line.startswith("python app.py"))
    named = shlex.split(app)[3::2]
    assert [Path(one).name for one in named] == ["stage2", "broken2", "stage1", "broken"]
    assert all(Path(one).is_dir() for one in named)
