"""Directions in W that move one thing of a drawn face: their names, the layers they act on, and the table of them.

`find_directions` writes the table, directions.npz, once; everything that draws loads it.
"""

from pathlib import Path

import numpy as np

POSE = ("yaw", "pitch")
EXPRESSION = ("smile", "jaw", "pucker", "brow", "frown", "blink", "gaze")
TRAITS = ("gender", "age", "skin")
LAYERS = {"pose": (4, 8, 16), "expression": (16, 32)}
"""Side in pixels of the feature maps whose styles an edit of this kind moves; a trait moves all. With the 16 px layers
a step turns the head 1.4 times as far as without, and the embedding no further."""
DIRECTIONS = Path(__file__).with_name("directions.npz")


def kind(name: str) -> str:
    """Return the kind of a direction by its name: "pose", "expression" or "trait"."""
    return "pose" if name in POSE else "expression" if name in EXPRESSION else "trait"


def load_directions(path: str | Path = DIRECTIONS) -> dict[str, np.ndarray]:
    """Load the table that `find_directions` wrote.

    Args:
        path: an .npz without pickles.

    Returns:
        By name, float32; see find_directions.find.

    Raises:
        FileNotFoundError, or ValueError where the file is no such table.
    """
    with np.load(path, allow_pickle=False) as stored:
        return {name: stored[name].astype(np.float32) for name in stored.files}
