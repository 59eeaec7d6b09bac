"""Directions in W that move one thing of a drawn face: found by measuring drawn faces, kept in directions.npz.

    python -m train.data.imagined.drawing --find-directions --traits london_dev.tar

Four steps, none with a label of a drawn face. (1) A `generator.Reading` is fitted that reads small pictures off an
early level. (2) Linear readers of gender, age and skin tone on dlib's identity embedding are fitted on real photos: a
csv tells the first two, the cheeks of photos taken in one light the third. (3) Faces are drawn and measured (landmarks,
gaze, embedding), and measures are regressed on W: each direction raises its own measure and leaves the others alone,
gender, age, skin and who it is among them. (4) Every direction is tried on new faces, on the layers that it will be
applied to; what it does there sets its length and how much of the others is taken out again.
"""

from __future__ import annotations

import csv
import io
import tarfile
from pathlib import Path

import numpy as np
from PIL import Image

POSE = ("yaw", "pitch")
EXPRESSION = ("smile", "jaw", "pucker", "brow", "frown", "blink", "gaze")
TRAITS = ("gender", "age", "skin")
LAYERS = {"pose": (4, 8, 16), "expression": (16, 32)}
"""Side in pixels of the feature maps whose styles an edit of this kind moves; a trait moves all. With the 16 px layers
a step turns the head 1.4 times as far as without, and the embedding no further."""
IDENTITY = 16
"""Leading principal components of the identity embedding that every direction leaves alone, or a face that stops
smiling takes on other eyes."""
FACE = ("smile", "jaw", "brow", "blink", "wink", "pucker", "frown", "gaze")
FREE = {"yaw": FACE, "pitch": FACE, "smile": ("jaw", "pucker"), "pucker": ("smile",), "frown": ("brow",)}
"""What may change along. A turned head shows everything foreshortened; held still, the face breaks. A smile may part
the lips; held shut it needs so long a step that the person changes. A pucker ends a smile. Wink, the difference of the
eyes, is free to no expression, or a blink would shut one eye."""
DIRECTIONS = Path(__file__).with_name("directions.npz")


def kind(name: str) -> str:
    """What a name is: "pose", "expression" or "trait"."""
    return "pose" if name in POSE else "expression" if name in EXPRESSION else "trait"


