"""The `swaps` suite: a checkpoint on real photos, by judges that took no part in training.

    python -m train evaluate --suite swaps --checkpoint explorer --data london:london_dev.tar --out results.json

Reads photos of people neutral and smiling (Face Research Lab London Set layout: a tar of photos, a
csv of the same name with file, person, expression). Identity is judged by dlib's embedding, the smile by the geometry
of dlib's landmarks, both on pictures of 256 px.
"""

from pathlib import Path

import numpy as np
import torch

from latentface.autoencoder import Codes
from latentface.checkpoints import load_pipeline
from latentface.crop import crop
from latentface.photo import read_photo
from latentface.pictures import picture
from latentface.pipeline import LatentFacePipeline
from train.common.judges import Reader, measures
from train.common.run import Progress
from train.common.sheets import tile
from train.data.london import london_photos
from train.evaluation.groups import by_group
from train.evaluation.true_swaps import true_swaps

SIDE = 256
"""Side in pixels of the pictures that judges see."""
STRONG = 1.5
"""How many times the expression is put on in the swaps across people called "strong"."""


class Judged:
    """Identity and smile of one picture: embedding (128), or None where the judge's landmarks fail, and smile."""

    def __init__(self, reader: Reader, image: np.ndarray, box: tuple[int, int, int, int]):
        points = reader.points(image, box)
        self.embedding = reader.embedding(image, points)
        self.smile = float(measures(points[None])["smile"][0])


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    """Cosine of two embeddings."""
    return float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))


def told(
    judged: dict[int, Judged], smiling: dict[int, bool], pairs: list[tuple[int, int]]
) -> dict[tuple[int, int], bool]:
    """Tell of pairs of pictures of one person, one of which was to smile, whether the judge finds that it does so more.

    Faces differ in how much they seem to smile while neutral; this asks only what was changed. Chance is a half.
    """
    ordered = {pair: pair if smiling[pair[1]] else pair[::-1] for pair in pairs}
    return {pair: judged[smile].smile > judged[neutral].smile for pair, (neutral, smile) in ordered.items()}


def told_apart(judged: dict[int, Judged], smiling: dict[int, bool], pairs: list[tuple[int, int]]) -> float:
    """Return the share of pairs that are `told`."""
    return float(np.mean(list(told(judged, smiling, pairs).values())))


def distances_to_others(
    rows: list[dict[str, str]], neutral: list[int], real: list[Judged], made: list[Judged]
) -> dict[int, float]:
    """Average the distances of rebuilt faces to other people of the same ethnicity, where the table names any.

    Distances between two people differ from group to group, so those to oneself say little without these.
    """
    results = {}
    for i, row in enumerate(rows):
        others = [
            j for j in neutral
            if rows[j]["person"] != row["person"] and rows[j].get("ethnicity") == row.get("ethnicity")
        ]  # fmt: skip
        if others:
            results[i] = float(np.mean([np.linalg.norm(made[i].embedding - real[j].embedding) for j in others]))
    return results


