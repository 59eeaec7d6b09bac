"""Layouts of a map: vectors on a plane or in space by UMAP, and how far neighbours stay neighbours."""

import numpy as np
import torch
import umap
from pynndescent import NNDescent
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
TRUSTED = 10
"""Neighbours of which trustworthiness speaks."""
MOST_TRUSTED = 4000
"""Faces that trustworthiness is measured on at most: it wants all distances."""


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

    Among more than EXACT, the nearest are searched by pynndescent's graph, which misses few and takes a fraction.

    Args:
        rows: N x D float32, vectors with a place.
        points: N x 2 places.
        seed: of the search.
    """

    def __init__(self, rows: np.ndarray, points: np.ndarray, seed: int):
        self.points, self._exact, self._graph = points, None, None
        if len(rows) <= EXACT:
            self._exact = NearestNeighbors(n_neighbors=min(PLACING, len(rows)), algorithm="brute").fit(rows)
        else:
            self._graph = NNDescent(rows, n_neighbors=2 * NEIGHBOURS, random_state=seed, n_jobs=1)
            self._graph.prepare()

    def nearest(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Find the nearest of each vector M x D: their rows and distances, M x PLACING, nearest first."""
        if self._graph is not None:
            return self._graph.query(rows, k=PLACING)
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