def fit_directions(
    w: np.ndarray, values: dict[str, np.ndarray], ridge: float = 0.3, free: dict[str, tuple[str, ...]] = FREE
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Directions in W that each change one measure and leave the others alone, by ridge regression of measures on W.

    With B the regression's weights, a column a measure, the directions are D = B (B'B)^-1: then B'D = 1, and every
    direction is orthogonal to what the other measures are read from.

    Args:
        w: N x D styles.
        values: name -> N measures of the faces drawn from them; nan where one is missing.
        ridge: penalty as a share of the styles' total variance.
        free: name -> names of measures that may change along with it.

    Returns:
        (directions, readers), each name -> D float64. A step of strength 1 along a direction raises the measure by one
        standard deviation, as the fit predicts it; (w - mean) @ reader predicts a measure, in standard deviations.
    """
    columns = {}
    for name, value in values.items():
        known = np.isfinite(value)
        x, y = w[known] - w[known].mean(axis=0), (value[known] - value[known].mean()) / value[known].std()
        gram = x @ x.T
        weights = x.T @ np.linalg.solve(gram + ridge * np.trace(gram) / len(x) * np.eye(len(x)), y)
        fit = x @ weights
        columns[name] = weights * (fit @ y) / (fit @ fit)  # undo the shrinkage of the ridge
    directions = {}
    for name in values:
        held = [other for other in values if other not in free.get(name, ())]
        if name in TRAITS:  # who it is may change with it
            held = [other for other in held if not other.startswith("identity")]
        directions[name] = np.linalg.pinv(np.stack([columns[other] for other in held], axis=1))[held.index(name)]
    return directions, columns


def linear(x: np.ndarray, y: np.ndarray, ridge: float) -> np.ndarray:
    """Ridge regression of y (N) on x (N x D): D + 1 weights, the last the constant. No penalty on the constant."""
    centred = x - x.mean(axis=0)
    weights = np.linalg.solve(centred.T @ centred + ridge * np.eye(x.shape[1]), centred.T @ (y - y.mean()))
    return np.append(weights, y.mean() - x.mean(axis=0) @ weights)


def read(weights: np.ndarray, x: np.ndarray) -> np.ndarray:
    """What `linear` fitted, at x (N x D)."""
    return x @ weights[:-1] + weights[-1]


def fit_traits(
    embeddings: np.ndarray, male: np.ndarray, age: np.ndarray, skin: np.ndarray, person: np.ndarray, ridge: float = 0.1
) -> dict[str, np.ndarray]:
    """Readers of gender (-1 female, 1 male), log age and skin tone from identity embeddings (N x 128) of real people.

    skin: skin_tone of photos taken in one light; read off the embedding it is free of the light of a drawn picture.

    Returns:
        embedding_gender, embedding_age, embedding_skin: 129 weights; gender_accuracy, age_correlation and
        skin_correlation on people left out, one at a time.
    """
    targets = {"gender": np.where(male, 1.0, -1.0), "age": np.log(age), "skin": skin}
    guessed = {name: np.zeros(len(age)) for name in targets}
    for out in (person == one for one in np.unique(person)):
        for name, target in targets.items():
            guessed[name][out] = read(linear(embeddings[~out], target[~out], ridge), embeddings[out])
    found = {f"embedding_{name}": linear(embeddings, target, ridge) for name, target in targets.items()}
    found["gender_accuracy"] = np.array(((guessed["gender"] > 0) == male).mean())
    for name in ("age", "skin"):
        found[f"{name}_correlation"] = np.array(np.corrcoef(guessed[name], targets[name])[0, 1])
    return found


def read_people(archive: Path, reader) -> dict[str, np.ndarray]:
    """Embeddings, male, age, skin and person of the photos in a tar, its csv (file, person, age, gender) beside it."""
    rows = list(csv.DictReader(archive.with_suffix(".csv").open()))
    found = {"embeddings": [], "male": [], "age": [], "skin": [], "person": []}
    with tarfile.open(archive) as tar:
        members = {Path(member.name).name: member for member in tar if member.isfile()}
        for row in rows:
            if row["file"] not in members or not row["age"].isdigit():
                continue
            image = np.asarray(Image.open(io.BytesIO(tar.extractfile(members[row["file"]]).read())).convert("RGB"))
            points = reader.points(image)
            if points is not None:
                found["embeddings"].append(reader.embedding(image, points))
                found["male"].append(row["gender"] == "male")
                found["age"].append(float(row["age"]))
                found["skin"].append(skin_tone(image, points))
                found["person"].append(row["person"])
    return {name: np.array(value) for name, value in found.items()}


def aligned(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Landmarks N x 68 x 2 with the roll taken out, about the eyes' midpoint, over the face's size: x, y: N x 68."""
    left, right = points[:, 36:42].mean(1), points[:, 42:48].mean(1)
    along = (right - left) / np.linalg.norm(right - left, axis=1, keepdims=True)
    offset = points - (left + right)[:, None] / 2
    x = (offset * along[:, None]).sum(-1)
    y = (offset * np.stack([-along[:, 1], along[:, 0]], axis=1)[:, None]).sum(-1)
    size = np.maximum(y[:, [48, 54]].mean(1), 1.1 * np.linalg.norm(right - left, axis=1))[:, None]
    return x / size, y / size


def mouth_and_brows(points: np.ndarray) -> dict[str, np.ndarray]:
    """Measures beside `judges.measures`: pucker grows as the mouth narrows and the lips get full, frown as the brows'
    inner ends come together and down. points: N x 68 x 2; name -> N.
    """
    x, y = aligned(points)
    lips = (y[:, 61:64] - y[:, 50:53]).mean(1) + (y[:, 56:59] - y[:, 65:68]).mean(1)
    inner, middle = y[:, [21, 22]].mean(1), y[:, [18, 19, 24, 25]].mean(1)
    return {"pucker": lips - (x[:, 54] - x[:, 48]), "frown": inner - middle - (x[:, 22] - x[:, 21])}


