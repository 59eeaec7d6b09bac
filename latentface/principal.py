"""Principal axes of the vectors of a map, in two dimensions or three: the layout PCA of the atlas."""

import numpy as np
from sklearn.decomposition import PCA


class PrincipalAxes:
    """The first principal axes of some vectors."""

    def __init__(self, rows: np.ndarray, count: int = 3):
        """Fit the axes.

        Args:
            rows: N x D, the vectors.
            count: how many axes; those that there are not stay empty.
        """
        self.count = count
        with np.errstate(invalid="ignore"):  # a single row has no variance to share
            self._fit = PCA(min(count, *rows.shape), random_state=0).fit(rows)
        own = self._fit.transform(rows)
        self._low, self._wide = own.min(0), np.maximum(own.max(0) - own.min(0), 1e-9)

    def amounts(self, rows: np.ndarray) -> np.ndarray:
        """Project vectors on the axes: N x count, 0 along an axis that there is not."""
        return self._filled(self._fit.transform(rows), 0.0)

    def places(self, rows: np.ndarray) -> np.ndarray:
        """Place vectors on the map: N x count, those of the fit fill [0, 1], 0.5 along an axis that there is not."""
        return self._filled((self._fit.transform(rows) - self._low) / self._wide, 0.5)

    def _filled(self, found: np.ndarray, value: float) -> np.ndarray:
        return np.pad(found, ((0, 0), (0, self.count - found.shape[1])), constant_values=value)
