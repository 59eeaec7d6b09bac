"""Frames with the engine's exact truth, read from shards: depth, normals and the head's mask."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from train.common.run import Progress
from train.data.clips import Clips
from train.data.reading import stream_clips
from train.data.shards import MARGIN

FRAMES = 8
"""Frames of every clip that are measured, evenly spaced: neighbours in a clip say the same."""


@dataclass
class Truth:
    """Frames of one clip with what the engine knows, all at the model's size S over the standard crop."""

    image: Tensor
    """B x 3 x S x S in [-1, 1]."""
    depth: Tensor
    """B x S x S, z in scene units in the picture's own view; meaningful inside the mask."""
    normal: Tensor
    """B x S x S x 3 unit normals of the engine's mesh, (0, 0, -1) faces the camera; meaningful inside the mask."""
    mask: Tensor
    """B x S x S bool: the head, in every pixel of the frame that lies in this one."""
    factors: list[dict]
    """One a frame."""


def read_truth(folder: Path, size: int, frames: int = FRAMES) -> Iterator[Truth]:
    """A shards folder's clips with truth, `frames` evenly spaced frames each; frames that show a swap are left out.

    Raises ShardsError for no shards, ValueError for shards without truth.
    """
    known, progress = False, None
    for number, (images, factors, arrays) in enumerate(stream_clips(folder, size, truth=True), 1):
        progress = progress or Progress(json.loads((folder / "manifest.json").read_text())["clips"], unit="clips")
        progress(number, line=number == progress.total)
        rows = [
            i for i, (factor, array) in enumerate(zip(factors, arrays, strict=True)) if array and "swap" not in factor
        ]
        if not rows:
            continue
        known = True
        count = min(frames, len(rows))
        rows = [rows[round(i * (len(rows) - 1) / max(1, count - 1))] for i in range(count)]
        clip = Clips(
            images, torch.zeros(len(images), dtype=torch.int64), factors, torch.zeros(len(images), dtype=torch.bool)
        )
        depth, normal, mask = (
            torch.stack(maps) for maps in zip(*(truth_maps(arrays[i], size) for i in rows), strict=True)
        )
        yield Truth(clip.centre(torch.tensor(rows), size), depth, normal, mask, [factors[i] for i in rows])
    if not known:
        raise ValueError(
            f"{folder} holds no truth (KEY.00.npz beside every frame); make some with `python -m train truth`"
        )


def truth_maps(arrays: dict, size: int) -> tuple[Tensor, Tensor, Tensor]:
    """A frame's arrays (P x P, with margin) as depth S x S, normal S x S x 3 and mask S x S of the standard crop."""
    stored = torch.from_numpy(arrays["depth"].astype("float32"))
    head = (torch.from_numpy(arrays["mask"]) == 1) & (stored > 0)
    normal = torch.from_numpy(arrays["normal"].astype("float32")).permute(2, 0, 1)
    maps = torch.cat([0.8 + 0.4 * stored[None] / 65535, normal, head[None].float()])
    edge = round(len(stored) * (1 - 1 / MARGIN) / 2)
    inner = maps[None, :, edge : len(stored) - edge, edge : len(stored) - edge]
    if size <= inner.shape[-1]:
        maps = F.interpolate(inner, size=(size, size), mode="area")[0]
    else:
        maps = F.interpolate(inner, size=(size, size), mode="bilinear", align_corners=False)[0]
    return maps[0], F.normalize(maps[1:4].permute(1, 2, 0), dim=-1), maps[4] > 0.999
