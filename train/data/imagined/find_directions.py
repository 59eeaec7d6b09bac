"""Finding the directions in W, once: writes directions.npz.

    python -m train.data.imagined.find_directions --traits london_dev.tar

Four steps, none with a label of a drawn face. (1) A `generator.Reading` is fitted that reads small pictures off an
early level. (2) Linear readers of gender, age and skin tone on dlib's identity embedding are fitted on real photos
(`traits`). (3) Faces are drawn and measured (landmarks, gaze, embedding), and measures are regressed on W: each
direction raises its own measure and leaves the others alone, gender, age, skin and identity among them. (4) Every
direction is tried on new faces, on the layers that it will be applied to; the measured effects set its length and how
much of the others is taken out again.
"""

import argparse
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from train.common.judges import Reader
from train.data.imagined.directions import DIRECTIONS, EXPRESSION, POSE, TRAITS
from train.data.imagined.fit_reading import fit_reading
from train.data.imagined.measurements import gaze, measured, values_of
from train.data.imagined.model import Imagined
from train.data.imagined.traits import fit_traits, read_people

Named = dict[str, np.ndarray]
"""Arrays by the name of a direction or measure."""

IDENTITY = 16
"""Leading principal components of the identity embedding that every direction leaves alone, or a face that stops
smiling takes on other eyes."""
FACE = ("smile", "jaw", "brow", "blink", "wink", "pucker", "frown", "gaze")
FREE = {"yaw": FACE, "pitch": FACE, "smile": ("jaw", "pucker"), "pucker": ("smile",), "frown": ("brow",)}
"""Measures that may change along. A turned head shows everything foreshortened; held still, the face breaks. A smile
may part the lips; held shut it needs so long a step that the person changes. A pucker ends a smile. Wink, the
difference of the eyes, is free to no expression, or a blink would shut one eye."""


def fit_directions(
    w: np.ndarray, values: Named, ridge: float = 0.3, free: Mapping[str, tuple[str, ...]] = FREE
) -> tuple[Named, Named]:
    """Fit directions in W that each change one measure and leave the others alone.

    Measures are regressed on W by ridge regression.

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
        if name in TRAITS:  # identity may change with a trait
            held = [other for other in held if not other.startswith("identity")]
        directions[name] = np.linalg.pinv(np.stack([columns[other] for other in held], axis=1))[held.index(name)]
    return directions, columns


def untangled(
    directions: Named, effect: Named, measures: Sequence[str], ridge: float = 0.1, longest: float = 2.0
) -> Named:
    """Mix directions of one kind so that each moves its own measure by 1 and the others little.

    Args:
        directions: name -> direction.
        effect: name -> measured change of every measure for strength 1.
        measures: names of the measures, in the order of the effects.
        ridge: of the mix, against noise in the effects.
        longest: most that a direction is stretched.

    Returns:
        Name -> direction.
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
        found[name] = sum(m * directions[n] for m, n in zip(mix, names, strict=True))
    return found


def components(embedding: np.ndarray, count: int = IDENTITY) -> Named:
    """Return leading principal components of embeddings N x 128 (nan where there is none): name -> N."""
    known = np.isfinite(embedding).all(axis=1)
    centred = embedding - embedding[known].mean(axis=0)
    axes = np.linalg.svd(centred[known], full_matrices=False)[2][:count]
    return {f"identity_{i}": centred @ axis for i, axis in enumerate(axes)}


def find(
    traits: Path,
    faces: int,
    seed: int,
    draws: Path,
    out: Path,
    held_out: int = 4,
    report: Callable[[str], None] = print,
) -> Named:
    """Find all that `imagined` needs and write it to `out`.

    Args:
        traits: tar of photos with a csv beside it (traits.read_people).
        faces: how many to draw and measure; the ones that `draws`, an .npz, holds already count.
        seed: of the draws.
        draws: where drawn faces are kept.
        out: the .npz to write.
        held_out: so many new faces tune the directions, and as many again measure them.
        report: called with lines of progress.

    Returns:
        By name: a direction (512) of every pose, expression and trait; read_NAME (512) and `mean` (512); centre_NAME
        and spread_NAME of the measures; embedding_NAME (129) of the traits, with gender_accuracy,
        age_correlation and skin_correlation; the reading; and of the new faces `leak` (directions x measures: the
        change of measure j for strength 1 of direction i, in standard deviations) and `correlation` (of strength and
        change of its own measure).
    """
    reader, kept = Reader(), {}
    if draws.exists():
        with np.load(draws, allow_pickle=False) as stored:
            kept = {name: stored[name] for name in stored.files}
    found = {name: kept.pop(name) for name in ("reading_weight", "reading_bias", "reading_psnr") if name in kept}
    if not found:
        found = fit_reading(Imagined({}), seed)
        report(f"a picture is read off level 6 at {found['reading_psnr']:.1f} dB")
    engine = Imagined(_float32(found))
    found |= fit_traits(read_people(traits, reader))
    report(
        f"left-out people: gender {found['gender_accuracy']:.2f} right, "
        f"correlation of age {found['age_correlation']:.2f}, of skin {found['skin_correlation']:.2f}"
    )
    kept = _drawn(engine, reader, kept, faces, seed, draws, found, report)
    values = values_of(kept["points"], kept["embedding"], kept["eyes"], found)
    found["mean"] = engine.mean
    for name, value in values.items():
        found[f"centre_{name}"], found[f"spread_{name}"] = np.array(np.nanmean(value)), np.array(np.nanstd(value))
    directions, readers = fit_directions(kept["w"].astype(np.float64), {**values, **components(kept["embedding"])})
    for name in POSE + EXPRESSION + TRAITS:
        found[name], found[f"read_{name}"] = directions[name], readers[name]
    found |= _tuned(Imagined(_float32(found)), reader, directions, tuple(values), held_out, seed)
    for i, name in enumerate(POSE + EXPRESSION):
        row = {m: round(float(v), 2) for m, v in zip(values, found["leak"][i], strict=True) if abs(v) > 0.15}
        report(f"{name}: correlation {found['correlation'][i]:.2f}, moves {row}")
    np.savez(out, **_float32(found))
    return found