def gaze(image: np.ndarray, points: np.ndarray) -> float:
    """Where the eyes look: -0.5 to 0.5 of the eye's width, growing towards the image's right.

    The centroid of what is darker than the lid's middle tone inside the eyes' outlines. nan for shut eyes.
    image: H x W x 3 uint8. points: 68 x 2.
    """
    grey, places = np.asarray(Image.fromarray(image).convert("L"), dtype=np.float32), []
    for first in (36, 42):
        eye = points[first : first + 6]
        start, along = eye[0], eye[3] - eye[0]
        u, v = np.meshgrid(np.linspace(0.1, 0.9, 33), np.linspace(-0.35, 0.35, 15))
        across = np.array([-along[1], along[0]])
        upper = np.interp(u, *_edge(eye[[0, 1, 2, 3]], start, along, across))
        lower = np.interp(u, *_edge(eye[[0, 5, 4, 3]], start, along, across))
        inside = (v > upper + 0.01) & (v < lower - 0.01)
        if inside.sum() < 20:
            return float("nan")
        place = start + u[..., None] * along + v[..., None] * across
        row = np.clip(place[..., 1].astype(int), 0, grey.shape[0] - 1)
        dark = grey[row, np.clip(place[..., 0].astype(int), 0, grey.shape[1] - 1)]
        weight = np.where(inside, np.clip(np.percentile(dark[inside], 60) - dark, 0, None), 0)
        places.append((weight * u).sum() / max(weight.sum(), 1e-6) - 0.5)
    return float(np.mean(places))


def _edge(points, start, along, across) -> tuple[np.ndarray, np.ndarray]:
    offset, squared = points - start, along @ along
    return offset @ along / squared, offset @ across / squared


def skin_tone(image: np.ndarray, points: np.ndarray) -> float:
    """Individual typology angle of the cheeks, degrees: above 55 very light, 28 to 41 intermediate, below -30 dark.

    ITA = atan((L* - 50) / b*) (Chardon, Cretois and Hourseau 1991) of the median cheek pixel, D65. Light falls into it:
    the same person in the shade reads darker. image: H x W x 3 uint8 sRGB. points: 68 x 2.
    """
    width, pixels = np.linalg.norm(points[45] - points[36]), []
    for eye, corner in ((slice(36, 42), 48), (slice(42, 48), 54)):
        x, y = 0.5 * points[eye].mean(0) + 0.5 * points[corner]
        half = 0.09 * width
        box = image[int(y - half) : int(y + half) + 1, int(max(0, x - half)) : int(x + half) + 1]
        pixels.append(box.reshape(-1, 3))
    colour = np.median(np.concatenate(pixels), axis=0) / 255
    colour = np.where(colour > 0.04045, ((colour + 0.055) / 1.055) ** 2.4, colour / 12.92)
    matrix = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    x, y, z = np.cbrt(np.maximum(np.array(matrix) @ colour / (0.9505, 1.0, 1.089), 0.008856))
    return float(np.degrees(np.arctan2(116 * y - 16 - 50, 200 * (y - z))))


READING_PICTURES = 40
PIXELS = 3000
"""Pixels a picture that the reading is fitted on."""


def fit_reading(engine, seed: int, pictures: int = READING_PICTURES) -> dict[str, np.ndarray]:
    """Weights of generator.Reading, least squares against the whole network's pictures at half their side.

    Returns reading_weight, reading_bias and reading_psnr (dB, on four more pictures).
    """
    import torch
    import torch.nn.functional as F

    from train.data.imagined.generator import Reading, inverse_haar, wavelets

    rng, gram, product, errors = np.random.default_rng([seed, 0]), 0.0, 0.0, []
    network, level = engine.network, Reading.LEVELS
    for i in range(pictures + 4):
        w = engine.styles(rng.standard_normal((1, 512)), rng.uniform(0.6, 1.0))
        rows = torch.from_numpy(engine.rows(w)).to(engine.device, torch.bfloat16)
        with torch.inference_mode():
            x = network.features(rows, level)
            last = network.head(network.levels[level](x, rows[:, 1 + 3 * level : 4 + 3 * level]), rows[:, -1])
            target = F.avg_pool2d(last.float().clamp(-1, 1), 2)
            scaled = x * network.levels[level].up(rows[:, 1 + 3 * level])
            inputs = torch.cat([x, scaled, torch.ones_like(x[:, :1])], dim=1).float()[0].flatten(1).cpu()
            wished = wavelets(target)[0].flatten(1).cpu()
            if i < pictures:
                chosen = torch.from_numpy(rng.permutation(wished.shape[1])[:PIXELS])
                a, b = inputs[:, chosen], wished[:, chosen]
                gram, product = gram + (a @ a.T).double(), product + (a @ b.T).double()
            else:
                if i == pictures:
                    weights = torch.linalg.solve(gram + 1e-4 * torch.diag(gram.diagonal()), product).float()
                found = inverse_haar((weights.T @ inputs).reshape(1, 12, *x.shape[2:]))
                errors.append(float((found.clamp(-1, 1) - target.cpu()).square().mean()))
    psnr = np.mean(10 * np.log10(4 / np.array(errors)))
    return {
        "reading_weight": weights[:-1].T.numpy(),
        "reading_bias": weights[-1].numpy(),
        "reading_psnr": np.array(psnr),
    }


