"""Gradio is imported without writing type stubs beside components."""

import subprocess
import sys

from tests.helpers import ROOT

COMPONENT = """
import gradio as gr

class Own(gr.HTML):
    EVENTS = ["poked"]
"""


def test_no_stub_is_written_and_components_work(tmp_path):
    (tmp_path / "component.py").write_text(COMPONENT)
    script = (
        "import sys; from app.stubs import leave_out; leave_out(); leave_out(); sys.path.append(sys.argv[1])\n"
        "import component, gradio as gr\n"
        "with gr.Blocks(): print(component.Own('a').poked, gr.HTML('b').value, len(sys.meta_path))"
    )
    done = subprocess.run([sys.executable, "-c", script, tmp_path], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0 and " b " in done.stdout, done.stderr
    assert not list(tmp_path.glob("*.pyi"))
