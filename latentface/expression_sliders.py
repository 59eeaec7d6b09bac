"""Sliders with meaning: named directions of the expression subspace, with what each measurably does.

`python -m train sliders` finds them and writes two small files into the checkpoint's folder: a table (JSON) and the
directions (safetensors). An amount of 1 moves what the name says by one standard deviation of people's expressions.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from latentface.checkpoints import CheckpointError, folder_of
from latentface.codes import Codes

TABLE, TENSORS = "expression_sliders.json", "expression_sliders.safetensors"
"""Files in a checkpoint's folder."""
LIMIT = 3.0
"""Most that a slider goes to either side, in standard deviations of people's expressions."""


@dataclass(frozen=True)
class Slider:
    """One named direction, and what it did to people it was not found on."""

    name: str
    """Plain words, such as "smile"."""
    low: str
    """What the face does at the negative end."""
    high: str
    """What the face does at the positive end."""
    effect: float
    """Change of what the name says for an amount of 1, in standard deviations of people's expressions."""
    agreed: float
    """Share of the people whose face moved the right way."""
    people: int
    """How many people that was measured on."""
    side: str
    """What else it moves most; "" where there is nothing to name."""
    side_effect: float
    """Change of that for an amount of 1, in its own standard deviations."""

    @property
    def figure(self) -> str:
        """Put in one sentence what the slider was measured to do."""
        beside = f" Moves along most: {self.side} ({self.side_effect:+.2f})." if self.side else ""
        return (
            f"Measured on {self.people} people it was not found on: a step of 1 moves it by {self.effect:.2f} standard "
            f"deviations of people's expressions, the right way on {self.agreed:.0%}.{beside}"
        )


class ExpressionSliders:
    """The named directions of one checkpoint's expression subspace.

    Args:
        sliders: names and figures.
        directions: K x 2C, change of shape and texture code (side by side) for an amount of 1.
        readings: 2C x K, amounts of an expression code are its product with these.
        spread: K x K, factor of the covariance of people's amounts: amounts are spread @ standard normal numbers.
        record: what made them.
    """

    def __init__(self, sliders: tuple[Slider, ...], directions: Tensor, readings: Tensor, spread: Tensor, record: dict):
        count = len(sliders)
        shapes = (directions.shape[0], readings.shape[-1], *spread.shape)
        if not count or set(shapes) != {count} or directions.shape[1:] != readings.shape[:1]:
            raise ValueError(f"{count} sliders do not fit tensors of shapes {shapes}")
        if not all(torch.isfinite(tensor).all() for tensor in (directions, readings, spread)):
            raise ValueError("a number is not finite")
        self.sliders, self.record = sliders, record
        self.directions, self.readings, self.spread = directions, readings, spread

    @property
    def names(self) -> list[str]:
        """Names in the order in which they are shown."""
        return [slider.name for slider in self.sliders]

    @property
    def figures(self) -> dict[str, str]:
        """Sentence on what each slider was measured to do, by name."""
        return {slider.name: slider.figure for slider in self.sliders}

    def apply(self, codes: Codes, amounts: Mapping[str, float]) -> Codes:
        """Move faces along named directions.

        Args:
            codes: of B faces.
            amounts: by name; those left out are 0, those beyond LIMIT count as LIMIT.

        Returns:
            The moved codes, at the same view and light; with all amounts 0, the same numbers.

        Raises:
            ValueError: a name is unknown, or an amount is no number.
        """
        unknown = set(amounts) - set(self.names)
        if unknown or not all(math.isfinite(amount) for amount in amounts.values()):
            raise ValueError(f"amounts are numbers for {', '.join(self.names)}; got {dict(amounts)}")
        row = torch.tensor([max(-LIMIT, min(LIMIT, amounts.get(name, 0.0))) for name in self.names])
        shape, texture = (row @ self.directions).to(codes.shape).chunk(2)
        return replace(codes, shape=codes.shape + shape, texture=codes.texture + texture)

    def random(self, seed: int) -> dict[str, float]:
        """Draw an expression such as people make: amounts by name, in [-LIMIT, LIMIT], varying together as theirs."""
        normal = torch.randn(len(self.sliders), generator=torch.Generator().manual_seed(seed))
        amounts = (self.spread @ normal).clamp(-LIMIT, LIMIT).tolist()
        return {name: round(amount, 2) for name, amount in zip(self.names, amounts, strict=True)}

    def read(self, expression: Tensor) -> dict[str, Tensor]:
        """Read amounts off expression codes.

        Args:
            expression: B x 2C, as FaceSplit.expression.

        Returns:
            Name -> B, in standard deviations of people's expressions; 0 is the face at rest.
        """
        return dict(zip(self.names, (expression @ self.readings.to(expression)).unbind(1), strict=True))

    def save(self, folder: Path) -> None:
        """Write the two files into a checkpoint's folder."""
        table = {"record": self.record, "sliders": [asdict(slider) for slider in self.sliders]}
        (folder / TABLE).write_text(json.dumps(table, indent=1) + "\n")
        tensors = {"directions": self.directions, "readings": self.readings, "spread": self.spread}
        save_file({name: tensor.half().contiguous() for name, tensor in tensors.items()}, folder / TENSORS)


def load_sliders(checkpoint: str | Path, length: int) -> ExpressionSliders | None:
    """Load the sliders of a checkpoint.

    Args:
        checkpoint: a bundled name or a folder.
        length: of its shape and texture code together, 2C.

    Returns:
        The sliders; None where the checkpoint has none, or comes from the Hub.

    Raises:
        CheckpointError: its files are not what `python -m train sliders` writes for such codes.
    """
    folder = folder_of(checkpoint)
    if folder is None or not (folder / TABLE).exists():
        return None
    try:
        table = json.loads((folder / TABLE).read_text())
        tensors = {name: tensor.float() for name, tensor in load_file(folder / TENSORS).items()}
        sliders = ExpressionSliders(
            tuple(_slider(entry) for entry in table["sliders"]), **tensors, record=dict(table["record"])
        )
        if sliders.directions.shape[1] != length:
            raise ValueError(f"they move codes of {sliders.directions.shape[1]} numbers, not {length}")
    except Exception as error:  # a file of another kind fails in many ways
        raise CheckpointError(f"the expression sliders in {folder} can't be used: {error}") from error
    return sliders


def _slider(entry: dict) -> Slider:
    """Check one entry of the table.

    Raises:
        ValueError: a word is no word, or a figure no finite number.
    """
    slider = Slider(**entry)
    words = (slider.name, slider.low, slider.high, slider.side)
    numbers = (slider.effect, slider.agreed, slider.people, slider.side_effect)
    if not all(isinstance(word, str) and len(word) < 40 for word in words) or not slider.name:
        raise ValueError(f"{slider.name!r} is not named in plain words")
    if not all(isinstance(n, int | float) and math.isfinite(n) for n in numbers):
        raise ValueError(f"the figures of {slider.name} are not numbers")
    return slider
