"""The `turned` suite: photos turned by known angles, and how far the face found in them is the same.

    python -m train evaluate --suite turned --checkpoint explorer --data london:london_dev.tar --out results.json

Every photo is turned clockwise about its middle on a larger grey canvas, then read as a visitor's would be. Compared
with the photo as it was: whether a face is found, whether its roll is right, and the cosine of both identity codes.
"""

from pathlib import Path

import numpy as np
import torch
from PIL import Image

from latentface.alignment import NoFaceError
from latentface.checkpoints import load_pipeline
from latentface.photo import read_photo
from latentface.pipeline import Face, LatentFacePipeline
from train.common.run import Progress
from train.data.london import london_photos

ANGLES = (0, 30, 90, 180)
"""Degrees clockwise by which the photos are turned."""
RIGHT = 5.0
"""Degrees by which a roll may be off and still counts as right."""
GREY = (128, 128, 128)


def turn(photo: np.ndarray, degrees: float) -> np.ndarray:
    """Turn a photo, uint8 H x W x 3, clockwise about its middle; the canvas grows."""
    return np.array(Image.fromarray(photo).rotate(-degrees, Image.Resampling.BICUBIC, expand=True, fillcolor=GREY))


def compare(pipeline: LatentFacePipeline, straight: Face, photo: np.ndarray, degrees: float) -> tuple[float, float]:
    """Read a turned photo and compare it with the photo as it was.

    Args:
        pipeline: the model.
        straight: the face of the photo as it was.
        photo: that photo, uint8 H x W x 3.
        degrees: by which it is turned clockwise.

    Returns:
        By how many degrees the roll is off, and the cosine of the identity codes.

    Raises:
        NoFaceError: no face is found.
    """
    face = pipeline.read(turn(photo, degrees))
    assert face.alignment is not None and straight.alignment is not None, "found in photos"
    off = (face.alignment.roll - straight.alignment.roll - degrees + 180) % 360 - 180
    one, other = (pipeline.split(seen.codes).identity for seen in (straight, face))
    return abs(off), float(torch.cosine_similarity(one, other)[0])


def run(checkpoints: list[str], data: list[tuple[str, Path]], out: Path, seed: int = 0) -> dict:
    """Run the suite on one checkpoint and one set of photos; nothing is drawn, so the seed changes nothing.

    Returns:
        For each angle, found_A and right_A (shares of the photos), roll_off_A (median, degrees), similarity_A and
        similarity_low_A (median and fifth percentile).

    Raises:
        ValueError: not one checkpoint, or not one set of London photos.
    """
    if len(checkpoints) != 1 or [kind for kind, _ in data] != ["london"]:
        raise ValueError("the suite turned takes one --checkpoint and --data london:TAR")
    pipeline, entries = load_pipeline(checkpoints[0]), london_photos(data[0][1], ["expression"])
    found: dict[int, list[tuple[float, float]]] = {angle: [] for angle in ANGLES}
    progress = Progress(len(entries), unit="photos")
    for done, entry in enumerate(entries, 1):
        photo = read_photo(entry.content())
        straight = pipeline.read(photo)
        for angle in ANGLES:
            try:
                found[angle].append(compare(pipeline, straight, photo, angle))
            except NoFaceError:
                continue
        progress(done, line=done == len(entries))
    results: dict = {"photos": len(entries)}
    for angle, pairs in found.items():
        off, same = np.array(pairs).reshape(-1, 2).T
        results[f"found_{angle}"] = len(pairs) / len(entries)
        results[f"right_{angle}"] = float(np.sum(off < RIGHT)) / len(entries)
        if pairs:
            results[f"roll_off_{angle}"] = float(np.median(off))
            results[f"similarity_{angle}"] = float(np.median(same))
            results[f"similarity_low_{angle}"] = float(np.quantile(same, 0.05))
    return results
