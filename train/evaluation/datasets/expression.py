"""One expression a picture: FER2013, RAF-DB, AffectNet, CK+, Aff-Wild2, and smiles of the London set."""

from pathlib import Path

import numpy as np

from train.data.london import london_photos
from train.evaluation.datasets.files import DataError, Stored, lines, need, numbered, stored
from train.evaluation.datasets.forms import Classes, Pictures

EVERY = 5
"""Of a set without a test part, every fifth person reports."""
FRAMES = 100
"""Of an Aff-Wild2 video, every hundredth frame: neighbours show the same."""
EMOTIONS = ("neutral", "anger", "contempt", "disgust", "fear", "happiness", "sadness", "surprise")
"""CK+'s order, from 0."""


def _classes(task: str, form: str, rows: list[tuple], names: list[str]) -> list[Classes]:
    """rows: (name, Stored, label, part, group)."""
    if not rows:
        raise DataError(f"{task}: no labelled picture was found")
    parts = np.array([row[3] for row in rows])
    for part in ("train", "test"):
        if not (parts == part).any():
            raise DataError(f"{task}: no labelled picture of the {part} part was found")
    label = np.array([row[2] for row in rows], dtype=np.int64)
    pictures = Pictures([row[0] for row in rows], [row[1] for row in rows], form)
    return [Classes(task, pictures, label, list(names), parts, numbered(row[4] for row in rows))]


def fer2013(path: Path) -> list[Classes]:
    """fer2013_train.tar and fer2013_publictest.tar, label/picture in each, or folders of these names (or train, test).

    Official parts: Training trains and, a tenth of it, validates; PublicTest reports.
    """
    rows, names = [], []
    for part, options in (
        ("train", ("fer2013_train.tar", "fer2013_train", "train")),
        ("test", ("fer2013_publictest.tar", "fer2013_publictest", "test")),
    ):
        source = next((path / option for option in options if (path / option).exists()), None)
        if source is None:
            raise DataError(f"fer2013: {path} has none of {', '.join(options)}")
        files = stored(source)
        wrong = next((name for name in files if name.count("/") != 1), None)
        if wrong or not files:
            raise DataError(f"fer2013: {source} must hold label/picture, not {wrong or 'nothing'}")
        names = names or sorted({name.split("/")[0] for name in files})
        for name, file in files.items():
            if name.split("/")[0] not in names:
                raise DataError(
                    f"fer2013: {source} has the label {name.split('/')[0]!r}; training has {', '.join(names)}"
                )
            rows.append((name, file, names.index(name.split("/")[0]), part, name))
    return _classes("fer2013", "tight", rows, names)


def rafdb(path: Path) -> list[Classes]:
    """basic/EmoLabel/list_patition_label.txt (`train_00001.jpg 5`), basic/Image/aligned or original; official parts."""
    root = path / "basic" if (path / "basic").is_dir() else path
    (table, _) = need(root, "rafdb", "EmoLabel/list_patition_label.txt", "Image")
    aligned = (root / "Image" / "aligned").is_dir()
    files = stored(root / "Image" / ("aligned" if aligned else "original"))
    names = ["surprise", "fear", "disgust", "happiness", "sadness", "anger", "neutral"]
    rows = []
    for line in lines(table):
        name, _, label = line.partition(" ")
        own = name.replace(".jpg", "_aligned.jpg") if aligned else name
        if own not in files:
            raise DataError(f"rafdb: the label file names {name}, but {own} is not in Image")
        if label.strip() not in {str(i + 1) for i in range(7)} or name.split("_")[0] not in ("train", "test"):
            raise DataError(f"rafdb: the label file has {line!r}; expected train_ or test_NUMBER.jpg and 1 to 7")
        rows.append((name, files[own], int(label) - 1, name.split("_")[0], name))
    return _classes("rafdb", "tight" if aligned else "photo", rows, names)


