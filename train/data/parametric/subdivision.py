"""Catmull-Clark subdivision (1978) as a sparse matrix from control vertices to surface vertices."""

import numpy as np
import scipy.sparse as sp


def catmull_clark(quads: np.ndarray, count: int) -> tuple[sp.csr_matrix, np.ndarray]:
    """Subdivide F quads over `count` vertices once; border vertices follow the border's own curve.

    Args:
        quads: F x 4 vertex indices.
        count: number of vertices.

    Returns:
        The matrix (count + F + E) x count, and the 4 F new quads; quad i becomes 4 i ... 4 i + 3.
    """
    faces = len(quads)
    corner = np.arange(faces)
    edges = np.sort(np.stack([quads, np.roll(quads, -1, 1)], -1).reshape(-1, 2), 1)
    unique, of_edge, uses = np.unique(edges, axis=0, return_inverse=True, return_counts=True)
    of_edge = of_edge.reshape(faces, 4)
    number = len(unique)
    ones = np.ones

    def matrix(rows: np.ndarray, columns: np.ndarray, values: np.ndarray, shape: tuple[int, int]) -> sp.csr_matrix:
        return sp.csr_matrix((values, (rows, columns)), shape)

    face_point = matrix(np.repeat(corner, 4), quads.ravel(), ones(4 * faces) / 4, (faces, count))
    middle = matrix(np.repeat(np.arange(number), 2), unique.ravel(), ones(2 * number) / 2, (number, count))
    near = matrix(of_edge.ravel(), np.repeat(corner, 4), ones(4 * faces), (number, faces))
    inner = (uses == 2).astype(float)
    edge_point = sp.diags(1 - inner / 2) @ middle + sp.diags(inner / 4) @ near @ face_point
    valence = np.bincount(unique.ravel(), minlength=count).clip(1)
    around = matrix(quads.ravel(), np.repeat(corner, 4), ones(4 * faces), (count, faces))
    spokes = matrix(unique.ravel(), np.repeat(np.arange(number), 2), ones(2 * number), (count, number))
    n = valence.astype(float)
    smooth = sp.diags(1 / n**2) @ around @ face_point + sp.diags(2 / n**2) @ spokes @ middle + sp.diags((n - 3) / n)
    rim = spokes @ sp.diags((uses == 1).astype(float))
    border = np.asarray(rim.sum(1)).ravel() > 0
    curve = sp.diags(np.full(count, 0.5)) + sp.diags(0.25 * ones(count)) @ rim @ middle
    used = np.bincount(quads.ravel(), minlength=count) > 0
    point = sp.diags((used & ~border).astype(float)) @ smooth + sp.diags(border.astype(float)) @ curve
    point = point + sp.diags((~used).astype(float))
    a, e, f = quads, count + faces + of_edge, (count + corner)[:, None].repeat(4, 1)
    new = np.stack([a, e, f, np.roll(e, 1, 1)], -1).reshape(-1, 4)
    stacked = sp.csr_matrix(sp.vstack([point, face_point, edge_point]))
    return sp.csr_matrix(stacked.astype(np.float32)), new
