"""The app's endpoints as a program meets them: gradio_client against the running app."""

from pathlib import Path

import numpy as np
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

from latentface.video import frames, inspect
from tests.helpers import photo_of
from tests.latentface.test_video import film

pytestmark = pytest.mark.slow

PICTURES = ["crop", "reconstruction", "albedo", "depth", "normals", "layout", "neutral"]


@pytest.fixture(scope="module")
def client(app, tmp_path_factory) -> Client:
    return Client(app.url, verbose=False, download_files=tmp_path_factory.mktemp("downloads"))


def pictures(gallery: list[dict]) -> dict[str, np.ndarray]:
    """A gallery as the client gives it: caption -> uint8 H x W x 3."""
    return {item["caption"]: np.asarray(Image.open(item["image"]).convert("RGB")) for item in gallery}


def test_exactly_the_named_endpoints_are_public(client):
    endpoints = client.view_api(return_format="dict")["named_endpoints"]
    assert set(endpoints) == {"/reconstruct", "/swap", "/pose_swap", "/place", "/video", "/drive"}
    named = {name: [p["parameter_name"] for p in about["parameters"]] for name, about in endpoints.items()}
    assert named == {
        "/reconstruct": ["photo", "face"],
        "/swap": ["identity", "expression", "strength", "seed", "whose"],
        "/pose_swap": ["face", "pose"],
        "/place": ["photo", "face"],
        "/video": ["clip", "face"],
        "/drive": ["clip", "photo", "strength", "relative"],
    }


def test_reconstruct(client, photos):
    report, mesh, gallery = client.predict(photo=handle_file(photos["one.jpg"]), api_name="/reconstruct")
    assert set(report) == {"file", "box", "faces", "turned", "notes", "pose", "light"}
    assert report["file"] == "one.jpg" and report["faces"] == 1
    left, top, right, bottom = report["box"]
    assert 130 < left < right < 350 and 70 < top < bottom < 290
    assert set(report["pose"]) == {"yaw", "pitch", "roll"} and set(report["light"]) == {"ambient", "diffuse", "x", "y"}
    assert Path(mesh).read_bytes()[:4] == b"glTF"
    shown = pictures(gallery)
    assert list(shown) == PICTURES
    assert all(picture.shape == (256, 256, 3) and picture.std() > 1 for picture in shown.values())


def test_a_rotated_phone_photo_is_the_same_photo(client, photos):
    upright, turned = (
        client.predict(photo=handle_file(photos[name]), api_name="/reconstruct")[0]
        for name in ("one.jpg", "turned.jpg")
    )
    assert np.allclose(upright["box"], turned["box"], atol=4)
    assert abs(upright["pose"]["roll"] - turned["pose"]["roll"]) < 4


def test_of_several_faces_one_is_chosen(client, photos):
    largest, second = (
        client.predict(photo=handle_file(photos["two.jpg"]), face=face, api_name="/reconstruct")[0] for face in (0, 1)
    )
    assert largest["faces"] == second["faces"] == 2
    assert largest["box"][2] < 350 < second["box"][0]


def test_swap(client, photos):
    files = {"identity": handle_file(photos["one.jpg"]), "expression": handle_file(photos["smile.jpg"])}
    report, mesh, gallery = client.predict(**files, api_name="/swap")
    assert report["identity"]["file"] == "one.jpg" and report["expression"]["file"] == "smile.jpg"
    assert Path(mesh).read_bytes()[:4] == b"glTF"
    shown = pictures(gallery)
    assert list(shown) == ["swap", "front", "identity_neutral", "expression_neutral"]
    assert not np.array_equal(shown["front"], shown["identity_neutral"])


def test_a_swap_takes_each_part_from_the_side_that_is_said(client, photos):
    files = {"identity": handle_file(photos["one.jpg"]), "expression": handle_file(photos["two.jpg"])}
    usual, others = (
        {name: shown.astype(int) for name, shown in pictures(client.predict(**files, **more)[2]).items()}
        for more in ({"api_name": "/swap", "strength": 0}, {"api_name": "/swap", "strength": 0, "whose": "BBAA"})
    )
    assert np.array_equal(usual["front"], usual["identity_neutral"])
    to_b, to_a = (np.abs(others["front"] - usual[f"{side}_neutral"]).mean() for side in ("expression", "identity"))
    assert to_b < 0.7 * to_a, "B at rest, under the light of A"
    with pytest.raises(AppError, match="A's or B's"):
        client.predict(**files, whose="ABC", api_name="/swap")


