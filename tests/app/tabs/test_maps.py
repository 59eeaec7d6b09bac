"""Tab Maps: a chosen face of the gallery, with its own photo beside what the model made of it."""

from contextlib import ExitStack
from copy import copy

import gradio as gr
import pytest
import torch

from app.components.atlas import made_by
from app.components.stage import stage_content
from app.session import Model, load, open_session
from app.tabs import maps
from app.tabs.maps import gallery_face, rows_of, stars, steadiness
from latentface.gallery import MAPS
from latentface.pcl_maps import PCL_MAPS


@pytest.fixture(scope="module")
def model() -> Model:
    return load()


@pytest.mark.parametrize("row", [0, -1])
def test_a_chosen_face_is_its_picture_and_that_pictures_codes(model, row):
    row = range(len(model.gallery.faces))[row]
    pictures, face = gallery_face(model, row)
    about = model.gallery.faces[row]
    assert face.name == f"Person {about['person']}, picture {about['frame']}" and face.name in pictures
    again = model.pipeline.encode(face.face.crop)
    assert torch.allclose(again.shape, face.face.codes.shape, atol=0.02)  # the gallery's are in half precision
    assert stage_content(model.pipeline, face)["face"]["error"] < 0.1


def test_places_on_both_layouts_lie_on_the_map(model):
    row = sorted(model.gallery.singles)[0]
    _, face = gallery_face(model, row)
    star = stars(model, face, [])["stars"][0]
    for method in ("umap", "pca"):
        assert set(star["places"][method]) == {*MAPS, *PCL_MAPS}
        assert all(-0.2 <= value <= 1.2 for xy in star["places"][method].values() for value in xy)
    assert star["places"]["umap"]["shape"] == pytest.approx(model.gallery.coordinates["shape"][row].tolist(), abs=0.05)


def test_a_face_that_is_also_a_visitors_own_is_one_star(model):
    faces = [gallery_face(model, row)[1] for row in (0, 1)]
    assert [star["name"] for star in stars(model, faces[0], faces)["stars"]] == [face.name for face in faces]


@pytest.mark.parametrize("rows", [None, "all", [-1], [10**9], [1.5], [True], [[0]], [0] * 10**5])
def test_rows_that_are_none_are_refused(model, rows):
    with pytest.raises(gr.Error, match="not on the map"):
        rows_of(model, rows)


def test_photos_of_one_person_are_told_from_two(model):
    first = gallery_face(model, 0)[1]
    person = model.gallery.faces[0]["person"]
    other = next(i for i, face in enumerate(model.gallery.faces) if face["person"] != person)
    for row, whose in ((1, "one person"), (other, "two people")):
        _, said = steadiness(model, [first, gallery_face(model, row)[1]])
        identity = next(line for line in said.split("<li>") if line.startswith("Identity"))
        assert f"as between pictures of {whose}" in identity


def test_a_lasso_finds_a_place_or_is_told_to_come_again(model):
    with gr.Blocks() as demo:
        maps.build(open_session(model))
    take = next(
        fn.fn for fn in demo.fns.values() if "connect_lasso.<locals>.take" in getattr(fn.fn, "__qualname__", "")
    )
    assert take is not None
    lasso = gr.EventData(None, {"rows": [0, 1]})
    with ExitStack() as taken:
        for _ in range(4):
            taken.enter_context(maps.in_turn())
        with pytest.raises(gr.Error, match="Many select at this moment"):
            take(lasso)
    assert take(lasso)[2].name == "Average of 2 pictures"


@pytest.mark.parametrize(
    ("record", "further"),
    [({"data": "x", "config": 3}, {"a": 1}), ({"config": {"umap": []}}, None), ({}, {"command": 1})],
)
def test_the_caption_of_a_gallery_with_an_odd_record_is_a_sentence(model, record, further):
    odd = copy(model.gallery)
    odd.record, odd.further = record, further
    assert made_by(odd, "Maps").startswith("Maps · data: ") and "3-D" not in made_by(odd, "Maps")
