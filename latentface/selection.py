"""A selection of faces on a map: its average face, what varies most in it, the direction to another, ways between two.

All in the space of standardised codes, shape and texture side by side.
"""

import io
from dataclasses import dataclass

import numpy as np
import torch
from sklearn.metrics import pairwise_distances
from torch import Tensor

from latentface.codes import Codes
from latentface.gallery import Gallery
from latentface.pipeline import LatentFacePipeline


def mean_face(pipeline: LatentFacePipeline, codes: Codes) -> Codes:
    """Average codes, seen from the front under a plain light: a batch of one."""
    return pipeline.frontal(codes.face.mean(0, keepdim=True))


def spread(pipeline: LatentFacePipeline, codes: Codes, count: int = 2, deviations: float = 2.0) -> tuple[Codes, Tensor]:
    """Walk from the average face along the principal directions of a selection.

    Args:
        pipeline: The model of the codes.
        codes: Of N faces, two or more.
        count: How many directions; fewer where the selection has no more.
        deviations: How far to either side, in standard deviations of the selection along the direction.

    Returns:
        2K faces from the front, each direction's low end before its high end, and the share of the selection's
        variance that lies along each of the K directions.
    """
    rows = pipeline.denoiser.standardize(codes.face)
    centred = rows - rows.mean(0)
    count = min(count, len(rows) - 1)
    _, size, axes = torch.linalg.svd(centred, full_matrices=False)
    share = size.square() / size.square().sum().clamp(min=1e-12)
    step = deviations * size[:count, None] / (len(rows) - 1) ** 0.5 * axes[:count]
    ends = torch.stack([rows.mean(0) - step, rows.mean(0) + step], 1).flatten(0, 1)
    return pipeline.frontal(pipeline.denoiser.restore(ends)), share[:count]


def direction(one: Codes, other: Codes) -> Tensor:
    """Give the way from the average of one selection to that of another, 2C."""
    return other.face.mean(0) - one.face.mean(0)


def moved(codes: Codes, way: Tensor, amount: float) -> Codes:
    """Move faces along a direction; view and light stay.

    Args:
        codes: Of B faces.
        way: 2C, as `direction` gives it.
        amount: 1 is as far as from one selection to the other.
    """
    shape, texture = (codes.face + amount * way).chunk(2, 1)
    return Codes(shape, texture, codes.view, codes.light)


def path(one: Codes, other: Codes, steps: int) -> Codes:
    """Go straight from one face to another, view and light too.

    Args:
        one: Batch of one.
        other: Batch of one.
        steps: Faces on the way, both ends among them.
    """
    share = torch.linspace(0, 1, steps)[:, None]
    return Codes(
        *(a + share * (b - a) for a, b in zip(vars(one).values(), vars(other).values(), strict=True))
    )  # fmt: skip


def nearest(gallery: Gallery, name: str, row: int, count: int) -> tuple[list[int], list[int]]:
    """Find the neighbours of a gallery face in the true space, and on the map.

    Args:
        gallery: The faces.
        name: Of the map.
        row: The face.
        count: How many.

    Returns:
        Rows by distance of the codes, and rows by distance on the map; the face itself is in neither.
    """

    def closest(rows: np.ndarray) -> list[int]:
        far = np.square(rows - rows[row]).sum(1)
        far[row] = np.inf
        return np.argsort(far, kind="stable")[:count].tolist()

    return closest(gallery.features[name]), closest(gallery.coordinates[name].double().numpy())


@dataclass
class Pairs:
    """Distances between pictures of a gallery, of one map."""

    same: np.ndarray
    """Of pairs of one person."""
    other: np.ndarray
    """Of pairs of two people."""


def pair_distances(gallery: Gallery, name: str, most: int = 600) -> Pairs:
    """Measure the distances between pictures of one person, and of two.

    Args:
        gallery: The faces.
        name: Of the map.
        most: Pictures that are compared; of more, so many in a row of people.
    """
    rows, person = gallery.features[name][:most], np.array([face["person"] for face in gallery.faces[:most]])
    above = np.triu_indices(len(rows), 1)
    far, same = pairwise_distances(rows)[above], (person[:, None] == person)[above]
    return Pairs(far[same], far[~same])


def verdict(name: str, distance: float, pairs: Pairs) -> str:
    """Say in words whether a distance is one between pictures of one person or of two.

    Args:
        name: Of the map.
        distance: Between two faces.
        pairs: Of the gallery on that map.
    """
    same, other = (100 * float((far < distance).mean()) for far in (pairs.same, pairs.other))
    odds = abs(same - 50) < abs(other - 50)
    whose = "pictures of one person" if odds else "pictures of two people"
    beside = f"farther than {same:.0f} % of pairs of one person, {other:.0f} % of pairs of two"
    return f"{name.capitalize()}: {distance:.1f}, as between {whose} ({beside})."


def selection_file(gallery: Gallery, rows: list[int], caption: str) -> bytes:
    """Write the codes of some faces of a gallery as NumPy's compressed arrays (.npz).

    Args:
        gallery: The faces.
        rows: Which.
        caption: Where they come from.

    Returns:
        The file: row, person, the factors, shape, texture, view and light of the code, its identity and expression
        part in standardised units (see gallery.map_features), and the caption.
    """
    factors = {name.replace(" ", "_"): np.array([gallery.faces[i][name] for i in rows]) for name in gallery.factors}
    codes = {name: values[rows].half().numpy() for name, values in vars(gallery.codes).items()}
    parts = {name: gallery.features[name][rows].astype(np.float16) for name in ("identity", "expression")}
    arrays = {"row": np.array(rows), **factors, **codes, **parts, "caption": np.array(caption)}
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()
