"""The `toy` suite: the leakage suite on made-up codes, to see what its matrix looks like when the answer is known.

    python -m train evaluate --suite toy --checkpoint perfect --out assets/results/toy_perfect.json

perfect: each block holds its own factor alone. random: no block knows anything. entangled: identity and expression both
hold both, and view and light each other.
"""

from pathlib import Path

import torch
from torch import Tensor

from latentface.disentanglement import PARTS
from train.evaluation.leakage import leakage

PEOPLE, FRAMES = 24, 20
KINDS = ("perfect", "random", "entangled")


def toy(kind: str, seed: int = 0) -> tuple[dict[str, Tensor], dict[str, Tensor], Tensor]:
    """Make codes of people who are only numbers.

    Args:
        kind: One of KINDS.
        seed: Of all that is drawn.

    Returns:
        Blocks (PARTS and "full") and factors as `leakage` takes them, and the person of each row.

    Raises:
        ValueError: There is no such kind.
    """
    if kind not in KINDS:
        raise ValueError(f"no toy codes {kind!r}: choose {', '.join(KINDS)}")
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator)

    person = torch.arange(PEOPLE).repeat_interleave(FRAMES)
    count = len(person)
    chosen = torch.randint(3, (count,), generator=generator)
    actions = draw(count, 4) * 0.1
    actions[:, 0] += (chosen == 1).float()
    actions[:, 1] += (chosen == 2).float()
    factors = {"actions": actions, "expression": chosen, "yaw": draw(count, 1), "pitch": draw(count, 1)}
    factors["light"] = draw(count, 4)
    view = torch.cat([factors["yaw"], factors["pitch"]], 1)
    blocks = {"identity": draw(PEOPLE, 8)[person], "expression": actions, "view": view, "light": factors["light"]}
    if kind == "random":
        blocks = {name: draw(count, value.shape[1]) for name, value in blocks.items()}
    if kind == "entangled":
        pairs = (("identity", "expression"), ("view", "light"))
        blocks = {name: torch.cat([blocks[other] for other in pair], 1) for pair in pairs for name in pair}
    return {**blocks, "full": torch.cat([blocks[name] for name in PARTS], 1)}, factors, person


def run(checkpoints: list[str], data: list[tuple[str, Path]], out: Path, seed: int = 0) -> dict:
    """Measure one kind of toy codes; no data."""
    if len(checkpoints) != 1 or data:
        raise ValueError(f"the toy suite takes one --checkpoint, {', '.join(KINDS)}, and no --data")
    blocks, factors, person = toy(checkpoints[0], seed)
    return leakage(blocks, factors, person, person.clone())
