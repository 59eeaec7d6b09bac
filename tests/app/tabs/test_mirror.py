"""Tab Mirror: what a stranger may send, and who wears the expression."""

import base64
import io

import pytest
from PIL import Image

from app.session import Model, load
from app.tabs.mirror import JPEG, MAX_FRAME, Live, frame_of, own_faces, wearer, wish_of
from latentface.mirror import Wish
from latentface.photo import PhotoError, read_photo


@pytest.fixture(scope="module")
def model() -> Model:
    return load()


def test_a_wish_is_read_and_what_makes_no_sense_is_left_out():
    assert wish_of({"show": "rest", "turn": [10, -5.5], "light": [0.5, -3]}) == Wish("rest", (10, -5.5), (0.5, -1.0))
    for wrong in (None, "x", [1], [1, "2"], [float("nan"), 0], [1, float("inf")], {"a": 1}, [True, False]):
        assert wish_of({"show": wrong, "turn": wrong, "light": wrong}) == Wish()


def test_a_frame_is_a_small_jpeg_and_nothing_else():
    buffer = io.BytesIO()
    Image.new("RGB", (32, 24), "red").save(buffer, "JPEG")
    good = JPEG + base64.b64encode(buffer.getvalue()).decode()
    assert read_photo(frame_of({"frame": good})).shape == (24, 32, 3)
    for wrong in (None, 3, "", "/etc/hostname", "data:image/png;base64,AAAA", JPEG + "%%%", JPEG + "A" * MAX_FRAME):
        with pytest.raises(PhotoError):
            frame_of({"frame": wrong})
    with pytest.raises(PhotoError):
        read_photo(frame_of({"frame": JPEG + base64.b64encode(b"no picture").decode()}))


def test_the_wearer_is_an_own_face_or_an_example(model):
    own = [model.example(5), model.example(6)]
    assert (
        wearer(model, own, -1) is own[0]
        and wearer(model, own, -2) is own[1]
        and wearer(model, own, 3).name == "Example 4"
    )
    for wrong in (None, "1", 1.0, True, -3, 99):
        assert wearer(model, own, wrong).name == "Example 2"
    assert [face["alt"] for face in own_faces(own)["own"]] == ["Example 6", "Example 7"]


def test_every_visitor_has_a_mirror_of_their_own(model):
    assert Live(model).mirror is not Live(model).mirror
