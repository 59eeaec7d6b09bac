"""What a shard's clip may hold: a fault is one line that names shard and clip."""

import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from train.common.places import place, reached
from train.data.shards import ShardsError

MOST_TRUTH = 64 * 2**20
"""Bytes that the arrays of one frame may unpack to."""


def tars_of(folder: str | Path) -> list[Path]:
    """List the shards of a folder in order; hidden files, as Macs lay beside others, are passed over."""
    folder = place(folder)
    with reached(folder):
        return [path for path in sorted(folder.glob("*.tar")) if not path.name.startswith(".")]


def frame_names(files: Mapping) -> list[str]:
    """Return "00", "01", ... of the frames among a clip's extensions, in order."""
    names = [name[:-5] for name in files if name.endswith(".webp")]
    if not all(name.isascii() and name.isdigit() for name in names):
        raise ShardsError(f"a frame is named {max(names)}.webp and not by a number: make the shards again")
    return sorted(names, key=int)


def clip_factors(data: bytes, count: int, where: str) -> list[dict]:
    """Read the factors of a clip.

    Args:
        data: its .json.
        count: of its frames.
        where: shard and clip, for people.

    Returns:
        A dictionary a frame, each with "person".

    Raises:
        ShardsError: they are not that.
    """
    try:
        rows = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ShardsError(f"{where}: its .json cannot be read: make the shards again") from error
    if not isinstance(rows, list) or len(rows) != count or not rows:
        raise ShardsError(f"{where}: its .json does not hold one row a frame of {count}: make the shards again")
    if not all(isinstance(row, dict) and isinstance(row.get("person"), str | int) for row in rows):
        raise ShardsError(f"{where}: a row of its .json does not say whose face it is: make the shards again")
    return rows


def clip_truth(data: bytes, where: str) -> dict[str, np.ndarray]:
    """Read the arrays of a frame.

    Args:
        data: its .npz.
        where: shard and clip, for people.

    Raises:
        ShardsError: it is none, or unpacks to more than MOST_TRUTH.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            if sum(entry.file_size for entry in packed.infolist()) > MOST_TRUTH:
                raise ShardsError(f"{where}: its arrays unpack to more than {MOST_TRUTH // 2**20} MB")
        with np.load(io.BytesIO(data), allow_pickle=False) as content:
            return dict(content)
    except ShardsError:
        raise
    except Exception as error:  # readers of damaged bytes raise nearly anything
        raise ShardsError(f"{where}: its arrays are damaged: make the shards again") from error
