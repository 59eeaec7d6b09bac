"""The swap of poses in Compare and its endpoint, with a tiny PCL model and with none."""

from collections.abc import Callable
from dataclasses import replace

import gradio as gr
import numpy as np
import pytest
import torch

from app import api
from app.components.pose_swap import pose_swap as build_swap
from app.session import Model, load, open_session
from app.tabs import TABS
from app.ui import build
from latentface.pcl import PCL

NAMES = ["swap", "face", "pose", "face_rebuilt", "pose_rebuilt", "mirrored_pose"]


@pytest.fixture(scope="module")
def model() -> Model:
    torch.manual_seed(0)
    return replace(load(), pcl=PCL(size=32, width=8).eval())


def endpoints(model: Model) -> dict:
    """Name -> function of all endpoints."""
    with gr.Blocks() as demo:
        api.build(model)
    return {f.api_name: f.fn for f in demo.fns.values()}


def pose_swap(model: Model) -> Callable:
    """The function behind the endpoint /pose_swap."""
    return endpoints(model)["pose_swap"]


def parts(model: Model) -> set[str]:
    """Ids on the page."""
    return {str(block.elem_id) for block in build(model, [tab for tab in TABS if tab.id == "compare"]).blocks.values()}


def test_the_endpoint_gives_a_report_and_pictures(model, photos):
    one, smile = (str(photos[name]) for name in ("one.jpg", "smile.jpg"))
    about, pictures = pose_swap(model)(one, smile)
    assert about["face"]["file"] == "one.jpg" and about["pose"]["file"] == "smile.jpg" and about["face"]["faces"] == 1
    assert [name for _, name in pictures] == NAMES
    found = {name: image for image, name in pictures}
    assert all(image.shape == (256, 256, 3) and image.dtype == np.uint8 for image in found.values())
    a, b = model.read(one), model.read(smile)
    with torch.no_grad():
        expected = model.pcl.swap(a.crop, b.crop)[0]
    middle = found["swap"][4::8, 4::8].astype(float)  # 32 pixels enlarged eight times
    assert np.abs(middle - (expected.permute(1, 2, 0).numpy() + 1) * 127.5).mean() < 6
    for one, two in (
        ("swap", "face_rebuilt"),
        ("swap", "pose_rebuilt"),
        ("face", "pose"),
        ("face_rebuilt", "mirrored_pose"),
    ):
        assert not np.array_equal(found[one], found[two]), (one, two)


def test_the_part_opens_with_a_swap(model):
    with gr.Blocks() as demo:
        build_swap(open_session(model), model.pcl)
    text = " ".join(str(block.value) for block in demo.blocks.values() if isinstance(block, gr.HTML))
    assert "A at B&#x27;s pose" in text and "A, rebuilt" in text and text.count("<img") == 6


def test_part_and_endpoint_come_with_the_checkpoint(model):
    none = replace(model, pcl=None)
    assert set(endpoints(model)) - set(endpoints(none)) == {"pose_swap"}
    assert "pose-swapped" in parts(model) and "pose-swapped" not in parts(none) and "compare" in parts(none)


def test_a_missing_photo_gets_a_plain_sentence(model, photos):
    with pytest.raises(gr.Error, match="missing: send one"):
        pose_swap(model)(str(photos["one.jpg"]), None)
