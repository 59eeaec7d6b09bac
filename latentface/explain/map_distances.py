"""What distances on a map do not mean: neighbours on the map that are far in the code, and the other way round."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.metrics import pairwise_distances

from latentface.gallery import Gallery

NEAREST = 15
"""Neighbours in the code among which a neighbour on the map is looked for, as many as UMAP was fitted with."""
MOST = 4000
"""Pictures that are held against each other; of more, so many evenly: all pairs of them must fit into memory."""


@dataclass(frozen=True)
class Pair:
    """Two pictures of different people."""

    rows: tuple[int, int]
    """In the gallery."""
    on_map: float
    """Share of the gallery that lies nearer to the first on the map."""
    in_code: float
    """Share of the gallery that lies nearer to the first in the code."""


@dataclass(frozen=True)
class MapDistances:
    """One map against its code."""

    count: int
    """Pictures."""
    kept: float
    """Share of pictures whose nearest one on the map is among their NEAREST in the code."""
    false: Pair
    """Near on the map, far in the code."""
    torn: Pair
    """Near in the code, far on the map."""


def map_distances(gallery: Gallery, name: str = "identity") -> MapDistances:
    """Hold a map's distances against those in the code.

    Args:
        gallery: With its codes and maps, of at least two people.
        name: Of the map.
    """
    total = len(gallery.faces)
    chosen = np.arange(total) if total <= MOST else np.linspace(0, total - 1, MOST).round().astype(int)
    person = np.array([gallery.faces[row]["person"] for row in chosen])
    apart = person[:, None] != person
    on_map = pairwise_distances(np.asarray(gallery.coordinates[name], np.float32)[chosen])
    in_code = pairwise_distances(np.asarray(gallery.features[name], np.float32)[chosen])
    for distances in (on_map, in_code):
        np.fill_diagonal(distances, np.inf)
    nearest = on_map.argmin(1)
    rows = np.arange(len(person))
    ranks = (in_code < in_code[rows, nearest][:, None]).sum(1)
    false = _worst(np.where(apart, on_map, np.inf), in_code)
    torn = _worst(np.where(apart, in_code, np.inf), on_map)
    pairs = (
        Pair((int(chosen[a]), int(chosen[b])), _share(on_map, (a, b)), _share(in_code, (a, b)))
        for a, b in (false, torn)
    )
    return MapDistances(len(person), float((ranks < NEAREST).mean()), *pairs)


def _worst(near: np.ndarray, far: np.ndarray) -> tuple[int, int]:
    """Find the picture whose nearest one by one measure has the most others before it by the other."""
    nearest = near.argmin(1)
    rows = np.arange(len(near))
    before = (far < far[rows, nearest][:, None]).sum(1)
    first = int(before.argmax())
    return first, int(nearest[first])


def _share(distances: np.ndarray, pair: tuple[int, int]) -> float:
    """Give the share of all pictures that lie nearer to the first of a pair than the second."""
    return float((distances[pair[0]] < distances[pair]).sum() / max(1, len(distances) - 2))