def affectnet(path: Path) -> list[Classes]:
    """train_set and val_set, each images/N.jpg and annotations/N_exp.npy; eight classes. val_set reports."""
    need(
        path,
        "affectnet",
        *(f"{part}_set/{folder}" for part in ("train", "val") for folder in ("images", "annotations")),
    )
    names = ["neutral", "happiness", "sadness", "surprise", "fear", "disgust", "anger", "contempt"]
    rows = []
    for part in ("train", "val"):
        root = path / f"{part}_set"
        for name, file in stored(root / "images").items():
            note = root / "annotations" / f"{Path(name).stem}_exp.npy"
            if not note.exists():
                raise DataError(f"affectnet: {name} of {root.name} has no {note.name}")
            try:
                label = int(np.load(note, allow_pickle=False).item())
            except (ValueError, OSError) as error:
                raise DataError(f"affectnet: {note.name} of {root.name} is not one number: {error}") from error
            if label < len(names):  # 8 to 10: none, uncertain, no face
                rows.append((f"{part}/{name}", file, label, "train" if part == "train" else "test", f"{part}/{name}"))
    return _classes("affectnet", "tight", rows, names)


def ckplus(path: Path) -> list[Classes]:
    """cohn-kanade-images/S005/001/*.png and Emotion/S005/001/*_emotion.txt; a sequence's last frame has the label.

    The first frame of every labelled sequence is neutral. No test part is published: every fifth person reports.
    """
    images, labels = need(path, "ckplus", "cohn-kanade-images", "Emotion")
    files: dict[str, list[str]] = {}
    found = stored(images)
    for name in found:
        files.setdefault(name.rpartition("/")[0], []).append(name)
    people = sorted({sequence.split("/")[0] for sequence in files})
    rows = []
    for note in sorted(labels.rglob("*_emotion.txt")):
        sequence = note.parent.relative_to(labels).as_posix()
        if sequence not in files:
            raise DataError(f"ckplus: {note.name} has no pictures in cohn-kanade-images/{sequence}")
        emotion = int(float(note.read_text().split()[0]))
        person = sequence.split("/")[0]
        part = "test" if people.index(person) % EVERY == EVERY - 1 else "train"
        rows += [
            (name, found[name], label, part, person)
            for name, label in ((files[sequence][0], 0), (files[sequence][-1], emotion))
        ]
    return _classes("ckplus", "photo", rows, list(EMOTIONS))


def affwild2(path: Path) -> list[Classes]:
    """cropped_aligned/VIDEO/00001.jpg and Annotations/EXPR*/Train_Set, Validation_Set/VIDEO.txt.

    In a VIDEO.txt stand a header, then a class a frame, -1 for none. Validation_Set reports; every hundredth frame is
    taken.
    """
    (crops, notes) = need(path, "affwild2", "cropped_aligned", "Annotations")
    folder = next((f for f in sorted(notes.glob("EXPR*")) if f.is_dir()), None)
    if folder is None or not all((folder / f"{p}_Set").is_dir() for p in ("Train", "Validation")):
        raise DataError(f"affwild2: {notes} has no EXPR... folder with Train_Set and Validation_Set")
    names, rows = [], []
    for part in ("Train", "Validation"):
        for note in sorted((folder / f"{part}_Set").glob("*.txt")):
            head, *labels = lines(note)
            names = names or [name.strip().lower() for name in head.split(",")]
            for at in range(0, len(labels), FRAMES):
                file = crops / note.stem / f"{at + 1:05d}.jpg"
                if int(labels[at]) >= 0 and file.exists():  # frames without a found face were left out by the authors
                    row = (
                        f"{note.stem}/{file.name}",
                        Stored(file),
                        int(labels[at]),
                        "train" if part == "Train" else "test",
                        note.stem,
                    )
                    rows.append(row)
    return _classes("affwild2", "tight", rows, names)


def london(path: Path) -> list[Classes]:
    """FILE.tar of photos and FILE.csv with file, person, expression (neutral, smiling); every second person reports."""
    photos = london_photos(path, ["expression"])
    people = sorted({photo.row["person"] for photo in photos})
    names = sorted({photo.row["expression"] for photo in photos})
    part = {person: "test" if i % 2 else "train" for i, person in enumerate(people)}
    rows = []
    for photo in photos:
        person, expression = photo.row["person"], photo.row["expression"]
        file = Stored(photo.tar, *photo.place)
        rows.append((photo.row["file"], file, names.index(expression), part[person], person))
    return _classes("london", "photo", rows, names)
