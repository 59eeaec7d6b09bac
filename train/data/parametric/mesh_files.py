"""MakeHuman's files: the mesh as OBJ, blend shapes as lists of offsets."""

import gzip
from collections import defaultdict
from pathlib import Path

import numba
import numpy as np


def read_obj(path: Path) -> tuple[np.ndarray, np.ndarray, dict[str, tuple[np.ndarray, np.ndarray]]]:
    """Read a mesh.

    Args:
        path: an OBJ file of quads.

    Returns:
        Vertices V x 3, texture places W x 2, and by group (quads of vertex indices, quads of texture indices), F x 4
        each.
    """
    vertices: list[list[float]] = []
    places: list[list[float]] = []
    faces: dict[str, list[list[list[int]]]] = defaultdict(list)
    group = ""
    for line in path.read_text().splitlines():
        kind, *rest = line.split() or [""]
        if kind == "v":
            vertices.append([float(x) for x in rest[:3]])
        elif kind == "vt":
            places.append([float(x) for x in rest[:2]])
        elif kind == "g":
            group = rest[0]
        elif kind == "f" and not group.startswith("joint"):
            faces[group].append([[int(n) - 1 for n in corner.split("/")[:2]] for corner in rest])
    quads = {name: np.array(list_) for name, list_ in faces.items()}
    return np.array(vertices), np.array(places), {name: (q[..., 0], q[..., 1]) for name, q in quads.items()}


@numba.njit(cache=True)
def _numbers(text: np.ndarray) -> np.ndarray:
    """The decimal numbers of a text without exponents (uint8 bytes); lines that begin with # are left out."""
    out, count, i = np.empty(len(text) // 2 + 1), 0, 0
    while i < len(text):
        c = text[i]
        if c == 35:  # '#'
            while i < len(text) and text[i] != 10:
                i += 1
        elif c == 45 or c == 46 or 48 <= c <= 57:
            sign, value, unit, fraction = 1.0, 0.0, 1.0, False
            while i < len(text) and text[i] > 32:
                c = text[i]
                if c == 45:
                    sign = -1.0
                elif c == 46:
                    fraction = True
                else:
                    value = value * 10 + (c - 48)
                    unit = unit * 10 if fraction else unit
                i += 1
            out[count] = sign * value / unit
            count += 1
        i += 1
    return out[:count]


def read_target(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read one blend shape: lines of an index and three numbers.

    Args:
        path: .target, or .target.gz.

    Returns:
        Vertex indices (M) and offsets (M x 3 float32).

    Raises:
        ValueError: a number has an exponent.
    """
    text = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    if b"e" in text and any(b"e" in line for line in text.splitlines() if not line.startswith(b"#")):
        raise ValueError(f"{path} has numbers with exponents")
    table = _numbers(np.frombuffer(text, np.uint8)).reshape(-1, 4)
    return table[:, 0].astype(np.int64), table[:, 1:].astype(np.float32)