def test_a_swap_of_no_strength_is_the_neutral_face(client, photos):
    files = {"identity": handle_file(photos["one.jpg"]), "expression": handle_file(photos["smile.jpg"])}
    shown = pictures(client.predict(**files, strength=0, api_name="/swap")[2])
    assert np.array_equal(shown["front"], shown["identity_neutral"])


def test_place(client, photos):
    maps = client.predict(photo=handle_file(photos["one.jpg"]), api_name="/place")
    assert list(maps) == ["whole", "identity", "expression", "shape", "texture"]
    for place in maps.values():
        assert 0 <= place["x"] <= 1 and 0 <= place["y"] <= 1 and isinstance(place["far"], bool)
        assert len(place["neighbours"]) == 5
    assert 36 in [face["person"] for face in maps["texture"]["neighbours"]]  # the photo is of the gallery's person 36


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> Path:
    """Ten frames of a face that wanders, with sound."""
    pictures = [Image.fromarray(photo_of((100 + 3 * k, 60, 160))) for k in range(10)]
    return film(tmp_path_factory.mktemp("clip") / "walk.mp4", pictures, "libx264", sound=True)


def test_video(client, clip):
    report, files = client.predict(clip=handle_file(clip), api_name="/video")
    assert report["frames"] == report["with_face"] == 10 and report["faces"] == 1 and report["notes"] == []
    assert [Path(file).name for file in files] == ["films.mp4", "curves.csv", "codes.safetensors"]
    assert len(Path(files[1]).read_text().splitlines()) == 11
    assert inspect(Path(files[0])).sound


def test_drive(app, client, clip, photos):
    about, files = client.predict(
        clip=handle_file(clip), photo=handle_file(photos["smile.jpg"]), strength=1.5, api_name="/drive"
    )
    assert about["clip"]["frames"] == 10 and about["face"]["faces"] == 1
    (path,) = files
    first, *_, last = [frame.image.astype(int) for frame in frames(Path(path))]
    assert first.shape == (256, 256, 3) and first.std() > 20 and np.abs(first - last).mean() < 40
    left = [path.name for path in (app.log.parent / "gradio").glob("clip-*/*")]
    assert "parts" not in left
    with pytest.raises(AppError, match="0 to 2,"):
        client.predict(clip=handle_file(clip), photo=handle_file(photos["smile.jpg"]), strength=9, api_name="/drive")


def test_a_bad_clip_gets_a_plain_sentence_and_leaves_nothing(app, client, photos, tmp_path):
    long = film(tmp_path / "long.mp4", [Image.new("RGB", (64, 48))] * 30, "mpeg4", rate=1)
    grey = film(tmp_path / "grey.mp4", [Image.new("RGB", (64, 48), "grey")] * 3, "libx264")
    before = sorted((app.log.parent / "gradio").glob("clip-*"))
    wrong = ((photos["text.jpg"], "cannot be read"), (long, "limit is 20 seconds"), (grey, "No face was found"))
    for path, words in wrong:
        with pytest.raises(AppError, match=words):
            client.predict(clip=handle_file(path), api_name="/video")
    assert sorted((app.log.parent / "gradio").glob("clip-*")) == before
    assert "Traceback" not in app.log.read_text()


@pytest.mark.parametrize(
    "name, words",
    [
        ("text.jpg", "not a photo"),
        ("empty.jpg", "empty"),
        ("huge.png", "12000 x 12000"),
        ("noise.png", "no face was found"),
    ],
)
@pytest.mark.parametrize("endpoint", ["/reconstruct", "/place"])
def test_a_bad_photo_gets_a_plain_sentence(app, client, photos, name, words, endpoint):
    with pytest.raises(AppError) as raised:
        client.predict(photo=handle_file(photos[name]), api_name=endpoint)
    message = str(raised.value)
    assert words.lower() in message.lower() and "Traceback" not in message
    assert "Traceback" not in app.log.read_text()


def test_wrong_numbers_get_a_plain_sentence(app, client, photos):
    photo = handle_file(photos["one.jpg"])
    with pytest.raises(AppError, match="no face number 5"):
        client.predict(photo=photo, face=5, api_name="/reconstruct")
    with pytest.raises(AppError, match="-1 to 2"):
        client.predict(identity=photo, expression=photo, strength=9, api_name="/swap")
    with pytest.raises(AppError, match="seed goes from 0"):
        client.predict(identity=photo, expression=photo, seed=-1, api_name="/swap")
    assert "Traceback" not in app.log.read_text()
