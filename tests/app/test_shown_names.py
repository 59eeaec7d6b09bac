"""What every browser is told of a page with checkpoints and runs of one's own: their names, not where they lie."""

import json
from dataclasses import replace
from pathlib import Path

import gradio as gr

from app.components.two_checkpoints import two_checkpoints
from app.pipelines import PIPELINES
from app.run_folder import RunFolder
from app.session import load, open_session
from app.tabs import disentangle, maps, training
from app.ui import choices
from latentface.checkpoints import ASSETS
from tests.app.test_run_folder import write_run


def test_no_path_of_this_machine_is_in_the_page(tmp_path, monkeypatch):
    runs = [tmp_path / "ann" / "first", tmp_path / "ann" / "second"]
    for run in runs:
        write_run(run)
        (run / "pipeline").mkdir()
        (run / "pipeline" / "model_index.json").write_text("{}")
    (runs[0] / "pipeline" / "leakage.json").write_bytes((ASSETS / "explorer" / "leakage_test.json").read_bytes())
    monkeypatch.setattr(PIPELINES, "offered", [*map(str, runs), "explorer"])
    own = replace(load(), checkpoint=str(runs[0]))
    with gr.Blocks() as demo:
        session = open_session(own, [RunFolder(run) for run in runs])
        for build in (training.build, disentangle.build, maps.build, two_checkpoints):
            build(session)
    told = json.dumps(demo.get_config_file(), default=str)
    assert str(tmp_path) not in told and "ann/second" in told and "first, and beside it" in told
    pages = choices(str(runs[0]), {"second": str(runs[1])}, str(runs[0]))
    assert [page.name for page in pages] == ["first", "second"]
    assert not any(Path(page.name).is_absolute() for page in pages)
