"""Tab Maps: a chosen face of the gallery, with its own photo beside what the model made of it."""

import pytest
import torch

from app.components.stage import stage_content
from app.session import Model, load
from app.tabs.maps import gallery_face


@pytest.fixture(scope="module")
def model() -> Model:
    return load()


@pytest.mark.parametrize("row", [0, 100])
def test_a_chosen_face_is_its_picture_and_that_pictures_codes(model, row):
    pictures, face = gallery_face(model, row)
    about = model.gallery.faces[row]
    assert face.name == f"Person {about['person']}, picture {about['frame']}" and face.name in pictures
    again = model.pipeline.encode(face.face.crop)
    assert torch.allclose(again.shape, face.face.codes.shape, atol=0.02)  # the gallery's are in half precision
    assert stage_content(model.pipeline, face)["face"]["error"] < 0.1
