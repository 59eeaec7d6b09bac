"""68 landmarks of faces (iBUG order), levelled: with the roll taken out, so that measures do not depend on it."""

import numpy as np


def levelled(points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Turn landmarks about the eyes' midpoint until the eyes are level.

    Args:
        points: N x 68 x 2, x right and y down, in pixels.

    Returns:
        x and y from the eyes' midpoint (N x 68 each), and the face's size (N): the height of the mouth corners below
        the eyes, or 1.1 times the distance of the eyes where that is more. All in pixels.
    """
    left, right = points[:, 36:42].mean(1), points[:, 42:48].mean(1)
    apart = np.linalg.norm(right - left, axis=1)
    along = (right - left) / apart[:, None]
    offset = points - (left + right)[:, None] / 2
    x = (offset * along[:, None]).sum(-1)
    y = (offset * np.stack([-along[:, 1], along[:, 0]], axis=1)[:, None]).sum(-1)
    return x, y, np.maximum(y[:, [48, 54]].mean(1), 1.1 * apart)
