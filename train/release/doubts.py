"""Fit and prove which photos are doubted (see latentface.doubts), with the same few false alarms in every group.

Photos of one half of the people, and pictures made from them that are no photo of a bare face, are told apart by
logistic regression; every skin tone counts alike. The limit is set so that of no skin tone more than ALARMS of the
photos of that half are doubted by regressions that have not seen their people. All figures in the record are of the
other half.
"""

import hashlib
import io
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, cross_val_predict

from latentface.alignment import Alignment, NoFaceError, align
from latentface.checkpoints import CheckpointError, find, load_pipeline
from latentface.crop import turned_crop
from latentface.doubts import NAMES, Doubts, write_doubts
from latentface.photo import read_photo
from latentface.pipeline import ASIDE, NOSE_ASIDE, LatentFacePipeline
from train.common.judges import Reader
from train.common.run import Progress, record
from train.common.skin_tone import typology_angle
from train.data.imagined.traits import fit_traits, read, read_people
from train.data.london import london_photos
from train.evaluation.doubtful import MAKERS
from train.evaluation.groups import age_group

ALARMS = 0.02
"""Most photos of a skin tone, in the fitting half, that are doubted."""
FOLDS = 5
"""Parts of the fitting half, by people, each judged by a regression on the others."""
SKINS = (("dark", -91.0), ("medium", 10.0), ("light", 41.0))
"""Names of skin tones and the ITA in degrees from which they begin (see train.common.skin_tone)."""
CROP = 256
"""Side in pixels of what judges see."""
BOX = (40, 60, 216, 236)
"""Where a judge looks for the face in it if it finds none by itself."""


@dataclass
class Seen:
    """A picture, as the doubts see it."""

    kind: str
    """"photo", or one of MAKERS."""
    person: str
    groups: dict[str, str]
    """Kind of group -> the person's."""
    measures: list[float]
    """Of NAMES."""
    aside: bool
    """Whether the head is found to be turned far aside, which is said in any case."""

    @property
    def fitted(self) -> bool:
        """Whether its person is in the half that is fitted on."""
        return hashlib.sha256(self.person.encode()).digest()[0] % 2 == 0


class Groups:
    """Judges a person's skin tone, gender and age group by what was fitted on a set of real people."""

    def __init__(self, archive: Path):
        self.reader = Reader()
        self._traits = fit_traits(read_people(archive, self.reader))

    def __call__(self, photo: np.ndarray, found: Alignment) -> dict[str, str] | None:
        """Judge a face of a photo, uint8 H x W x 3; None where no landmarks are found."""
        crop = turned_crop(photo, found.square, CROP, found.roll)
        points = self.reader.points(crop, self.reader.box(crop) or BOX)
        if points is None:
            return None
        embedding = self.reader.embedding(crop, points)[None]
        tone, gender, age = (
            float(read(self._traits[f"embedding_{n}"], embedding)[0]) for n in ("skin", "gender", "age")
        )
        return {
            "skin tone": next(name for name, from_ in reversed(SKINS) if tone >= from_),
            "gender": "male" if gender > 0 else "female",
            "age": age_group(str(np.exp(age))) or "",
        }


def see(pipeline: LatentFacePipeline, found: Alignment, kind: str, person: str, groups: dict[str, str]) -> Seen:
    """Read the face of a picture as a visitor's would be."""
    codes = pipeline.encode(pipeline.tensor(found.level)).rolled(found.tilt)
    measured = pipeline.agreement(found, pipeline.tensor(found.image), codes)
    aside = abs(codes.view[0, 0].item()) > ASIDE or found.nose_aside > NOSE_ASIDE
    return Seen(kind, person, groups, [measured[name] for name in NAMES], aside)


def darkness(content: bytes) -> float:
    """Guess a skin tone: the ITA in degrees of a photo's middle, shifted by light and background."""
    pixels = np.asarray(Image.open(io.BytesIO(content)).convert("RGB").resize((16, 16)))
    return float(typology_angle(np.median(pixels[6:11, 5:11].reshape(-1, 3), axis=0)))


def one_each(archive: Path) -> list[tuple[str, bytes]]:
    """Give (person, file) of the first photo of every person in a tar whose files are named Name_0001."""
    found: dict[str, bytes] = {}
    with tarfile.open(archive) as tar:
        for member in sorted((m for m in tar if m.isfile()), key=lambda m: m.name):
            person = Path(member.name).stem.rsplit("_", 1)[0]
            file = None if person in found else tar.extractfile(member)
            if file is not None:
                found[person] = file.read()
    return list(found.items())