def swaps(pipeline: LatentFacePipeline, tar: Path, strength: float = 1.0, seed: int = 0) -> tuple[dict, torch.Tensor]:
    """Measure a checkpoint on photos; return flat results and the contact sheet's rows.

    Every person has a neutral and a smiling photo. Reconstructions are compared with their photos; expressions are
    swapped within each person (both ways: the truth is the other photo) and with the next person (both ways), there
    also STRONG times as strongly.
    """
    reader = Reader()
    entries = london_photos(tar, ["expression"])
    rows = [entry.row for entry in entries]
    progress = Progress(len(rows), unit="photos")
    faces, photos, reconstructions, small, boxes = [], [], [], [], []
    for done, entry in enumerate(entries, 1):
        image = read_photo(entry.content())
        face = pipeline.read(image)
        assert face.alignment is not None, "it was found in a photo"
        big = crop(image, face.alignment.square, SIDE)
        faces.append(face)
        photos.append(big)
        boxes.append(reader.box(big))
        small.append(picture(face.crop[0], SIDE))
        reconstructions.append(picture(pipeline.decode(face.codes).render()[0][0], SIDE))
        progress(done, line=done == len(rows))
    usual = tuple(int(v) for v in np.median([b for b in boxes if b], axis=0))
    boxes = [box or usual for box in boxes]

    def judge(images: list[np.ndarray], where: list) -> list[Judged]:
        return [Judged(reader, image, box) for image, box in zip(images, where, strict=True)]

    real, low, made = judge(photos, boxes), judge(small, boxes), judge(reconstructions, boxes)
    neutral = [i for i, row in enumerate(rows) if row["expression"] == "neutral"]
    smiling = [i for i, row in enumerate(rows) if row["expression"] != "neutral"]
    partner = {rows[i]["person"]: i for i in smiling}
    pairs = [(i, partner[rows[i]["person"]]) for i in neutral if rows[i]["person"] in partner]
    threshold = (np.mean([real[i].smile for i in neutral]) + np.mean([real[i].smile for i in smiling])) / 2
    wants = dict.fromkeys(neutral, False) | dict.fromkeys(smiling, True)

    def recognised(judged: list[Judged]) -> float:
        return float(np.mean([(judged[i].smile > threshold) == wants[i] for i in range(len(rows))]))

    crops = torch.cat([face.crop for face in faces])
    plain = torch.cat([pipeline.decode(face.codes).render()[0].clamp(-1, 1) for face in faces])
    error = (plain - crops) / 2
    distances = [float(np.linalg.norm(r.embedding - m.embedding)) for r, m in zip(real, made, strict=True)]
    nearest = {j: max(neutral, key=lambda i: cosine(real[i].embedding, made[j].embedding)) for j in neutral}
    others = distances_to_others(rows, neutral, real, made)
    figures: dict[str, dict[int, float]] = {
        "reconstruction_l1": dict(enumerate(error.abs().mean((1, 2, 3)).tolist())),
        "identity_distance": dict(enumerate(distances)),
        "identity_distance_others": others,
        "identity_share": {i: distances[i] / others[i] for i in others},
        "identity_top1": {j: float(i == j) for j, i in nearest.items()},
        "smile_told_on_reconstructions": {
            i: float(right) for (i, _), right in told(dict(enumerate(made)), wants, pairs).items()
        },
    }
    results = {
        "photos": len(rows),
        "pairs": len(pairs),
        "reconstruction_l1": float(error.abs().mean()),
        "reconstruction_psnr": float(-10 * torch.log10(error.square().mean((1, 2, 3))).mean()),
        "identity_cosine": float(np.mean([cosine(r.embedding, m.embedding) for r, m in zip(real, made, strict=True)])),
        "identity_distance": float(np.mean(distances)),
        "identity_cosine_photo_at_model_size": float(
            np.mean([cosine(r.embedding, m.embedding) for r, m in zip(real, low, strict=True)])
        ),
        "identity_cosine_other_people": float(
            np.mean([cosine(real[a].embedding, made[b].embedding) for a in neutral for b in neutral if a != b])
        ),
        "identity_top1": float(np.mean([i == j for j, i in nearest.items()])),
        "smile_judge_on_photos": recognised(real),
        "smile_judge_on_reconstructions": recognised(made),
        "smile_told_on_photos": told_apart(dict(enumerate(real)), wants, pairs),
        "smile_told_on_reconstructions": told_apart(dict(enumerate(made)), wants, pairs),
    }
    batch = Codes.cat([face.codes for face in faces])
    people = [p for pair in pairs for p in pair]
    after = {p: people[(k + 2) % len(people)] for k, p in enumerate(people)}  # next person, same expression
    other = {a: b for pair in pairs for a, b in (pair, pair[::-1])}  # same person, other expression
    sheet = [crops]
    next_person = {p: other[after[p]] for p in people}
    for name, giver, times in (("within", other, 1), ("across", next_person, 1), ("strong", next_person, STRONG)):
        order = list(giver)
        swapped = pipeline.decode(pipeline.swap(batch[order], batch[[giver[i] for i in order]], times * strength, seed))
        images = swapped.render()[0].clamp(-1, 1)
        judged = judge([picture(image, SIDE) for image in images], [boxes[i] for i in order])
        to_a = [cosine(j.embedding, real[i].embedding) for j, i in zip(judged, order, strict=True)]
        to_b = [cosine(j.embedding, real[giver[i]].embedding) for j, i in zip(judged, order, strict=True)]
        results[f"{name}_expression_recognised"] = float(
            np.mean([(j.smile > threshold) == wants[giver[i]] for j, i in zip(judged, order, strict=True)])
        )
        seen = told(dict(zip(order, judged, strict=True)), {i: wants[giver[i]] for i in order}, pairs)
        results[f"{name}_smile_told"] = float(np.mean(list(seen.values())))
        moved = [j.smile - made[i].smile for j, i in zip(judged, order, strict=True)]
        wished = [real[giver[i]].smile - real[i].smile for i in order]
        results[f"{name}_smile_moved"] = float(np.dot(moved, wished) / np.dot(wished, wished))
        results[f"{name}_identity_cosine_to_a"] = float(np.mean(to_a))
        if name != "within":
            results[f"{name}_identity_cosine_to_b"] = float(np.mean(to_b))
            results[f"{name}_nearer_a"] = float(np.mean(np.array(to_a) > np.array(to_b)))
        if name == "across":
            figures["across_smile_told"] = {i: float(right) for (i, _), right in seen.items()}
            figures["across_nearer_a"] = {i: float(a > b) for i, a, b in zip(order, to_a, to_b, strict=True)}
        placed = torch.zeros_like(crops)
        placed[order] = images
        sheet.append(placed)
    neutral_faces = pipeline.decode(pipeline.neutral(batch, seed)).render()[0].clamp(-1, 1)
    if grouped := by_group(rows, figures, errors=("identity_share",)):
        results["by"] = grouped
    columns = torch.stack([sheet[0], plain, neutral_faces, *sheet[1:]], 1)
    return results, columns[people]


def run(checkpoints: list[str], data: list[tuple[str, Path]], out: Path, seed: int = 0) -> dict:
    """Run the suite: one checkpoint, one london:FILE.tar or truth:SHARDS; a contact sheet is written beside `out`."""
    if len(checkpoints) != 1 or len(data) != 1 or data[0][0] not in ("london", "truth"):
        raise ValueError("the swaps suite takes one --checkpoint and one --data, london:FILE.tar or truth:SHARDS")
    kind, path = data[0]
    measured = {"london": swaps, "truth": true_swaps}[kind]
    results, columns = measured(load_pipeline(checkpoints[0]), path, seed=seed)
    columns = columns[:48] if kind == "truth" else columns
    half = columns[: len(columns) // 2 * 2].reshape(-1, 2 * columns.shape[1], *columns.shape[2:])
    out.parent.mkdir(parents=True, exist_ok=True)
    tile(list(half), 1).save(out.with_suffix(".png"))
    return {**results, "strength": 1.0}
