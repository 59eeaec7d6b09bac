"""The photo input is gradio's image input to the page, its settings and first photo included."""

import gradio as gr
import pytest

from app.components.photo_input import photo_input
from app.session import Model, load


@pytest.fixture(scope="module")
def model() -> Model:
    return load()


def test_the_page_gets_what_gradios_own_input_gives_it(model):
    path = str(model.gallery.picture(0))
    gr.set_static_paths([model.gallery.folder])
    with gr.Blocks():
        own = photo_input(model, "Photo", path, "one").get_config()
        plain = gr.Image(path, type="filepath", label="Photo", buttons=["fullscreen"]).get_config()
    assert set(plain) <= set(own) and "folders" not in own
    for key in ("value", "label", "buttons", "type", "image_mode", "show_label"):
        assert own[key] == plain[key] and own[key] is not None, key
    assert own["value"]["path"] == path and own["elem_id"] == "one"