def pictures(pipeline: LatentFacePipeline, photos: Path, known: Path, people: int, seed: int) -> tuple[list[Seen], int]:
    """Read photos of both sets, and make pictures that are no photos of two of MAKERS from each.

    Args:
        pipeline: the model.
        photos: tar of photos named Name_0001, the first of every person is taken.
        known: tar of photos with a table (see train.data.london), which tells groups.
        people: most people of `photos`: half of them at random, half those whose photos' middles are darkest.
        seed: of the order, and of what is made.

    Returns:
        What was seen, and how many pictures that were made had no face to be found.
    """
    rng, judge = np.random.default_rng(seed), Groups(known)
    entries = [(entry.row["person"], entry.content(), entry.row) for entry in london_photos(known, ["age", "gender"])]
    order = one_each(photos)
    some = [order[i] for i in rng.permutation(len(order))]
    darkest = sorted(some, key=lambda one: darkness(one[1]))[: people // 2]  # dark skin is rare in such sets
    chosen = dict(darkest) | dict(some[: people - people // 2])
    entries += [(person, content, {}) for person, content in chosen.items()]
    seen, missed, kinds, progress = [], 0, list(MAKERS), Progress(len(entries), unit="photos")
    for number, (person, content, row) in enumerate(entries):
        progress(number + 1, line=number + 1 == len(entries))
        photo = read_photo(content)
        try:
            found = align(photo, pipeline.size)
        except NoFaceError:
            continue
        groups = judge(photo, found)
        if groups is None:
            continue
        groups |= {"ethnicity": row["ethnicity"].replace("_", " ")} if row.get("ethnicity") else {}
        seen.append(see(pipeline, found, "photo", person, groups))
        made = {"photo": Image.fromarray(photo)}
        for kind in (kinds[number % len(kinds)], kinds[(number + len(kinds) // 2) % len(kinds)]):
            made[kind] = MAKERS[kind](Image.fromarray(photo), found.face.landmarks, rng)
        for kind, picture in made.items():
            try:
                again = align(read_photo(stored(picture, rng)), pipeline.size)
            except NoFaceError:
                missed += kind != "photo"
            else:
                seen.append(see(pipeline, again, kind, person, groups))
    return seen, missed


def stored(picture: Image.Image, rng: np.random.Generator) -> bytes:
    """Save a picture as somebody might, enlarged up to twice and compressed more or less.

    Photos too are saved so: otherwise what was saved twice, and not what was covered or drawn, would be told apart.
    """
    scale, quality = float(rng.uniform(1, 2)), int(rng.integers(50, 96))
    large = picture.resize((round(picture.width * scale), round(picture.height * scale)), Image.Resampling.BICUBIC)
    file = io.BytesIO()
    large.convert("RGB").save(file, "jpeg", quality=quality)
    return file.getvalue()


def fit(seen: list[Seen]) -> Doubts:
    """Fit on the fitting half; see the module."""
    half = [one for one in seen if one.fitted]
    measures = np.array([one.measures for one in half])
    good = np.array([one.kind == "photo" for one in half])
    skins = np.array([one.groups["skin tone"] for one in half])
    mean, spread = measures[good].mean(0), measures[good].std(0) + 1e-9
    people = np.array([one.person for one in half])
    share = np.where(good, 0.0, 1 / max(1, int((~good).sum())))
    tones = [tone for tone, _ in SKINS if (good & (skins == tone)).any()]
    for tone in tones:
        share[good & (skins == tone)] = 1 / len(tones) / (good & (skins == tone)).sum()
    model, scaled, weight = LogisticRegression(C=0.3, max_iter=3000), (measures - mean) / spread, share * len(half)
    unseen = np.asarray(
        cross_val_predict(
            model, scaled, ~good, groups=people, cv=GroupKFold(FOLDS), params={"sample_weight": weight},
            method="decision_function",
        )
    )  # fmt: skip
    model.fit(scaled, ~good, weight)
    weights = model.coef_[0] / spread
    highest = max(float(np.quantile(unseen[good & (skins == tone)], 1 - ALARMS)) for tone in tones)
    limit = highest - float(np.asarray(model.intercept_)[0])
    return Doubts(mean, weights, limit, {})


def figures(doubts: Doubts, seen: list[Seen], missed: int) -> dict[str, Any]:
    """Count false alarms by group and what is flagged of every kind, on the half that was not fitted on."""
    rest = [one for one in seen if not one.fitted]

    def doubted(one: Seen) -> bool:
        """Tell whether a picture is doubted."""
        return doubts.amount(dict(zip(NAMES, one.measures, strict=True))) > 0

    alarms: dict[str, dict[str, list[bool]]] = {}
    flagged: dict[str, list[bool]] = {}
    for one in rest:
        if one.kind == "photo":
            for kind, group in one.groups.items():
                alarms.setdefault(kind, {}).setdefault(group, []).append(doubted(one))
        else:
            flagged.setdefault(one.kind, []).append(doubted(one) or one.aside)
    photos = [doubted(one) for one in rest if one.kind == "photo"]
    return {
        "photos": len(photos),
        "false_alarms": float(np.mean(photos)),
        "by": {
            kind: {
                group: {"photos": len(all_), "doubted": float(np.mean(all_))} for group, all_ in sorted(found.items())
            }
            for kind, found in alarms.items()
        },
        "flagged": {kind: {"pictures": len(all_), "flagged": float(np.mean(all_))} for kind, all_ in flagged.items()},
        "made_without_a_face": missed,
        "fitted_on": len(seen) - len(rest),
    }


def find_doubts(checkpoint: str, photos: Path, known: Path, people: int, seed: int) -> dict[str, Any]:
    """Fit a checkpoint's doubts, write them into its folder and return the figures (`python -m train doubts`).

    Raises:
        CheckpointError: it is no folder of this machine, or does not load.
        ValueError: a set of photos is missing or not as expected.
    """
    folder = find(checkpoint)
    if folder is None:
        raise CheckpointError(f"{checkpoint} is no checkpoint on this machine: the table is written into its folder")
    seen, missed = pictures(load_pipeline(checkpoint), photos, known, people, seed)
    doubts = fit(seen)
    found = figures(doubts, seen, missed)
    about = record({"checkpoint": folder.name, "people": people}, data=[photos.name, known.name], seed=seed)
    write_doubts(Doubts(doubts.mean, doubts.weights, doubts.limit, {**found, **about}), folder)
    return found