def _float32(found: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """The arrays in single precision."""
    return {name: np.asarray(value, dtype=np.float32) for name, value in found.items()}


def _drawn(
    engine: Imagined,
    reader: Reader,
    kept: Named,
    faces: int,
    seed: int,
    draws: Path,
    found: Named,
    report: Callable[[str], None],
) -> Named:
    """Draw and measure until there are `faces`, saving every 50."""
    rows = {name: list(kept.get(name, ())) for name in ("w", "points", "embedding", "eyes")}
    while len(rows["w"]) < faces:
        w = engine.styles(np.random.default_rng([seed, 3, len(rows["w"])]).standard_normal((1, 512)), 0.9)
        image = engine.draw(engine.rows(w))[0]
        points = reader.points(image)
        rows["w"].append(w[0])
        # a missed face counts too, or the same one would be drawn for ever
        rows["points"].append(np.full((68, 2), np.nan) if points is None else points)
        rows["embedding"].append(np.full(128, np.nan) if points is None else reader.embedding(image, points))
        rows["eyes"].append(np.nan if points is None else gaze(image, points))
        if len(rows["w"]) % 50 == 0 or len(rows["w"]) == faces:
            arrays: dict[str, Any] = {name: np.array(value) for name, value in rows.items()}
            arrays |= {name: found[name] for name in found if "reading" in name}
            np.savez(draws, **arrays)
            report(f"{len(rows['w'])} of {faces} faces drawn")
    return {name: np.array(value) for name, value in rows.items()}


def _tuned(
    engine: Imagined, reader: Reader, directions: Named, measures: tuple[str, ...], held_out: int, seed: int
) -> Named:
    """Directions untangled on some new faces; `leak` and `correlation` on others."""
    names = POSE + EXPRESSION
    steps, changes = effects(engine, reader, names, measures, held_out, [seed, 1])
    found: Named = {}
    for group in (POSE, EXPRESSION):
        found |= untangled({name: directions[name] for name in group}, _slopes(steps, changes), measures)
    engine.found |= _float32(found)
    steps, changes = effects(engine, reader, names, measures, held_out, [seed, 2])
    slopes = _slopes(steps, changes)
    found["leak"] = np.array([slopes[name] for name in names])
    own = {name: changes[name][:, measures.index(name)] for name in names}
    known = {name: np.isfinite(own[name]) for name in names}
    found["correlation"] = np.array([np.corrcoef(steps[n][known[n]], own[n][known[n]])[0, 1] for n in names])
    return found


def effects(
    engine: Imagined, reader: Reader, names: Sequence[str], measures: Sequence[str], faces: int, seed: list[int]
) -> tuple[Named, Named]:
    """Draw new faces with every direction at strength -1.3 and 1.3.

    Args:
        engine: the generator with its directions.
        reader: the judge.
        names: directions.
        measures: names of the measures.
        faces: how many new faces.
        seed: of them.

    Returns:
        Name -> M strengths, and name -> M x measures, their changes from the mean of the two, in standard deviations.
    """
    steps, changes = {name: [] for name in names}, {name: [] for name in names}
    base = engine.rows(engine.styles(np.random.default_rng(seed).standard_normal((faces, 512)), 0.75))
    strengths = np.array([-1.3, 1.3])
    for style in base:
        for name in names:
            pictures = engine.draw(engine.edit(np.stack([style, style]), {name: strengths}))
            seen = [face for picture in pictures if (face := measured(picture, reader, engine.found))]
            if len(seen) == len(pictures):
                read_off = np.array([[face.values[m] for m in measures] for face in seen])
                steps[name] += list(strengths)
                changes[name] += list(read_off - read_off.mean(axis=0))
    return {n: np.array(v) for n, v in steps.items()}, {n: np.array(v) for n, v in changes.items()}


def _slopes(steps: Named, changes: Named) -> Named:
    """Name -> change of every measure for strength 1."""
    return {
        name: np.nansum(steps[name][:, None] * changes[name], axis=0)
        / np.where(np.isfinite(changes[name]), np.square(steps[name])[:, None], 0).sum(axis=0)
        for name in steps
    }


def main(arguments: list[str] | None = None) -> None:
    """Find the directions and write them."""
    parser = argparse.ArgumentParser(
        prog="python -m train.data.imagined.find_directions", description="Find the directions of `imagined`."
    )
    parser.add_argument("--traits", type=Path, required=True, metavar="TAR", help="photos of people, a csv beside them")
    parser.add_argument("--faces", type=int, default=700, help="how many faces to draw and measure")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--draws", type=Path, default=Path("draws.npz"), help="where drawn faces are kept to go on from"
    )
    parser.add_argument("--out", type=Path, default=DIRECTIONS, help="the .npz to write")
    options = parser.parse_args(arguments)
    find(options.traits, options.faces, options.seed, options.draws, options.out)


if __name__ == "__main__":
    main()
