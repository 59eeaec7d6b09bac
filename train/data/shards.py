"""Shards: clips of faces in webdataset tars, with a manifest that counts them.

A sample is one clip of one person: `KEY.00.webp`, `KEY.01.webp`, ... and `KEY.json`, a list of one factor dictionary
a frame. Frames are standard crops with margin (half side times 1.25), so that trainers can shift the crop a little.
`manifest.json` beside the tars counts clips and frames and names source and licence. Engines that know the truth add
`KEY.00.npz`, one a frame.
"""

import io
import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image
from webdataset.writer import ShardWriter

from train.common.places import reached, whole_file

COUNTS = ("frames", "clips", "persons")
"""What a manifest counts; the first it must."""
MARGIN = 1.25
"""Side of a stored frame over the side of the standard crop."""


def encode_webp(picture: np.ndarray, method: int = 4) -> bytes:
    """Encode a frame as shards hold it.

    Args:
        picture: H x W x 3 uint8 RGB.
        method: effort of the encoder, 0 (fast) to 6 (small).
    """
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "WEBP", quality=92, method=method)
    return buffer.getvalue()


class ShardsError(ValueError):
    """Report a shards folder that is missing, empty or not ours; the message says which and what to do."""


def write_shards(
    clips: Iterable[tuple[str, list[bytes], list[dict]]], out: Path, about: dict, clips_a_shard: int = 500
) -> dict:
    """Write clips as tars and a manifest.

    Args:
        clips: (key, encoded WebP frames, one factor dictionary a frame; "person" is needed) a clip.
        out: the folder.
        about: entries of the manifest about the data ("source", "licence", ...).
        clips_a_shard: most clips a tar.

    Returns:
        The manifest.

    Raises:
        ShardsError: out holds shards already.
    """
    if any(out.glob("*.tar")):
        raise ShardsError(f"{out} holds shards already; choose another --out")
    out.mkdir(parents=True, exist_ok=True)
    persons, frames = [], 0
    with ShardWriter(str(out / "%05d.tar"), maxcount=clips_a_shard, verbose=0, mtime=0) as writer:
        for key, images, factors in clips:
            writer.write(sample_of(key, images, factors))
            persons.append(str(factors[0]["person"]))
            frames += len(images)
    return write_manifest(out, about, persons, frames)


def sample_of(key: str, images: list[bytes], factors: list[dict], truth: list[bytes] | None = None) -> dict:
    """Return one clip as webdataset writes it: extension -> bytes, and "__key__"."""
    sample = {f"{i:02d}.webp": image for i, image in enumerate(images)}
    sample |= {f"{i:02d}.npz": arrays for i, arrays in enumerate(truth or [])}
    key = key.replace(".", "_")  # webdataset takes what follows the first dot for the extension
    return {"__key__": key, **sample, "json": json.dumps(factors).encode()}


def write_manifest(out: Path, about: dict, persons: list[str], frames: int, alone: bool = True) -> dict:
    """Write `manifest.json`.

    Args:
        out: the shards folder.
        about: entries about the data.
        persons: the person of each clip.
        frames: frames in all.
        alone: whether nobody else writes it at this moment.

    Returns:
        The manifest.
    """
    manifest = manifest_of(about, persons, frames)
    with whole_file(out / "manifest.json", alone) as stream:
        stream.write(json.dumps(manifest, indent=1).encode())
    return manifest


def manifest_of(about: dict, persons: list[str], frames: int) -> dict:
    """Return a manifest; see write_manifest."""
    counts = {"clips": len(persons), "frames": frames, "persons": len(set(persons)), "margin": MARGIN}
    return {**about, **counts}


def read_manifest(folder: Path) -> dict:
    """Return the manifest of a shards folder; raises ShardsError where the folder holds no shards of ours."""
    with reached(folder):
        tars = any(folder.glob("*.tar")) or (folder / "frames.npy").exists()
        if not tars or not (folder / "manifest.json").exists():
            raise no_shards(folder)
    try:
        manifest = json.loads((folder / "manifest.json").read_text())
    except (ValueError, RecursionError) as error:
        raise ShardsError(f"{folder / 'manifest.json'} cannot be read: make the shards again") from error
    counts = (
        [manifest.get(name, 0) for name in COUNTS] if isinstance(manifest, dict) and COUNTS[0] in manifest else [""]
    )
    if not all(type(count) is int and count >= 0 for count in counts):
        raise ShardsError(f"{folder / 'manifest.json'} does not count {', '.join(COUNTS)}: make the shards again")
    return manifest


def no_shards(folder: Path) -> ShardsError:
    """Return the error about a folder without shards."""
    return ShardsError(f"{folder} holds no shards; make some with `python -m train import SOURCE --out {folder}`")
