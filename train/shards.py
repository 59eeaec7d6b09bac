"""Clips in webdataset shards: how every data engine writes them and every trainer reads them.

A sample is one clip of one person: `KEY.00.webp`, `KEY.01.webp`, ... and `KEY.json`, a list of one factor dictionary
a frame. Frames are standard crops with margin (half side times 1.25), so that trainers can shift the crop a little.
`manifest.json` beside the tars counts clips and frames and names source and licence.
"""

import io
import json
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
import webdataset
from PIL import Image
from torch import Tensor

MARGIN = 1.25
"""Side of a stored frame over the side of the standard crop."""
VALIDATION_EVERY = 20
"""Every 20th person (in order of name) validates and is never trained on."""


class ShardsError(ValueError):
    """A shards folder is missing, empty or not ours; the message says which and what to do."""


def write_shards(clips: Iterable[tuple[str, list[bytes], list[dict]]], out: Path, about: dict, clips_a_shard: int = 500) -> dict:
    """Writes clips as tars and a manifest; returns the manifest.

    clips: (key, encoded WebP frames, one factor dictionary a frame; "person" is needed). out: a folder. about: what
    the manifest says of the data ("source", "licence", ...). Raises ShardsError where out holds shards.
    """
    if any(out.glob("*.tar")):
        raise ShardsError(f"{out} holds shards already; choose another --out")
    out.mkdir(parents=True, exist_ok=True)
    count = frames = 0
    persons = set()
    with webdataset.ShardWriter(str(out / "%05d.tar"), maxcount=clips_a_shard, verbose=0, mtime=0) as writer:
        for key, images, factors in clips:
            key = key.replace(".", "_")  # webdataset takes what follows the first dot for the extension
            sample = {f"{i:02d}.webp": image for i, image in enumerate(images)}
            writer.write({"__key__": key, **sample, "json": json.dumps(factors).encode()})
            count, frames = count + 1, frames + len(images)
            persons.add(str(factors[0]["person"]))
    manifest = {**about, "clips": count, "frames": frames, "persons": len(persons), "margin": MARGIN}
    (out / "manifest.json").write_text(json.dumps(manifest, indent=1))
    return manifest


@dataclass
class Clips:
    """A data set in memory."""

    images: Tensor
    """N x 3 x P x P uint8, P = 2 * 1.25 * size: standard crops with margin, at twice the resolution."""
    person: Tensor
    """N int64, index of the person; frames of one person stand together."""
    factors: list[dict]
    """One dictionary a frame, as the engine wrote it."""
    validation: Tensor
    """N bool: frames of the people who validate."""

    def subset(self, keep: Tensor) -> "Clips":
        """The frames where keep (N bool) is true."""
        rows = keep.nonzero().flatten()
        return Clips(self.images[rows], self.person[rows], [self.factors[i] for i in rows.tolist()], self.validation[rows])

    def centre(self, rows: Tensor, size: int) -> Tensor:
        """Standard crops of the frames `rows`: B x 3 x size x size in [-1, 1]."""
        edge = (self.images.shape[-1] - 2 * size) // 2
        inner = self.images[rows.to(self.images.device), :, edge : edge + 2 * size, edge : edge + 2 * size]
        return F.avg_pool2d(inner.float(), 2) / 127.5 - 1

    def jittered(self, rows: Tensor, size: int, generator: torch.Generator) -> Tensor:
        """Crops shifted by up to 4 % of their side, scaled by 0.95 to 1.1, and mirrored at random.

        About the differences between face detectors. Drawn at twice the size and averaged, so that they stay as sharp
        as `centre`'s. B x 3 x size x size in [-1, 1].
        """
        device, count = self.images.device, len(rows)
        draw = torch.rand(count, 4, generator=generator).to(device)
        scale = (0.95 + 0.15 * draw[:, 0]) / MARGIN
        matrix = torch.zeros(count, 2, 3, device=device)
        matrix[:, 0, 0] = torch.where(draw[:, 1] < 0.5, -scale, scale)
        matrix[:, 1, 1] = scale
        matrix[:, :, 2] = (2 * draw[:, 2:] - 1) * 0.08 / MARGIN
        grid = F.affine_grid(matrix, [count, 3, 2 * size, 2 * size], align_corners=False)
        stored = self.images[rows.to(device)].to(memory_format=torch.channels_last).float()
        return F.avg_pool2d(F.grid_sample(stored, grid, align_corners=False), 2) / 127.5 - 1


def read_shards(folders: str | Path | list, size: int, progress=None) -> Clips:
    """Reads all clips of one or more shard folders into memory, frames resized to P = 2 * 1.25 * size.

    progress: called with (clips read, clips in all). Raises ShardsError where a folder holds no shards of ours.
    """
    side = round(size * MARGIN) * 2
    images, persons, factors = [], [], []

    def decode(data: bytes) -> np.ndarray:
        image = Image.open(io.BytesIO(data)).convert("RGB")
        return np.asarray(image if image.size == (side, side) else image.resize((side, side), Image.Resampling.LANCZOS))

    for folder in [Path(f) for f in (folders if isinstance(folders, list) else [folders])]:
        tars = sorted(folder.glob("*.tar"))
        if not tars or not (folder / "manifest.json").exists():
            raise ShardsError(f"{folder} holds no shards; make some with `python -m train import SOURCE --out {folder}`")
        total, done = json.loads((folder / "manifest.json").read_text())["clips"], 0
        with ThreadPoolExecutor() as pool:
            for sample in webdataset.WebDataset([str(t) for t in tars], shardshuffle=False, empty_check=False):
                frames = sorted((k for k in sample if k.endswith(".webp")), key=lambda k: int(k[:-5]))
                images += pool.map(decode, [sample[k] for k in frames])
                clip = json.loads(sample["json"])
                factors += clip
                persons += [f"{folder}/{f['person']}" for f in clip]
                done += 1
                if progress:
                    progress(done, total)
    names = sorted(set(persons))
    index = {name: i for i, name in enumerate(names)}
    person = torch.tensor([index[p] for p in persons])
    stack = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).contiguous()
    return Clips(stack, person, factors, person % VALIDATION_EVERY == 0)
