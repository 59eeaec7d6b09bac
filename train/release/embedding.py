"""Codes of all faces of shards, a file a shard: what a gallery of very many faces is made of.

    python -m train embed SHARDS --checkpoint CHECKPOINT --out CODES [--engine ray] [--part 0/8]

CODES/00000.safetensors holds a row a frame of SHARDS/00000.tar, in its order, in half precision; its metadata lists
whose each is. Killed at any moment, the same call goes on.
"""

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import torch
from safetensors.torch import save

from latentface.checkpoints import load_pipeline
from latentface.codes import Codes
from latentface.pipeline import LatentFacePipeline
from train.common.places import check_place, is_url, place, reached, whole_file
from train.data.clips import Clips
from train.data.engine import Drawn, progress_line
from train.data.executor import Executor, executor
from train.data.reading import clips_of
from train.data.samples import tars_of
from train.data.shards import read_manifest

BATCH = 64
"""Frames that are encoded together."""


@lru_cache(maxsize=1)
def _pipeline(checkpoint: str) -> LatentFacePipeline:
    """The one model of this process."""
    return load_pipeline(checkpoint)


@dataclass(frozen=True)
class ShardEncoder:
    """Index of a shard -> its file of codes, in the place of a clip's only frame."""

    checkpoint: str
    tars: tuple[str, ...]

    @torch.no_grad()
    def __call__(self, index: int) -> Drawn:
        """Encode all frames of a shard."""
        pipeline, tar = _pipeline(self.checkpoint), place(self.tars[index])
        images, faces = [], []
        for frames, factors, _ in clips_of([tar], pipeline.size):
            images.append(crops_of(frames, pipeline.size))
            faces += [[str(about["person"]), about.get("frame", i)] for i, about in enumerate(factors)]
        some = torch.cat(images).split(BATCH) if images else ()
        codes = [pipeline.encode(image) for image in some]
        tensors = codes_of(pipeline, Codes.cat(codes)) if codes else {}
        return tar.stem, [save(tensors, {"faces": json.dumps(faces)})], [], None, []


def crops_of(frames: torch.Tensor, size: int) -> torch.Tensor:
    """Cut the standard crops out of stored frames.

    Args:
        frames: N x 3 x P x P uint8.
        size: side of the crops in pixels.

    Returns:
        N x 3 x size x size in [-1, 1].
    """
    rows = torch.arange(len(frames))
    return Clips(frames, rows, [{}] * len(rows), rows < 0).centre(rows, size)


def codes_of(pipeline: LatentFacePipeline, codes: Codes) -> dict[str, torch.Tensor]:
    """Give what a file of codes holds: the codes and their expression part, N x 2C, in half precision."""
    tensors = {name: getattr(codes, name) for name in ("shape", "texture", "view", "light")}
    tensors["expression"] = pipeline.split(codes).expression
    return {name: value.half().contiguous() for name, value in tensors.items()}


def embed_shards(checkpoint: str, shards: str, out: Path, workers: int | Executor = 1) -> int:
    """Write the codes of all faces of shards.

    Args:
        checkpoint: a bundled name, a folder or a Hub id.
        shards: a folder or URL.
        out: a folder or URL.
        workers: processes, or who encodes (executor.py).

    Returns:
        How many files of codes are there now.

    Raises:
        ShardsError: there are no shards.
        ValueError: out holds codes of another checkpoint, or of other shards.
    """
    by, folder = executor(workers), place(shards)
    read_manifest(folder)
    tars = [str(tar if is_url(tar) else tar.absolute()) for tar in tars_of(folder)]
    _claim(check_place(out), {"checkpoint": checkpoint, "shards": folder.name, "files": len(tars)}, by)
    with reached(out):
        there = {path.stem for path in out.glob("*.safetensors")}
    missing = [i for i in by.mine(range(len(tars))) if Path(tars[i]).stem not in there]
    show = progress_line(len(missing), "shards", 10)
    with by.in_order(ShardEncoder(checkpoint, tuple(tars)), missing) as encoded:
        for done, (name, (data,), *_) in enumerate(encoded, 1):
            with whole_file(out / f"{name}.safetensors") as stream:
                stream.write(data)
            show(done, len(missing))
    with reached(out):
        return sum(1 for _ in out.glob("*.safetensors"))


def _claim(out: Path, about: dict, by: Executor) -> None:
    """Write whose codes `out` holds, or compare; raises ValueError."""
    file = out / "codes.json"
    if file.exists():
        before = json.loads(file.read_text())
        if before != about:
            raise ValueError(f"{out} holds codes of {before}, not of {about}: choose another --out")
        return
    if not is_url(out):
        out.mkdir(parents=True, exist_ok=True)
    with whole_file(file, not by.is_part) as stream:
        stream.write(json.dumps(about).encode())
