"""What of a moving face comes through: frames lost, who it stays, what follows the driver, and how still a crop stands.

    python -m benchmarks.moving --clips FOLDER --target PHOTO --still PHOTO... --out runs/moving

Every clip is followed frame by frame, as `python -m latentface video` does. Of FRAMES of them, evenly spread, the clip
itself, the face rebuilt, and the target driven by relative and by absolute motion are looked at by dlib, which took no
part: cosines of identity embeddings between all pairs of frames (median, 5th percentile), and correlation and slope of
mouth, brows, eyes and yaw over the clip's own (see train.evaluation.clips). Crops of a still photo under a camera that
drifts by fractions of a pixel, with noise, say how far `align` on each frame and the tracker waver about the truth.
Where CLIP.json lies beside a clip (benchmarks.parametric_clips), the codes' yaw and pitch are measured against its
truth too, and how far the tracker's crop is from the true one, in pixels of the crop.
Prints the tables and writes OUT/results.json and OUT/sheet.png.
"""

import argparse
import json
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch

from latentface.alignment import align
from latentface.checkpoints import load_pipeline
from latentface.crop import crop, turned_crop
from latentface.films import drawn_faces
from latentface.moving import Moving, Stretch, drive, settled, watch
from latentface.photo import read_photo
from latentface.pipeline import LatentFacePipeline
from latentface.tracker import Tracker
from latentface.video import EXTENSIONS, frames
from train.common.judges import Reader
from train.common.run import record
from train.common.sheets import tile
from train.evaluation.clips import STILL, face_measures, following

FRAMES, SIDE = 40, 256
"""Frames of a clip that are looked at, and the side of their pictures in pixels."""
SHOWN = 10
"""Frames of a clip on the sheet."""


def films(
    pipeline: LatentFacePipeline, face: Moving, seen: list[np.ndarray], rows: torch.Tensor, target: Path,
    strength: float,
) -> dict[str, list[np.ndarray]]:  # fmt: skip
    """Draw chosen frames of a clip: as filmed, rebuilt, and the target driven both ways."""
    codes = pipeline.read(target).codes
    made = {
        "rebuilt": face.moving,
        "relative": drive(pipeline, face, codes, True, strength),
        "absolute": drive(pipeline, face, codes, False, strength),
    }
    drawn = {name: [drawn_faces(pipeline.decode(one[r : r + 1]), SIDE)[0] for r in rows] for name, one in made.items()}
    return {"clip": seen, **drawn}


def identity(reader: Reader, film: list[np.ndarray], points: list) -> tuple[float, float]:
    """Median and 5th percentile of the cosine of identity embeddings over all pairs of frames."""
    marks = np.stack([reader.embedding(image, at) for image, at in zip(film, points, strict=True) if at is not None])
    marks /= np.linalg.norm(marks, axis=1, keepdims=True)
    pairs = (marks @ marks.T)[np.triu_indices(len(marks), 1)]
    return float(np.median(pairs)), float(np.quantile(pairs, 0.05))


@torch.no_grad()
def clip_row(
    pipeline: LatentFacePipeline, reader: Reader, path: Path, target: Path, most: int, strength: float
) -> tuple[dict, list]:
    """Measure one clip; its figures, and its rows of the sheet."""
    stretch = Stretch.cat(list(watch(pipeline, islice(frames(path), most), Tracker(pipeline.size))))
    face = settled(stretch)
    there = torch.nonzero(stretch.seen)[:, 0]
    rows = there[torch.linspace(0, len(there) - 1, min(FRAMES, len(there))).round().long()]
    wanted, seen = set(rows.tolist()), []
    for row, frame in enumerate(islice(frames(path), most)):
        if row in wanted:
            x, y, half = face.squares[row].tolist()
            seen.append(crop(frame.image, (x, y, half), SIDE))
    drawn = films(pipeline, face, seen, rows, target, strength)
    points = {name: [reader.points(image) for image in film] for name, film in drawn.items()}
    row = {"clip": path.stem, "frames": len(stretch), "lost": len(stretch) - len(there)}
    for name, film in drawn.items():
        row[f"{name}_identity"], row[f"{name}_identity_5"] = identity(reader, film, points[name])
    if path.with_suffix(".json").exists():
        row |= truth_row(stretch, json.loads(path.with_suffix(".json").read_text()), pipeline.size)
    whole = [k for k in range(len(rows)) if all(at[k] is not None for at in points.values())]
    row["measured"] = len(whole)
    measured = {name: face_measures(np.array([at[k] for k in whole], np.float64)) for name, at in points.items()}
    for measure, driver in measured["clip"].items():
        for name in ("rebuilt", "relative", "absolute"):
            if driver.std() >= STILL:
                row[f"{name}_{measure}"] = following(driver, measured[name][measure])
    picked = np.linspace(0, len(rows) - 1, SHOWN).round().astype(int)
    sheet = [np.stack([film[k] for k in picked]) for film in drawn.values()]
    return row, [torch.from_numpy(one).permute(0, 3, 1, 2).float() / 127.5 - 1 for one in sheet]


