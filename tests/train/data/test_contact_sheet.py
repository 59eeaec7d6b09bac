"""The sheet of shards with factors and truth, and the spread that data cards cite."""

import io

import numpy as np
import pytest
from PIL import Image, ImageCms

from tests.helpers import drawn_clips, drawn_face, webp
from train.__main__ import main
from train.common.skin_tone import typology_angle
from train.data.contact_sheet import frame_lines, person_line, shards_sheet, truth_pictures
from train.data.engine import draw_shards
from train.data.shards import ShardsError, write_shards
from train.data.spread import cheek_colour, pick_clips, spread

SIDE = 120  # the sheet's: 96 px and the margin
SKINS = {"very light": (245, 225, 210), "tan": (172, 132, 98), "dark": (70, 45, 35)}


def person(index: int):
    """A flat face of one of three skins, lit too dark; its albedo is right."""
    skin = list(SKINS.values())[index % 3]
    frames = [webp(Image.new("RGB", (SIDE, SIDE), tuple(c // 3 for c in skin))) for _ in range(3)]
    truth = io.BytesIO()
    depth = np.zeros((SIDE, SIDE), np.uint16)
    depth[20:100, 20:100] = 30000
    depth[50:70, 50:70] = 20000  # the nose is nearer
    normal = np.zeros((SIDE, SIDE, 3), np.int8)
    normal[20:100, 20:100, 2] = -127
    albedo = np.broadcast_to(np.uint8(skin), (SIDE, SIDE, 3))
    np.savez_compressed(truth, depth=depth, normal=normal, albedo=albedo, mask=(depth > 0).astype(np.uint8))
    known = {"person": str(index), "age": 20.0 + index, "gender": "woman" if index % 3 else "man"}
    expression = [{}, {"mouthSmileLeft": 0.4, "mouthSmileRight": 0.7, "jawOpen": 0.1}, {"jawOpen": 0.9}]
    light = [0.6, 0.4, 0.0, 0.1]
    factors = [
        {**known, "frame": i, "pose": [30.0 * i - 30, 5.0, 0.0], "light": light, "expression": expression[i]}
        for i in range(3)
    ]
    return f"{index:03d}", frames, factors, [truth.getvalue()] * 3


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    folder = tmp_path_factory.mktemp("known") / "shards"
    draw_shards(person, 6, folder, {}, {}, 1, 4)
    return folder


def test_the_sheet_shows_frames_truth_and_captions(shards):
    sheet = np.asarray(shards_sheet(shards, 4, 96))
    row, clip = 96 + 72, 7 * 96  # three frames, four maps
    assert sheet.shape == (2 * row, 2 * (clip + 12), 3)
    first = sheet[14 : 14 + 96, :clip]
    skin = np.array(SKINS["very light"])
    assert np.abs(first[40:50, 10:280] - skin // 3).max() <= 3  # three frames
    depth, normal, albedo, mask = (first[:, 96 * i : 96 * (i + 1)].astype(int) for i in range(3, 7))
    assert depth[48, 48].min() > depth[20, 20].max() > depth[2, 2].max() == 0
    assert np.abs(normal[48, 48] - (127, 127, 255)).max() <= 1 and np.abs(albedo - skin).max() <= 1
    assert mask[48, 48].min() == 120 and mask[2, 2].max() == 0
    for band in (sheet[:13, :200], sheet[112:160, :90], sheet[112:160, 96:180]):  # captions
        assert (band < 128).sum() > 50
    assert (sheet[112:160, 3 * 96 : clip] == 255).all()  # none below the truth


def test_captions():
    _, _, factors, _ = person(1)
    assert person_line(factors) == "1   age 21   gender woman"
    assert frame_lines(factors[1]) == ["pose 0 5 0", "mouthSmile 0.7", "jawOpen 0.1", "light 0.6 0.4 0.0 0.1"]
    assert frame_lines({"person": "x"}) == [] and frame_lines({"edit": {"smile": -2.0}}) == ["smile -2.0"]


def test_clips_without_truth_or_of_many_frames(tmp_path):
    write_shards(drawn_clips(3, 20, SIDE), tmp_path, {})
    sheet = np.asarray(shards_sheet(tmp_path, 64, 96))
    assert sheet.shape == (2 * (96 + 72), 2 * (8 * 96 + 12), 3)
    for column, frame in ((0, 0), (7, 19)):  # from the first to the last
        expected = np.asarray(drawn_face(SIDE, 0, frame))[12:108, 12:108]
        assert (sheet[14:110, column * 96 : (column + 1) * 96] == expected).all()


def test_single_pictures_fill_the_sheet(tmp_path):
    write_shards(drawn_clips(40, 1, SIDE), tmp_path, {})
    sheet = shards_sheet(tmp_path, 64, 96)
    assert sheet.size == (17 * (96 + 12), 3 * (96 + 72))


def test_clips_are_picked_evenly(shards, tmp_path):
    assert [path.name for path, _ in pick_clips(shards, 3)] == ["00000.tar", "00000.tar", "00001.tar"]
    assert len(pick_clips(shards, 100)) == 6
    with pytest.raises(ShardsError, match="holds no shards"):
        shards_sheet(tmp_path)


def test_truth_pictures_of_nothing_and_of_no_head():
    assert truth_pictures({}, 8) == []
    (empty,) = truth_pictures({"depth": np.zeros((8, 8), np.uint16)}, 8)
    assert empty.shape == (8, 8, 3) and empty.max() == 0


def test_the_angle_of_skin_colours():
    """Against Pillow's colour management, whose L*a*b* is that of D50 paper and of 8 bits."""
    colours = np.array([*SKINS.values(), (210, 170, 140), (120, 80, 60), (230, 190, 180)], np.uint8)
    to_lab = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB")
    lab = np.asarray(ImageCms.applyTransform(Image.fromarray(colours[None]), to_lab))[0].astype(float)
    light, yellow = lab[:, 0] / 2.55, lab[:, 2] - 256 * (lab[:, 2] > 127)
    found = typology_angle(colours)
    np.testing.assert_allclose(found, np.degrees(np.arctan((light - 50) / yellow)), atol=2.5)
    assert found[0] > 55 and 28 > found[1] > 10 and found[2] < -30


def test_cheeks_lie_beside_the_nose():
    picture = np.zeros((160, 160, 3), np.uint8)
    picture[85:96, 54:65] = picture[85:96, 95:106] = (200, 150, 120)  # both cheeks
    assert cheek_colour(picture).tolist() == [200, 150, 120]
    assert cheek_colour(np.roll(picture, 40, 0)).tolist() == [0, 0, 0]


def test_the_spread_is_measured(shards):
    lines = {line[:28].strip(): line[28:] for line in spread(shards)}
    tones = next(v for k, v in lines.items() if k == "skin tone (ITA of albedo)")
    assert "very light 33 %" in tones and " tan 33 %" in tones and "dark 33 %" in tones and "brown 0 %" in tones
    numbers = [float(x) for x in lines["yaw"].replace("%", "").split() if x.lstrip("-").replace(".", "").isdigit()]
    assert numbers == [0.0, 24.49, 5, -30.0, 50, 0.0, 95, 30.0]
    assert "mean    22.50" in lines["age"] and lines["gender"].strip() == "woman 67 %, man 33 %"
    assert lines["expressions from 0.3"].strip() == "mouthSmileLeft 33 %, mouthSmileRight 33 %, jawOpen 33 %"
    assert next(iter(spread(shards))) == "18 frames of 6 clips and 6 people"


def test_without_truth_the_picture_is_measured(tmp_path):
    skin = Image.new("RGB", (SIDE, SIDE), SKINS["tan"])
    write_shards([("0", [webp(skin)], [{"person": "0", "frame": 0}])], tmp_path, {})
    lines = spread(tmp_path)
    assert lines[1].startswith("skin tone (ITA of picture)") and "tan 100 %" in lines[1] and len(lines) == 3


def test_the_command(shards, tmp_path, capsys):
    assert main(["sheet", str(shards), "--out", str(tmp_path / "sheet.png")]) == 0
    assert Image.open(tmp_path / "sheet.png").width > 1000 and "skin tone (ITA of albedo)" in capsys.readouterr().out
    assert main(["sheet", str(tmp_path / "none"), "--out", str(tmp_path / "s.png")]) == 2
    assert "holds no shards" in capsys.readouterr().err
