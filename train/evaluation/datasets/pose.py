"""Head pose in degrees: 300W-LP (which trains), AFLW2000 (which reports on it) and BIWI."""

from pathlib import Path

import numpy as np

from train.evaluation.datasets.files import DataError, Stored, numbered, stored
from train.evaluation.datasets.forms import Pictures, Values

ANGLES = ["yaw", "pitch", "roll"]
LIMIT = 99.0
"""Degrees beyond which the published protocols leave a picture out."""


def _mats(path: Path, kind: str, part: str) -> list[Values]:
    """Pictures with a .mat of the same name beside; Pose_Para is pitch, yaw, roll in radians."""
    try:
        from scipy.io import loadmat
    except ImportError as error:
        raise ImportError("reading .mat files needs: pip install scipy") from error
    names, files, values = [], [], []
    for name, file in stored(path).items():
        mat = file.path.with_suffix(".mat")
        if file.offset is not None or not mat.exists():
            raise DataError(f"{kind}: {name} has no {mat.name} beside it")
        try:
            pose = np.degrees(np.asarray(loadmat(mat)["Pose_Para"], dtype=float).reshape(-1)[[1, 0, 2]])
        except Exception as error:  # a damaged file raises nearly anything
            raise DataError(f"{kind}: {mat.name} holds no Pose_Para of pitch, yaw, roll") from error
        if (np.abs(pose) <= LIMIT).all():
            names.append(name)
            files.append(file)
            values.append(pose)
    if not names:
        raise DataError(f"{kind}: {path} holds no pictures with .mat files beside them")
    group = numbered(Path(name).stem.rpartition("_")[0] or name for name in names)
    return [Values(kind, Pictures(names, files), np.array(values), ANGLES, np.full(len(names), part), group)]


def aflw2000(path: Path) -> list[Values]:
    """image00002.jpg and image00002.mat ...; all report, for a probe trained on 300wlp."""
    return _mats(path, "aflw2000", "test")


def w300lp(path: Path) -> list[Values]:
    """AFW, HELEN, IBUG and LFPW (with or without their _Flip), each of NAME_0.jpg and NAME_0.mat; all train."""
    if not any((path / folder).is_dir() for folder in ("AFW", "HELEN", "IBUG", "LFPW")):
        raise DataError(f"300wlp: {path} has none of the folders AFW, HELEN, IBUG, LFPW")
    return _mats(path, "300wlp", "train")


def biwi(path: Path) -> list[Values]:
    """01 ... 24 (in hpdb or not), each frame_00003_rgb.png and frame_00003_pose.txt; sequences 17 to 24 report.

    The pose file's first three rows are the rotation from the mean face to the camera; people 1 to 16 train, as in the
    protocol that trains and reports on BIWI. (Four people sat twice: 22 and 01's ... are not all new in 17 to 24.)
    """
    root = path / "hpdb" if (path / "hpdb").is_dir() else path
    folders = sorted(f for f in root.iterdir() if f.is_dir() and f.name.isdigit())
    if not folders:
        raise DataError(f"biwi: {root} has no folders 01, 02, ... 24")
    names, files, values, part = [], [], [], []
    for folder in folders:
        for file in sorted([*folder.glob("frame_*_rgb.png"), *folder.glob("frame_*_rgb.jpg")]):
            note = file.with_name(file.stem.removesuffix("_rgb") + "_pose.txt")
            if not note.exists():
                raise DataError(f"biwi: {folder.name}/{file.name} has no {note.name}")
            try:
                rotation = np.array(note.read_text().split()[:9], dtype=float).reshape(3, 3)
            except ValueError as error:
                raise DataError(f"biwi: {folder.name}/{note.name} does not begin with a 3 x 3 rotation") from error
            names.append(f"{folder.name}/{file.name}")
            files.append(Stored(file))
            values.append(angles(rotation))
            part.append("test" if int(folder.name) > 16 else "train")
    if not {"train", "test"} <= set(part):
        raise DataError(f"biwi: {root} must hold sequences up to 16, which train, and from 17 on, which report")
    group = numbered(name.split("/")[0] for name in names)
    return [Values("biwi", Pictures(names, files), np.array(values), ANGLES, np.array(part), group)]


def angles(rotation: np.ndarray) -> np.ndarray:
    """Yaw, pitch, roll in degrees of BIWI's 3 x 3 rotation (rows in the file), by its tools' convention."""
    r = rotation.T
    pitch = np.arctan2(r[2, 1], r[2, 2])
    yaw = -np.arctan2(-r[2, 0], np.hypot(r[2, 1], r[2, 2]))
    roll = -np.arctan2(r[1, 0], r[0, 0])
    return np.degrees([yaw, pitch, roll])