def truth_row(stretch: Stretch, truth: list[dict], size: int) -> dict:
    """Compare a clip's codes and crops with the truth of its frames, where the face was seen."""
    seen, row = stretch.seen.numpy(), {}
    for column, name in enumerate(("yaw", "pitch")):
        angles = np.array([frame[name] for frame in truth[: len(seen)]])[seen]
        row[f"{name}_truth"] = following(angles, stretch.view[:, column].numpy()[seen])
    square = np.array([frame["square"] for frame in truth[: len(seen)]])[seen]
    off = np.hypot(*(stretch.squares.numpy()[seen] - square)[:, :2].T) * size / (2 * square[:, 2])
    return row | {"crop_off": float(np.median(off)), "crop_off_95": float(np.quantile(off, 0.95))}


def medians(rows: list[dict]) -> dict[str, str]:
    """Median of every figure over clips; of correlation and slope each by itself."""
    names = dict.fromkeys(name for row in rows for name, value in row.items() if not isinstance(value, str))
    found = {name: np.median([row[name] for row in rows if name in row], axis=0) for name in names}
    return {name: " / ".join(f"{one:.3f}" for one in np.atleast_1d(value)) for name, value in found.items()}


def still_row(path: Path, size: int, count: int = 48, seed: int = 0) -> dict:
    """Measure how far crops of a still face waver.

    In pixels of the crop, root mean square about the truth's path.
    """
    photo, rng = read_photo(path), np.random.default_rng(seed)
    start = align(photo, size)
    x, y, half = start.square
    reach, side = 1.9 * half, 480
    drift = 3 * np.stack([np.sin(np.arange(count) * 0.37), np.cos(np.arange(count) * 0.23)], 1)
    tracker, found = Tracker(size), {"align": [], "tracker": []}
    for dx, dy in drift:
        frame = turned_crop(photo, (x + dx, y + dy, reach), side, 0)
        frame = np.clip(frame + rng.normal(0, 3, frame.shape), 0, 255).astype(np.uint8)
        for name, one in (("align", align(frame, size)), ("tracker", tracker.follow(frame))):
            assert one is not None
            found[name].append([*one.square, one.roll])
    unit, row = side / (2 * reach), dict[str, Any](still=path.stem)
    for name, rows in found.items():
        wander = np.array(rows)[count // 4 :]
        wander[:, :2] += drift[count // 4 :] * unit
        spread = wander.std(0)
        scale = size / (2 * half * unit)
        row[f"{name}_place"] = float(np.hypot(*spread[:2]) * scale)
        row[f"{name}_size"] = float(spread[2] * scale)
        row[f"{name}_roll"] = float(spread[3])
    return row


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--clips", type=Path, required=True)
    parser.add_argument("--target", type=Path, required=True)
    parser.add_argument("--still", type=Path, nargs="*", default=[])
    parser.add_argument("--checkpoint", default="explorer")
    parser.add_argument("--strength", type=float, default=1.0)
    parser.add_argument("--most", type=int, default=300, help="frames of a clip")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    pipeline, reader = load_pipeline(args.checkpoint), Reader()
    still = [still_row(path, pipeline.size) for path in args.still]
    for row in still:
        print("  ".join(f"{k} {v:.2f}" if isinstance(v, float) else str(v) for k, v in row.items()), flush=True)
    rows, sheet = [], []
    for path in sorted(file for file in args.clips.iterdir() if file.suffix.lower() in EXTENSIONS):
        row, pictures = clip_row(pipeline, reader, path, args.target, args.most, args.strength)
        rows.append(row)
        sheet += pictures
        print(json.dumps(row), flush=True)
        results = {"clips": rows, "still": still, **record({k: str(v) for k, v in vars(args).items()})}
        (args.out / "results.json").write_text(json.dumps(results, indent=1))
    print("medians over clips:", *(f"{name} {value}" for name, value in medians(rows).items()), sep="\n  ")
    tile(sheet, 1).resize((SHOWN * 96, len(sheet) * 96)).save(args.out / "sheet.png")


if __name__ == "__main__":
    main()
