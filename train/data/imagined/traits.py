"""Gender, age and skin tone read linearly off dlib's identity embedding, fitted on photos of real people.

A csv tells gender and age; skin tone is the cheeks' in photos taken in one light. No drawn face carries a label.
"""

import csv
import io
import tarfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from train.common.judges import Reader
from train.common.skin_tone import skin_tone


def linear(x: np.ndarray, y: np.ndarray, ridge: float) -> np.ndarray:
    """Fit y (N) to x (N x D) by ridge regression: D + 1 weights, the last the constant, which has no penalty."""
    centred = x - x.mean(axis=0)
    weights = np.linalg.solve(centred.T @ centred + ridge * np.eye(x.shape[1]), centred.T @ (y - y.mean()))
    return np.append(weights, y.mean() - x.mean(axis=0) @ weights)


def read(weights: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Evaluate a fit of `linear` at x (N x D): N."""
    return x @ weights[:-1] + weights[-1]


@dataclass
class Photos:
    """Photos of real people, as far as traits are fitted on them."""

    embeddings: np.ndarray
    """N x 128, identity embeddings."""
    male: np.ndarray
    """N bool."""
    age: np.ndarray
    """N, years."""
    skin: np.ndarray
    """N, skin_tone, all in one light; read off the embedding it is free of the light of a picture."""
    person: np.ndarray
    """N, the person in each."""


def fit_traits(photos: Photos, ridge: float = 0.1) -> dict[str, np.ndarray]:
    """Fit readers of gender (-1 female, 1 male), log age and skin tone.

    Args:
        photos: to fit on.
        ridge: penalty on the weights.

    Returns:
        embedding_gender, embedding_age, embedding_skin: 129 weights; gender_accuracy, age_correlation and
        skin_correlation on people left out, one at a time.
    """
    embeddings, person = photos.embeddings, photos.person
    targets = {"gender": np.where(photos.male, 1.0, -1.0), "age": np.log(photos.age), "skin": photos.skin}
    guessed = {name: np.zeros(len(person)) for name in targets}
    for out in (person == one for one in np.unique(person)):
        for name, target in targets.items():
            guessed[name][out] = read(linear(embeddings[~out], target[~out], ridge), embeddings[out])
    found = {f"embedding_{name}": linear(embeddings, target, ridge) for name, target in targets.items()}
    found["gender_accuracy"] = np.array(((guessed["gender"] > 0) == photos.male).mean())
    for name in ("age", "skin"):
        found[f"{name}_correlation"] = np.array(np.corrcoef(guessed[name], targets[name])[0, 1])
    return found


def read_people(archive: Path, reader: Reader) -> Photos:
    """Read the photos in a tar, as fit_traits takes them.

    Args:
        archive: the tar, a csv of its name beside it (file, person, age, gender).
        reader: finds the faces; photos without one are left out.
    """
    with archive.with_suffix(".csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    found: dict[str, list] = {"embeddings": [], "male": [], "age": [], "skin": [], "person": []}
    with tarfile.open(archive) as tar:
        members = {Path(member.name).name: member for member in tar if member.isfile()}
        for row in rows:
            photo = tar.extractfile(members[row["file"]]) if row["file"] in members else None
            if photo is None or not row["age"].isdigit():
                continue
            image = np.asarray(Image.open(io.BytesIO(photo.read())).convert("RGB"))
            points = reader.points(image)
            if points is not None:
                found["embeddings"].append(reader.embedding(image, points))
                found["male"].append(row["gender"] == "male")
                found["age"].append(float(row["age"]))
                found["skin"].append(skin_tone(image, points))
                found["person"].append(row["person"])
    return Photos(**{name: np.array(value) for name, value in found.items()})
