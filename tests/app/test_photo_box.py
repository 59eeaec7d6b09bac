"""The photo box: what it shows for a face, for a group and after a failure, and which paths it takes."""

import shutil

import gradio as gr
import pytest
from gradio.utils import get_upload_folder

from app.components.face_notes import written
from app.components.photo_box import another, content, photo_box, settled, upload
from app.session import Model, load, open_session


@pytest.fixture(scope="module")
def model() -> Model:
    return load()


def test_the_box_shows_the_face_it_holds(model, photos):
    example, group = content(model.example(2)), content(model.look(photos["two.jpg"], None, 1))
    assert (example["example"], example["own"], example["name"]) == (2, False, "Example 3")
    assert (group["example"], group["own"], group["chosen"], len(group["faces"])) == (None, True, 0, 2)
    assert all(0 <= edge <= 100 for box in group["faces"] for edge in box)


def test_a_failure_keeps_face_and_faces_and_says_why(model, photos):
    now = model.example(0)
    for name, words in (("text.jpg", "not a photo"), ("noise.png", "No face was found")):
        value, face, faces = settled(lambda name=name: model.look(photos[name], None, 1), now, [])
        assert words in value["error"] and value["picture"] == content(now)["picture"]
        assert face == faces == gr.skip()
    value, face, faces = settled(lambda: model.look(photos["one.jpg"], None, 1), now, [])
    assert value["error"] == "" and faces == [face] and face.name == "Photo 1"


def test_another_face_that_was_there_before_is_not_read_again(model, photos):
    first = model.look(photos["two.jpg"], None, 1)
    second = another(model, first, [first], 1)
    assert another(model, second, [second, first], 0) is first and another(model, first, [second, first], 1) is second
    for index in (None, "1", 1.0, True, 7, -1, [1]):
        with pytest.raises(gr.Error):
            another(model, first, [first], index)
    with pytest.raises(gr.Error):
        another(model, model.make(first.face.codes, "Made"), [], 0)


@pytest.mark.parametrize("path", [None, 3, ["a"], "", "/etc/hostname", "assets/gallery/00000_0.webp", "a\0b"])
def test_a_path_that_is_no_upload_is_refused(path):
    with pytest.raises(gr.Error, match="not one of the uploaded photos"):
        upload(path)


def test_an_upload_is_taken(photos, tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "gradio"))
    folder = tmp_path / "gradio" / "abc"
    folder.mkdir(parents=True)
    assert str(folder).startswith(str(get_upload_folder()))
    file = shutil.copy(photos["one.jpg"], folder)
    assert upload(str(file)).samefile(file)


def test_notes_name_their_face_where_there_are_two(model, photos):
    group, example = model.look(photos["two.jpg"], None, 1), model.example(0)
    assert written(example) == "" and written(group).startswith("<p>2 faces are in this photo")
    assert written(example, group).startswith("<p>Photo 1, face 1: 2 faces")


def test_a_visitor_can_stop_what_is_being_read(model):
    with gr.Blocks() as page:
        session = open_session(model)
        box = photo_box(session, session.shown, "Your photo", "photo")
    events = {
        event: function for function in page.fns.values() for target, event in function.targets if target == box._id
    }
    assert set(events["stop"].cancels) == {events["upload"]._id, events["select"]._id}