def values_of(points: np.ndarray, embedding: np.ndarray, eyes: np.ndarray, found: dict) -> dict[str, np.ndarray]:
    """All measures of N faces, by name, unscaled. Arrays as `find` keeps them."""
    from train.common.judges import measures

    traits = {name: read(found[f"embedding_{name}"], embedding) for name in TRAITS}
    return {**measures(points), **mouth_and_brows(points), "gaze": eyes, **traits}


def components(embedding: np.ndarray, count: int = IDENTITY) -> dict[str, np.ndarray]:
    """Leading principal components of embeddings N x 128 (nan where there is none): name -> N."""
    known = np.isfinite(embedding).all(axis=1)
    centred = embedding - embedding[known].mean(axis=0)
    axes = np.linalg.svd(centred[known], full_matrices=False)[2][:count]
    return {f"identity_{i}": centred @ axis for i, axis in enumerate(axes)}


def find(
    traits: Path, faces: int, seed: int, draws: Path, out: Path, held_out: int = 4, report=print
) -> dict[str, np.ndarray]:
    """Finds all that `imagined` needs and writes it to `out`.

    Args:
        traits: tar of photos with a csv beside it (read_people).
        faces: how many to draw and measure; the ones that `draws`, an .npz, holds already count.
        held_out: so many new faces tune the directions, and as many again measure them.

    Returns:
        By name: a direction (512) of every pose, expression and trait; read_NAME (512) and `mean` (512); centre_NAME
        and spread_NAME of the measures; embedding_NAME (129) of the traits, with gender_accuracy,
        age_correlation and skin_correlation; the reading; and of the new faces `leak` (directions x measures: the
        change of measure j for strength 1 of direction i, in standard deviations) and `correlation` (of strength and
        change of its own measure).
    """
    from train.common.judges import Reader
    from train.data.imagined.drawing import Imagined

    reader, kept = Reader(), {}
    if draws.exists():
        with np.load(draws, allow_pickle=False) as stored:
            kept = {name: stored[name] for name in stored.files}
    found = {name: kept.pop(name) for name in ("reading_weight", "reading_bias", "reading_psnr") if name in kept}
    if not found:
        found = fit_reading(Imagined({}), seed)
        report(f"a picture is read off level 6 at {found['reading_psnr']:.1f} dB")
    engine = Imagined({k: v.astype(np.float32) for k, v in found.items()})
    found |= fit_traits(**read_people(traits, reader))
    report(f"left-out people: gender {found['gender_accuracy']:.2f} right, "
           f"correlation of age {found['age_correlation']:.2f}, of skin {found['skin_correlation']:.2f}")  # fmt: skip
    kept = _drawn(engine, reader, kept, faces, seed, draws, found, report)
    values = values_of(kept["points"], kept["embedding"], kept["eyes"], found)
    w = kept["w"].astype(np.float64)
    found["mean"] = engine.mean
    for name, value in values.items():
        found[f"centre_{name}"], found[f"spread_{name}"] = np.array(np.nanmean(value)), np.array(np.nanstd(value))
    directions, readers = fit_directions(w, {**values, **components(kept["embedding"])})
    for name in POSE + EXPRESSION + TRAITS:
        found[name], found[f"read_{name}"] = directions[name], readers[name]
    engine = Imagined({k: np.asarray(v, dtype=np.float32) for k, v in found.items()})
    names, measured_names = POSE + EXPRESSION, tuple(values)
    steps, changes = effects(engine, reader, names, measured_names, held_out, [seed, 1])
    for group in (POSE, EXPRESSION):
        found |= untangled({name: directions[name] for name in group}, _slopes(steps, changes), measured_names)
    engine.found |= {name: np.asarray(found[name], dtype=np.float32) for name in names}
    steps, changes = effects(engine, reader, names, measured_names, held_out, [seed, 2])
    slopes = _slopes(steps, changes)
    found["leak"] = np.array([slopes[name] for name in names])
    own = {name: changes[name][:, measured_names.index(name)] for name in names}
    known = {name: np.isfinite(own[name]) for name in names}
    found["correlation"] = np.array([np.corrcoef(steps[n][known[n]], own[n][known[n]])[0, 1] for n in names])
    for i, name in enumerate(names):
        row = {m: round(float(v), 2) for m, v in zip(measured_names, found["leak"][i]) if abs(v) > 0.15}
        report(f"{name}: correlation {found['correlation'][i]:.2f}, moves {row}")
    np.savez(out, **{name: np.asarray(v, dtype=np.float32) for name, v in found.items()})
    return found


