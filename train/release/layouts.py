"""Layouts of a map: vectors on a plane or in space by UMAP, and how far neighbours stay neighbours."""

from collections.abc import Iterator
from contextlib import contextmanager

import faiss
import numpy as np
import torch
import umap
from sklearn.manifold import trustworthiness
from sklearn.neighbors import NearestNeighbors

from latentface.gallery import NEIGHBOURS as PLACING
from latentface.principal import PrincipalAxes

NEIGHBOURS = 15
"""UMAP's n_neighbors: about two clips, so that a map shows what lies beyond one person."""
APART = 0.2
"""UMAP's min_dist."""
FEWEST = 10
"""Fewer faces get no UMAP but their principal axes."""
EXACT = 5_000
"""Faces among which nearest neighbours are searched exactly."""
LINKS, LOOKED_AT = 16, 64
"""Of the graph: neighbours that a vector is linked to, and candidates that a search keeps."""
TRUSTED = 10
"""Neighbours of which trustworthiness speaks."""
MOST_TRUSTED = 4000
"""Faces that trustworthiness is measured on at most: it wants all distances."""


@contextmanager
def one_thread() -> Iterator[None]:
    """Have faiss build by one thread: by several, the graph depends on which of them is first."""
    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(threads)


def laid_out(rows: np.ndarray, seed: int, dimensions: int = 2) -> np.ndarray:
    """Lay vectors out by UMAP; FEWEST or fewer by their principal axes.

    Args:
        rows: N x D.
        seed: of UMAP.
        dimensions: of the map.

    Returns:
        N x dimensions.
    """
    if len(rows) <= FEWEST:
        return PrincipalAxes(rows, dimensions).amounts(rows)
    near = min(NEIGHBOURS, len(rows) - 1)
    fit = umap.UMAP(n_components=dimensions, n_neighbors=near, min_dist=APART, random_state=seed, n_jobs=1)
    return np.asarray(fit.fit_transform(rows))


class Neighbourhood:
    """Places of some vectors on a map, by which others find theirs: near their nearest among them.

    Among more than EXACT, the nearest are searched in a graph of neighbours (HNSW: Malkov and Yashunin 2018, by faiss),
    which misses two in a hundred and takes a fifth of the time.

    Args:
        rows: N x D float32, vectors with a place.
        points: N x 2 places.
    """

    def __init__(self, rows: np.ndarray, points: np.ndarray):
        self.points, self._exact, self._graph = points, None, None
        if len(rows) <= EXACT:
            self._exact = NearestNeighbors(n_neighbors=min(PLACING, len(rows)), algorithm="brute").fit(rows)
        else:
            self._graph = faiss.IndexHNSWFlat(rows.shape[1], LINKS)
            self._graph.hnsw.efSearch = LOOKED_AT
            with one_thread():
                self._graph.add(rows)

    def nearest(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Find the nearest of each vector M x D: their rows and distances, M x PLACING, nearest first."""
        if self._graph is not None:
            squares, nearest = self._graph.search(rows, PLACING)
            return nearest, np.sqrt(squares)
        assert self._exact is not None
        distance, nearest = self._exact.kneighbors(rows)
        return nearest, distance

    def places(self, rows: np.ndarray) -> np.ndarray:
        """Place vectors at the mean of their nearest, weighted by inverse distance, as Gallery.places does: M x 2."""
        nearest, distance = self.nearest(rows)
        weight = 1 / np.maximum(distance, 1e-6)
        return ((weight / weight.sum(1, keepdims=True))[..., None] * self.points[nearest]).sum(1)


def scaled(points: np.ndarray) -> torch.Tensor:
    """Scale each axis to [0, 1]."""
    low, high = points.min(0), points.max(0)
    return torch.from_numpy((points - low) / np.maximum(high - low, 1e-9))


def trust(rows: np.ndarray, points: np.ndarray) -> float | None:
    """Measure trustworthiness: how far the neighbours on a map are neighbours in the space (Venna and Kaski 2001).

    Returns:
        1 where all are; None for too few faces.
    """
    step = -(-len(rows) // MOST_TRUSTED)
    some = rows[::step]
    if len(some) < 2 * TRUSTED + 2:
        return None
    return round(float(trustworthiness(some, points[::step], n_neighbors=TRUSTED)), 4)


def trust_of_axes(rows: np.ndarray, dimensions: int = 2) -> float | None:
    """Measure the trustworthiness of the principal axes."""
    return trust(rows, PrincipalAxes(rows, dimensions).amounts(rows))
