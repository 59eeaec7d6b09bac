"""Every reader on a tiny made-up copy of its data set's published layout, and on folders that are not like it."""

import csv
import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from latentface.alignment import align
from latentface.crop import crop
from tests.helpers import FACE, ROOT, photo
from train.evaluation.datasets import DATASETS, read
from train.evaluation.datasets.crops import Crops, cache_folder
from train.evaluation.datasets.files import DataError, Stored, stored
from train.evaluation.datasets.forms import Classes, Pairs, Pictures, Values
from train.evaluation.datasets.pose import angles

FER = ("angry", "disgust", "fear", "happy", "neutral", "sad", "surprise")


def picture(path: Path, colour: int = 90) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (12, 12), (colour, 20, 30)).save(path)
    return path


def text(path: Path, content: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return path


def tar(path: Path, names: list[str]) -> Path:
    with tarfile.open(path, "w") as archive:
        for name in names:
            buffer = io.BytesIO()
            Image.new("RGB", (12, 12), (len(name) * 5 % 255, 1, 2)).save(buffer, "WEBP", lossless=True)
            member = tarfile.TarInfo(name)
            member.size = buffer.tell()
            buffer.seek(0)
            archive.addfile(member, buffer)
    return path


def table(path: Path, rows: list[list]) -> Path:
    with open(path, "w", newline="") as file:
        csv.writer(file).writerows(rows)
    return path


def lfw_tar(root: Path) -> Path:
    rows = [
        [fold, same, f"A{fold}_0001.webp", f"{'A' if same else 'B'}{fold}_0002.webp"]
        for fold in range(3)
        for same in (1, 0)
    ]
    table(root / "set_pairs.csv", [["fold", "same", "first", "second"], *rows])
    return tar(root / "set.tar", sorted({name for row in rows for name in row[2:]}))


def lfw_folder(root: Path) -> Path:
    body = []
    for fold in range(3):
        body += [
            f"Ann_A{fold} 1 2",
            f"Bob_B{fold} 1 3",
            f"Ann_A{fold}\t1\tBob_B{fold}\t3",
            f"Bob_B{fold} 1 Ann_A{fold} 2",
        ]
        for name, numbers in ((f"Ann_A{fold}", (1, 2)), (f"Bob_B{fold}", (1, 3))):
            for number in numbers:
                picture(root / "lfw" / name / f"{name}_{number:04d}.jpg")
    text(root / "pairs.txt", "3\t2\n" + "\n".join(body) + "\n")
    return root


def cplfw(root: Path) -> Path:
    rows = []
    for pair in range(10):
        for side in range(2):
            picture(root / "images" / f"P{pair}_{side}.jpg")
            rows.append(f"P{pair}_{side}.jpg {pair % 2}")
    text(root / "pairs_CPLFW.txt", "\n".join(rows) + "\n")
    return root


def slfw(root: Path) -> Path:
    rows = []
    for pair in range(10):
        names = (f"P{pair}", f"P{pair}" if pair % 2 else f"Q{pair}")
        for number, name in enumerate(names, 1):
            picture(root / "lfw" / name / f"{name}_{number:04d}.jpg")
            rows.append(f"{name}/{name}_{number:04d}.jpg")
    text(root / "pair_SLLFW.txt", "\n".join(rows) + "\n")
    return root


def fer2013(root: Path) -> Path:
    tar(root / "fer2013_train.tar", [f"{label}/Training_{n}.webp" for label in FER for n in range(3)])
    tar(root / "fer2013_publictest.tar", [f"{label}/PublicTest_{n}.webp" for label in FER[:4] for n in range(2)])
    return root


def rafdb(root: Path) -> Path:
    rows = [("train_00001.jpg", 5), ("train_00002.jpg", 1), ("test_0001.jpg", 7)]
    for name, _ in rows:
        picture(root / "basic" / "Image" / "aligned" / name.replace(".jpg", "_aligned.jpg"))
    text(root / "basic" / "EmoLabel" / "list_patition_label.txt", "".join(f"{name} {label}\n" for name, label in rows))
    return root


def affectnet(root: Path) -> Path:
    for part, labels in (("train_set", (0, 1, 9)), ("val_set", (7,))):
        for number, label in enumerate(labels):
            picture(root / part / "images" / f"{number}.jpg")
            (root / part / "annotations").mkdir(exist_ok=True)
            np.save(root / part / "annotations" / f"{number}_exp.npy", np.array(str(label)))
    return root


def ckplus(root: Path) -> Path:
    for person in range(5):
        for frame in range(1, 4):
            name = f"S{person:03d}_001_{frame:08d}"
            picture(root / "cohn-kanade-images" / f"S{person:03d}" / "001" / f"{name}.png")
        text(root / "Emotion" / f"S{person:03d}" / "001" / f"{name}_emotion.txt", f"   {person % 7 + 1:.7e}\n")
    picture(root / "cohn-kanade-images" / "S009" / "002" / "S009_002_00000001.png")  # a sequence without a label
    return root


def affwild2(root: Path) -> Path:
    for part, video in (("Train", "1-30-1280x720"), ("Validation", "2-30-640x360")):
        labels = ["0"] * 100 + ["4"] + ["0"] * 99 + ["-1"]
        text(
            root / "Annotations" / "EXPR_Recognition_Challenge" / f"{part}_Set" / f"{video}.txt",
            "Neutral,Anger,Disgust,Fear,Happiness\n" + "\n".join(labels),
        )
        for frame in (1, 101, 201):
            picture(root / "cropped_aligned" / video / f"{frame:05d}.jpg")
    return root


def london(root: Path) -> Path:
    rows = [[f"{person}_{mood}.jpg", person, mood] for person in ("a", "b") for mood in ("neutral", "smiling")]
    table(root / "set.csv", [["file", "person", "expression"], *rows])
    return tar(root / "set.tar", [row[0] for row in rows])


def mats(root: Path, names: list[str]) -> Path:
    from scipy.io import savemat

    for number, name in enumerate(names):
        picture(root / f"{name}.jpg")
        pose = np.radians([[10.0 * number, -5.0, 2.0, 0, 0, 0, 0]])  # pitch, yaw, roll, shift, scale
        savemat(root / f"{name}.mat", {"Pose_Para": pose})
    return root


def aflw2000(root: Path) -> Path:
    return mats(root, ["image00002", "image00004", *(f"image{n:05d}" for n in range(10, 19))])


def w300lp(root: Path) -> Path:
    (root / "AFW").mkdir()
    (root / "LFPW_Flip").mkdir()
    mats(root / "AFW", ["AFW_134212_1_0", "AFW_134212_1_1"])
    mats(root / "LFPW_Flip", ["LFPW_image_train_0001_0"])
    return root


def biwi(root: Path) -> Path:
    for person in (1, 17):
        picture(root / "hpdb" / f"{person:02d}" / "frame_00003_rgb.png")
        text(root / "hpdb" / f"{person:02d}" / "frame_00003_pose.txt", "1 0 0\n0 1 0\n0 0 1\n\n10 20 900\n")
    return root


def disfa(root: Path) -> Path:
    for person in ("SN001", "SN002", "SN003"):
        for unit in (1, 12):
            text(
                root / "ActionUnit_Labels" / person / f"{person}_au{unit}.txt",
                "".join(f"{n},{n % 6 if unit == 12 else 0}\n" for n in range(1, 42)),
            )
        for frame in range(1, 42):
            picture(root / "Images" / person / f"{frame:05d}.jpg")
    return root


def bp4d(root: Path) -> Path:
    units = [1, 2, 4, 5, 6, 7, 10, 12, 14, 15, 17, 23, 24]
    for person in ("F001", "F002", "M001"):
        (root / "AUCoding" / "AU_OCC").mkdir(parents=True, exist_ok=True)
        rows = [[frame, *[9 if frame == 2 else int(unit == 12) for unit in units]] for frame in range(1, 23)]
        table(root / "AUCoding" / "AU_OCC" / f"{person}_T1.csv", [[0, *units], *rows])
        for frame in range(1, 23):
            picture(root / "2D+3D" / person / "T1" / f"{frame:04d}.jpg")
    return root


def truth(root: Path) -> Path:
    for part, people in (("validation", 2), ("test", 1)):
        (root / part).mkdir()
        with tarfile.open(root / part / "00000.tar", "w") as archive:
            for person in range(people):
                factors = [
                    {
                        "person": str(person),
                        "pose": [frame * 10.0, 0, 0],
                        "expression": {"smile": frame * 0.4, "never": 0.0},
                    }
                    for frame in range(2)
                ]
                for name, content in (
                    *((f"{person:05d}.{frame:02d}.webp", FACE.read_bytes()) for frame in range(2)),
                    (f"{person:05d}.00.npz", b"not read here"),
                    (f"{person:05d}.json", json.dumps(factors).encode()),
                ):
                    member = tarfile.TarInfo(name)
                    member.size = len(content)
                    archive.addfile(member, io.BytesIO(content))
    return root


MADE = {
    "lfw": lfw_tar,
    "cplfw": cplfw,
    "slfw": slfw,
    "fer2013": fer2013,
    "rafdb": rafdb,
    "affectnet": affectnet,
    "ckplus": ckplus,
    "affwild2": affwild2,
    "london": london,
    "300wlp": w300lp,
    "aflw2000": aflw2000,
    "biwi": biwi,
    "disfa": disfa,
    "bp4d": bp4d,
    "truth": truth,
}


@pytest.mark.parametrize("kind", DATASETS)
def test_every_kind_is_read_and_its_pictures_open(kind, tmp_path):
    tasks = read(kind, MADE[kind](tmp_path))
    for task in tasks:
        count = len(task.pictures)
        assert count == len(task.pictures.files) == len(set(task.pictures.names)) > 0
        assert task.pictures.image(count - 1).dtype == np.uint8
        if isinstance(task, Pairs):
            assert len(task.first) == len(task.second) == len(task.same) == len(task.fold) and len(set(task.fold)) >= 3
        else:
            assert len(task.part) == len(task.group) == count and set(task.part) <= {"train", "validation", "test"}
            parts = {p: set(task.group[task.part == p]) for p in ("train", "test")}
            assert not parts["train"] & parts["test"]
    json.dumps([task.task for task in tasks])


@pytest.mark.parametrize("kind", DATASETS)
def test_a_folder_of_something_else_is_refused_in_one_line(kind, tmp_path):
    for path in (tmp_path, picture(tmp_path / "holiday.jpg")):
        with pytest.raises(DataError) as error:
            read(kind, path)
        assert "\n" not in str(error.value) and len(str(error.value)) > 20


@pytest.mark.parametrize("kind", [kind for kind in DATASETS if kind not in ("lfw", "london")])
def test_a_set_with_a_part_missing_is_refused(kind, tmp_path):
    """The first folder or file in it is taken away."""
    root = MADE[kind](tmp_path)
    first = sorted(path for path in root.rglob("*") if path.is_file())[0]
    first.rename(tmp_path.parent / f"{kind}-away")
    if kind in ("ckplus", "affwild2", "disfa", "bp4d", "biwi", "aflw2000", "300wlp", "rafdb", "affectnet"):
        for other in sorted(path for path in root.rglob("*") if path.is_file() and path.suffix == first.suffix):
            other.unlink()
    with pytest.raises(DataError):
        read(kind, root)


def test_labels_that_are_no_labels_are_said_with_the_layout(tmp_path):
    note = next(iter((ckplus(tmp_path) / "Emotion").rglob("*.txt")))
    note.write_text("happy\n")
    with pytest.raises(DataError, match="could not convert.*cohn-kanade-images/S005") as error:
        read("ckplus", tmp_path)
    assert "\n" not in str(error.value)


def test_kinds_and_paths_that_are_not_there(tmp_path):
    with pytest.raises(DataError, match="choose lfw"):
        read("celeba", tmp_path)
    with pytest.raises(DataError, match="does not exist"):
        read("lfw", tmp_path / "nothing.tar")


def test_lfw(tmp_path):
    (task,) = read("lfw", lfw_tar(tmp_path))
    assert task.same.tolist() == [True, False] * 3 and task.fold.tolist() == [0, 0, 1, 1, 2, 2]
    assert task.pictures.names[task.second[1]] == "B0_0002.webp"
    (tmp_path / "published").mkdir()
    (task,) = read("lfw", lfw_folder(tmp_path / "published"))
    assert task.same.tolist() == [True, True, False, False] * 3 and task.fold.tolist() == [0] * 4 + [1] * 4 + [2] * 4
    assert [task.pictures.names[i] for i in (task.first[2], task.second[2])] == [
        "Ann_A0/Ann_A0_0001.jpg",
        "Bob_B0/Bob_B0_0003.jpg",
    ]
    text(tmp_path / "published" / "pairs.txt", "3\t2\nNobody 1 2\n")
    with pytest.raises(DataError, match="Nobody"):
        read("lfw", tmp_path / "published")


def test_cplfw_and_slfw(tmp_path):
    (task,) = read("cplfw", cplfw(tmp_path))
    assert task.same.tolist() == [False, True] * 5 and task.fold.tolist() == list(range(10))
    (tmp_path / "s").mkdir()
    (task,) = read("slfw", slfw(tmp_path / "s"))
    assert task.same.tolist() == [False, True] * 5 and task.pictures.names[task.second[0]] == "Q0/Q0_0002.jpg"


def test_fer2013_keeps_the_official_parts(tmp_path):
    (task,) = read("fer2013", fer2013(tmp_path))
    assert isinstance(task, Classes) and task.names == list(FER) and task.pictures.form == "tight"
    assert (task.part == "train").sum() == 21 and (task.part == "test").sum() == 8
    for name, label in zip(task.pictures.names, task.label, strict=True):
        assert name.split("/")[0] == FER[label]


def test_labels_of_other_expression_sets(tmp_path):
    for kind in ("rafdb", "affectnet", "ckplus", "affwild2"):
        (tmp_path / kind).mkdir()
    (task,) = read("rafdb", rafdb(tmp_path / "rafdb"))
    assert [task.names[i] for i in task.label] == ["sadness", "surprise", "neutral"] and task.part.tolist() == [
        "train"
    ] * 2 + ["test"]
    (task,) = read("affectnet", affectnet(tmp_path / "affectnet"))
    assert [task.names[i] for i in task.label] == [
        "neutral",
        "happiness",
        "contempt",
    ]  # label 9, uncertain, is left out
    (task,) = read("ckplus", ckplus(tmp_path / "ckplus"))
    assert (
        len(task.label) == 10
        and task.label[::2].tolist() == [0] * 5
        and [task.names[i] for i in task.label[1:4:2]] == ["anger", "contempt"]
    )
    assert task.pictures.names[1].endswith("00000003.png") and set(task.part[-2:]) == {"test"}
    (task,) = read("affwild2", affwild2(tmp_path / "affwild2"))
    assert (
        task.label.tolist() == [0, 4, 0, 4]
        and task.names[4] == "happiness"
        and task.part.tolist() == ["train"] * 2 + ["test"] * 2
    )


def test_pose_of_mat_files_is_yaw_pitch_roll_in_degrees(tmp_path):
    (task,) = read("aflw2000", aflw2000(tmp_path))
    assert isinstance(task, Values) and task.names == ["yaw", "pitch", "roll"] and set(task.part) == {"test"}
    assert np.allclose(task.value[1], [-5, 10, 2]) and len(task.value) == 10  # the one with pitch 100 is left out
    (tmp_path / "lp").mkdir()
    (task,) = read("300wlp", w300lp(tmp_path / "lp"))
    assert set(task.part) == {"train"} and len(set(task.group)) == 2  # two renderings of one photo stay together
    (tmp_path / "image00002.mat").write_bytes(b"MATLAB 5.0 MAT-file, cut")
    with pytest.raises(DataError, match="image00002.mat holds no Pose_Para"):
        read("aflw2000", tmp_path)


def test_biwi_angles_are_those_of_turns_about_one_axis(tmp_path):
    (task,) = read("biwi", biwi(tmp_path))
    assert task.part.tolist() == ["train", "test"] and np.allclose(task.value, 0)
    c, s = np.cos(np.radians(20)), np.sin(np.radians(20))
    for axis, rotation in enumerate(
        ([[c, 0, s], [0, 1, 0], [-s, 0, c]], [[1, 0, 0], [0, c, -s], [0, s, c]], [[c, -s, 0], [s, c, 0], [0, 0, 1]])
    ):
        found = angles(np.array(rotation))
        assert abs(found[axis]) == pytest.approx(20) and np.allclose(np.delete(found, axis), 0)


def test_units(tmp_path):
    (task,) = read("disfa", disfa(tmp_path))
    assert (
        task.names == ["AU1", "AU12"] and task.active == 2 and len(task.value) == 9
    )  # frames 1, 21, 41 of three people
    assert task.value[:3].tolist() == [[0, 1], [0, 3], [0, 5]] and task.part[-1] == "test"
    (tmp_path / "b").mkdir()
    (task,) = read("bp4d", bp4d(tmp_path / "b"))
    assert (
        len(task.names) == 12
        and "AU5" not in task.names
        and task.value[:, task.names.index("AU12")].tolist() == [1] * 6
    )
    assert task.pictures.names[:2] == ["F001/T1/0001.jpg", "F001/T1/0022.jpg"]  # frame 2 is not coded


def test_truth_gives_pose_and_the_actions_that_happen(tmp_path):
    root = truth(tmp_path)
    (root / "test" / "._00000.tar").write_bytes(b"what a Mac lays beside")
    pose, actions = read("truth", root)
    assert pose.value[:2].tolist() == [[0, 0, 0], [10, 0, 0]] and pose.part.tolist() == ["train"] * 4 + ["test"] * 2
    assert actions.names == ["smile"] and actions.value.flatten().tolist() == [0, 0.4] * 3 and len(set(pose.group)) == 3
    assert pose.pictures.form == "standard" and pose.pictures.image(5).shape == (160, 160, 3)


# Crops


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert cache_folder() == tmp_path / "cache" / "latentface"
    return cache_folder()


def test_a_photo_is_cut_where_its_face_is_and_once_looked_at(cache, tmp_path):
    paths = [photo(tmp_path / "one.png", left=120), photo(tmp_path / "two.png", left=40)]
    Image.new("RGB", (400, 300), (99, 99, 99)).save(tmp_path / "none.png")
    pictures = Pictures(["one", "two", "none"], [Stored(p) for p in (*paths, tmp_path / "none.png")])
    crops = Crops(pictures, np.array([0, 1]))
    one, two, none = crops.look(np.arange(3))
    assert none is None and one[0] - two[0] == pytest.approx(80, abs=3) and one[2] == pytest.approx(64, rel=0.12)
    expected = crop(pictures.image(0), one, 32)
    assert np.array_equal(crops.cut(np.array([0]), "found", 32)[0].permute(1, 2, 0).numpy(), expected)
    # the usual square stands in where there is no face, and for all when asked
    usual = crops.usual() * [400, 300, 400]
    assert np.allclose(usual, np.median([one, two], axis=0))
    fixed = crops.cut(np.arange(3), "fixed", 16)
    assert np.array_equal(fixed[2].numpy(), crops.cut(np.array([2]), "found", 16)[0].numpy())
    assert not np.array_equal(fixed[0].numpy(), crops.cut(np.array([0]), "found", 16)[0].numpy())
    # found once: a second run reads the file, also after a stop in the middle of a line
    lines = crops.file.read_text()
    assert lines.count("\n") == 3
    crops.file.write_text(lines + "[3, [1.0, ")
    assert Crops(pictures, np.array([0, 1])).look(np.arange(3)) == [one, two, None] and crops.file.read_text() == lines


def test_standard_pictures_lose_their_margin_and_nothing_is_looked_for(cache):
    pictures = Pictures(["face"], [Stored(FACE)], "standard")
    crops = Crops(pictures, np.array([0]))
    assert crops.ways == ("standard",) and not cache.exists()
    expected = np.asarray(Image.open(FACE).convert("RGB"))[16:144, 16:144]
    assert (
        np.abs(crops.cut(np.array([0]), "standard", 128)[0].permute(1, 2, 0).numpy().astype(int) - expected).max() <= 1
    )
    wide = crops.cut(np.array([0]), "standard", 160, zoom=1.25)[0].permute(1, 2, 0).numpy()
    assert np.abs(wide.astype(int) - np.asarray(Image.open(FACE).convert("RGB"))).max() <= 1


def test_the_face_of_a_tight_picture_is_found_where_detection_finds_it(cache, tmp_path):
    """A gallery person's face, cut and shrunk as FER2013's are, in grey."""
    whole = Image.open(ROOT / "assets" / "gallery" / "00036_0.webp").convert("L").convert("RGB")
    whole.crop((20, 20, 140, 140)).resize((48, 48)).save(tmp_path / "tight.png")
    image = np.asarray(Image.open(tmp_path / "tight.png"))
    (quick,) = Crops(Pictures(["t"], [Stored(tmp_path / "tight.png")], "tight"), np.array([0])).look(np.array([0]))
    slow = align(image, 8).square
    assert np.allclose(quick, slow, atol=2)


def test_stored_names_are_sorted_and_bytes_are_those_of_the_file(tmp_path):
    path = tar(tmp_path / "a.tar", ["b/2.webp", "./a/1.webp", "notes.txt"])
    assert list(stored(path)) == ["a/1.webp", "b/2.webp"]
    with tarfile.open(path) as archive:
        assert stored(path)["b/2.webp"].read() == archive.extractfile("b/2.webp").read()


def test_a_data_set_is_one_function_and_one_line(tmp_path, monkeypatch):
    (tmp_path / "thumbs_reader.py").write_text(READER)
    (tmp_path / "set").mkdir()
    Image.new("RGB", (8, 8)).save(tmp_path / "set" / "up.png")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(DATASETS, "thumbs", "thumbs_reader:thumbs")
    (task,) = read("thumbs", tmp_path / "set")
    assert task.names == ["up"] and task.pictures.image(0).shape == (8, 8, 3)


READER = """
import numpy as np
from train.evaluation.datasets.files import stored
from train.evaluation.datasets.forms import Classes, Pictures


def thumbs(path):
    files = stored(path)
    pictures = Pictures(list(files), list(files.values()))
    count = len(files)
    return [Classes("thumbs", pictures, np.zeros(count, int), ["up"], np.full(count, "test"), np.arange(count))]
"""