def _drawn(
    engine, reader, kept: dict, faces: int, seed: int, draws: Path, found: dict, report
) -> dict[str, np.ndarray]:
    """Draws and measures until there are `faces`, saving every 50."""
    rows = {name: list(kept.get(name, ())) for name in ("w", "points", "embedding", "eyes")}
    while len(rows["w"]) < faces:
        w = engine.styles(np.random.default_rng([seed, 3, len(rows["w"])]).standard_normal((1, 512)), 0.9)
        image = engine.draw(engine.rows(w))[0]
        points = reader.points(image)
        missed = points is None  # counts too, or the same face would be drawn for ever
        points = np.full((68, 2), np.nan) if missed else points
        rows["w"].append(w[0])
        rows["points"].append(points)
        rows["embedding"].append(np.full(128, np.nan) if missed else reader.embedding(image, points))
        rows["eyes"].append(np.nan if missed else gaze(image, points))
        if len(rows["w"]) % 50 == 0 or len(rows["w"]) == faces:
            np.savez(
                draws, **{k: np.array(v) for k, v in rows.items()}, **{k: found[k] for k in found if "reading" in k}
            )
            report(f"{len(rows['w'])} of {faces} faces drawn")
    return {name: np.array(value) for name, value in rows.items()}


def effects(engine, reader, names: tuple, measures: tuple, faces: int, seed: list[int]) -> tuple[dict, dict]:
    """Draws new faces with every direction at strength -1.3 and 1.3.

    Returns:
        name -> M strengths, and name -> M x measures, their changes from the mean of the two, in standard deviations.
    """
    from train.data.imagined.drawing import measured

    steps, changes = {name: [] for name in names}, {name: [] for name in names}
    base = engine.rows(engine.styles(np.random.default_rng(seed).standard_normal((faces, 512)), 0.75))
    strengths = np.array([-1.3, 1.3])
    for style in base:
        for name in names:
            pictures = engine.draw(engine.edit(np.stack([style, style]), {name: strengths}))
            seen = [measured(picture, reader, engine.found) for picture in pictures]
            if all(seen):
                read_off = np.array([[face.values[m] for m in measures] for face in seen])
                steps[name] += list(strengths)
                changes[name] += list(read_off - read_off.mean(axis=0))
    return {n: np.array(v) for n, v in steps.items()}, {n: np.array(v) for n, v in changes.items()}


def _slopes(steps: dict, changes: dict) -> dict[str, np.ndarray]:
    """Name -> change of every measure for strength 1."""
    return {
        name: np.nansum(steps[name][:, None] * changes[name], axis=0)
        / np.where(np.isfinite(changes[name]), np.square(steps[name])[:, None], 0).sum(axis=0)
        for name in steps
    }


def untangled(
    directions: dict[str, np.ndarray],
    effect: dict[str, np.ndarray],
    measures: tuple,
    ridge: float = 0.1,
    longest: float = 2.0,
) -> dict[str, np.ndarray]:
    """Mixes directions of one kind so that each moves its own measure by 1 and the others little.

    Args:
        effect: name -> measured change of every measure for strength 1.
        ridge: of the mix, against noise in the effects.
        longest: most that a direction is stretched.
    """
    names = list(directions)
    matrix = np.stack([effect[name] for name in names])  # directions x measures
    found = {}
    for i, name in enumerate(names):
        weight = np.array([0.0 if m in FREE.get(name, ()) else 1.0 for m in measures])
        goal = np.array([float(m == name) for m in measures])
        start = np.eye(len(names))[i] * min(1 / max(matrix[i, measures.index(name)], 1e-6), longest)
        left = (matrix * weight) @ matrix.T + ridge * np.eye(len(names))
        mix = start + np.linalg.solve(left, (matrix * weight) @ (goal - start @ matrix))
        moved = float(mix @ matrix[:, measures.index(name)])
        mix = mix * min(1 / max(moved, 1e-6), longest / np.abs(mix).max())
        found[name] = sum(m * directions[n] for m, n in zip(mix, names))
    return found
