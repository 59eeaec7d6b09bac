"""The fixed truth set (`python -m train truth`): 1,000 people, 400 to validate, 600 to test, with true swaps.

    python -m train truth --out SHARDS

SHARDS/validation and SHARDS/test are shards folders of clips of 8 frames; `swaps` beside the tars of each is one
more, whose clips hold the true pictures of swaps: "swap": {"identity": "000012.03", "expression": "000431.06"} in a
frame's factors says that person and pose, light and camera are those of frame 3 of clip 000012, and the expression is
that of frame 6 of clip 000431. The first swap of a clip takes its expression from the same person.
"""

from dataclasses import dataclass
from pathlib import Path

from train.data.engine import Drawn
from train.data.executor import Executor
from train.data.parametric.camera import background
from train.data.parametric.factors import clip_factors, identity, stream
from train.data.parametric.mesh import load
from train.data.parametric.people import ABOUT, Clip, draw_clips, photo
from train.data.parametric.person import build
from train.data.shards import MARGIN

SEED = 2**40 + 2309
"""No seed of `python -m train people` reaches it, so nobody trains on these people."""
PARTS = {"validation": range(400), "test": range(400, 1000)}
FRAMES = 8
SWAPS = 5
"""Swaps of each person: one from another frame of its own, the others from other people of the same part."""


def pairs(part: str, number: int) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Draw one person's swaps, always the same: (person, frame) of the identity, (person, frame) of the expression."""
    rng = stream(SEED, number, "swaps")
    people = PARTS[part]
    others = [p for p in people if p != number]
    out = []
    for k in range(SWAPS):
        mine, theirs = (int(f) for f in rng.permutation(FRAMES)[:2])
        other = number if k == 0 else others[int(rng.integers(len(others)))]
        out.append(((number, mine), (other, theirs)))
    return out


@dataclass(frozen=True)
class SwapClip:
    """Makes clips of the true pictures of swaps as draw_shards takes them: index -> person of this place in part."""

    part: str
    size: int
    frames: int = SWAPS

    def __call__(self, index: int) -> Drawn:
        """Draw the swaps of one person."""
        head, number = load(), PARTS[self.part][index]
        who = identity(head, stream(SEED, number, "identity"))
        person = build(who, stream(SEED, number, "paint"))
        moves = clip_factors(head, FRAMES, SEED, number)
        backs = background(stream(SEED, number, "background"), round(self.size * MARGIN), FRAMES)
        images, factors, truth = [], [], []
        for i, ((_, mine), (other, theirs)) in enumerate(pairs(self.part, number)):
            given = clip_factors(head, FRAMES, SEED, other)[theirs]
            move = {**moves[mine], "expression": given["expression"]}
            image, arrays, said = photo(person, move, backs[mine], self.size, stream(SEED, number, f"noise {mine}"))
            images.append(image)
            truth.append(arrays)
            swap = {"identity": f"{number:06d}.{mine:02d}", "expression": f"{other:06d}.{theirs:02d}"}
            about = {"person": f"{SEED}-{number:06d}", "frame": i, "set": self.part, "swap": swap}
            factors.append({**about, **said, **who})
        return f"{number:06d}", images, factors, truth


def truth_shards(size: int, out: Path, workers: int | Executor = 1, people: int | None = None) -> None:
    """Draw the truth set (`python -m train truth`).

    Args:
        size: side of the standard crop in pixels.
        out: its folder.
        workers: processes, or who makes clips (executor.py); the bytes do not depend on it.
        people: of each part; all unless said.

    Raises:
        ValueError: size or workers is below 1.
        ShardsError: `out` holds other shards.
    """
    if size < 1:
        raise ValueError("--size starts at 1")
    for part, numbers in PARTS.items():
        count, about = len(numbers[:people]), {**ABOUT, "set": part}
        draw_clips(Clip(SEED, FRAMES, size, part, numbers[0]), count, out / part, {"engine": "truth"}, about, workers)
        draw_clips(
            SwapClip(part, size), count, out / part / "swaps", {"engine": "true swaps"},
            {**about, "swaps": "see train/truth.py"}, workers,
        )  # fmt: skip
