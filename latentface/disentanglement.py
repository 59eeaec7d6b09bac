"""What each block of a code tells of each factor: the matrix of the suite `leakage`, its blocks, and what it says.

A good split tells identity by the identity block alone, expression by the expression block alone, pose by the view and
light by the light (LatentFace, section 3.2; block-level DCI after Eastwood & Williams, ICLR 2018).
"""

import json
from dataclasses import dataclass, replace
from math import hypot
from pathlib import Path
from statistics import NormalDist

import torch
from torch import Tensor

from latentface.codes import Codes
from latentface.pipeline import USUAL, LatentFacePipeline, Whose
from latentface.results import Comparison

BLOCKS = {
    "identity": "identity part",
    "expression": "expression part",
    "view": "view",
    "light": "light",
    "id_shape": "identity, shape",
    "id_texture": "identity, texture",
    "exp_shape": "expression, shape",
    "exp_texture": "expression, texture",
    "shape": "shape code",
    "texture": "texture code",
    "full": "whole code",
}
"""Block -> its plain name, in the order of the matrix."""
FACTORS = {
    "identity": "who it is",
    "retrieval": "nearest face is the same person",
    "expression": "which expression",
    "actions": "facial actions",
    "yaw": "yaw",
    "pitch": "pitch",
    "light": "light",
    "age": "age",
    "skin": "skin tone",
}
"""Factor -> its plain name, in the order of the matrix."""
OWN = {"identity": "identity", "expression": "expression", "actions": "expression", "yaw": "view", "pitch": "view"}
OWN |= {"light": "light", "age": "identity", "skin": "identity"}
"""Factor -> the block that a perfect split tells it by."""
PARTS = ("identity", "expression", "view", "light")
"""Blocks that make up the code without overlap."""
FIXED = "\u00a0"
"""A space at which no line is broken."""
SURE = 0.05
"""Most chance that any verdict is wrong where all that is seen is chance (Bonferroni over the scores compared)."""


@dataclass
class Matrix:
    """The matrix of one checkpoint."""

    blocks: list[str]
    factors: list[str]
    results: dict
    """The whole JSON of the suite."""

    def score(self, factor: str, block: str) -> float:
        """Give what a linear probe reads of the factor off the block: accuracy, or R2 of numbers."""
        return float(self.results[f"{factor}_from_{block}"])

    def chance(self, factor: str) -> float:
        """Give the score of a probe that knows nothing; 0 for R2."""
        return float(self.results.get(f"{factor}_chance", 0.0))

    def share(self, factor: str, block: str) -> float:
        """Give the score as a share of the way from chance to perfect, in [0, 1]."""
        return above_chance(self.score(factor, block), self.chance(factor))

    @property
    def margin(self) -> float:
        """Give the standard deviations by which scores must lie apart to count, see SURE."""
        cells = sum(factor in OWN for factor in self.factors) * sum(part in self.blocks for part in PARTS)
        return NormalDist().inv_cdf(1 - SURE / cells)

    @property
    def has_spread(self) -> bool:
        """Say whether every score that verdicts rest on was measured with its spread over people."""
        parts = [part for part in PARTS if part in self.blocks]
        return all(f"sd_{factor}_{part}" in self.results for factor in self.factors if factor in OWN for part in parts)

    def spread(self, factor: str, block: str) -> float:
        """Give the score's standard deviation over people; 0 in results that were measured without."""
        return float(self.results.get(f"sd_{factor}_{block}", 0.0))

    def tells(self, factor: str, block: str) -> bool:
        """Say whether the block's score lies beyond chance."""
        return self.score(factor, block) - self.margin * self.spread(factor, block) > self.chance(factor)

    def better(self, factor: str, block: str, other: str) -> bool:
        """Say whether the block's score lies beyond the other's."""
        apart = self.margin * hypot(self.spread(factor, block), self.spread(factor, other))
        return self.score(factor, block) - self.score(factor, other) > apart

    def part_of_whole(self, factor: str, block: str) -> float | None:
        """Give what the block tells as a share of what the whole code does; None where that tells nothing."""
        whole = self.share(factor, "full")
        return self.share(factor, block) / whole if whole and self.tells(factor, "full") else None

    def measure(self, factor: str) -> str:
        """Name what the score is."""
        return {"retrieval": "accuracy", "identity": "balanced accuracy", "expression": "balanced accuracy"}.get(
            factor, "R²"
        )

    def hsic(self, factor: str, block: str) -> float | None:
        """Give the normalised HSIC of block and factor; None where the suite has none."""
        return self.results.get(f"hsic_{block}_{factor}")


def above_chance(score: float, chance: float) -> float:
    """Give a score as the share of the way from chance to perfect, 0 below chance."""
    return max(0.0, (score - chance) / (1 - chance))


def read_matrix(file: Path) -> Matrix:
    """Read the matrix of a results file.

    Args:
        file: JSON of the suite `leakage`.

    Raises:
        ValueError: The file is no result of that suite.
    """
    try:
        results = json.loads(file.read_text())
        _check_numbers(results)
        blocks = [block for block in BLOCKS if f"identity_from_{block}" in results]
        factors = [factor for factor in FACTORS if f"{factor}_from_full" in results]
        matrix = Matrix(blocks, factors, results)
        for factor in factors:
            for block in blocks:
                matrix.score(factor, block)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{file} is no result of `python -m train evaluate --suite leakage`") from error
    if not {"identity", "expression"} <= set(blocks) & set(factors):
        raise ValueError(f"{file} is no result of `python -m train evaluate --suite leakage`")
    return matrix


def _check_numbers(results: dict) -> None:
    """Check what is read as a number besides scores; raises ValueError where a file of others has something else."""
    if not isinstance(results, dict) or not isinstance(results.get("config", {}), dict):
        raise ValueError("no results")
    for name, value in results.items():
        is_number = name in ("people", "n") or name.startswith(("sd_", "hsic_")) or name.endswith("_chance")
        if is_number and (type(value) not in (int, float) or name.endswith("_chance") and not value < 1):
            raise ValueError(f"{name} is {value!r}")


def strongest_other(matrix: Matrix, factor: str) -> str:
    """Name the part, beside its own, that tells a factor best."""
    others = [block for block in PARTS if block != OWN[factor] and block in matrix.blocks]
    return max(others, key=lambda block: matrix.score(factor, block))


def separation(matrix: Matrix, factor: str) -> str:
    """Judge how a factor is told.

    Returns:
        "alone" by its own part alone, "both" by another part too, "elsewhere" by another part better, "not" by none.
    """
    own, other = OWN[factor], strongest_other(matrix, factor)
    parts = [block for block in PARTS if block in matrix.blocks]
    told = [block for block in parts if matrix.tells(factor, block)]
    if not told:
        return "not"
    if own not in told or matrix.better(factor, other, own):
        return "elsewhere"
    return "alone" if told == [own] else "both"


def summary(matrix: Matrix) -> str:
    """Say in one sentence how well identity and expression are kept apart."""
    factors = ("identity", "expression")
    found = {separation(matrix, factor) for factor in factors}
    if found == {"not"}:
        return "This code tells neither who it is nor which expression they show: it looks random."
    if found == {"alone"}:
        return "Identity and expression lie apart: each is told by its own part alone."
    if not any(matrix.better(factor, OWN[factor], strongest_other(matrix, factor)) for factor in factors):
        return "Identity and expression are entangled: both parts tell both."
    who, how = matrix.part_of_whole("identity", "expression"), matrix.part_of_whole("expression", "identity")
    if who is None or how is None:
        return "Identity and expression are partly entangled: see which part tells which."
    return (
        f"Identity and expression are partly entangled: the expression part tells {who:.0%} of what the whole code "
        f"tells of who it is, the identity part {how:.0%} of what it tells of the expression."
    ).replace("%", f"{FIXED}%")


def sentences(matrix: Matrix) -> list[str]:
    """Say for every factor which part tells it, with the numbers."""
    words = {
        "alone": "told by its own part alone",
        "both": "told by its own part and by another",
        "elsewhere": "told better by another part than by its own",
        "not": "told by no part beyond chance",
    }
    said = []
    for factor in (factor for factor in matrix.factors if factor in OWN):
        parts = [_of_whole(matrix, factor, block) for block in (OWN[factor], strongest_other(matrix, factor))]
        said.append(
            f"{FACTORS[factor].capitalize()}: {words[separation(matrix, factor)]}. "
            f"{matrix.measure(factor)[:1].upper()}{matrix.measure(factor)[1:]}: {', '.join(parts)}; "
            f"chance {_text(matrix.chance(factor))}."
        )
    return said


def how_judged(matrix: Matrix) -> str:
    """Say what the verdicts rest on."""
    if matrix.has_spread:
        how = (
            "a part tells something where its score lies beyond chance, and tells it better than another where their "
            f"scores lie apart, both by more than {matrix.margin:.1f} standard deviations over people; of "
            f"{round(1 / SURE)} codes that know nothing, about one would be said to tell anything."
        )
    else:
        how = (
            "these scores were measured without their spread over people, so any score above chance counts as told and "
            "any difference as better: a verdict may be chance. `python -m train evaluate --suite leakage` measures "
            "them with it."
        )
    return f"How it is judged: {how} A percentage is a score's share, above chance, of what the whole code tells."


def _of_whole(matrix: Matrix, factor: str, block: str) -> str:
    """Write a block's score, and where the whole code tells something its share of that."""
    share = matrix.part_of_whole(factor, block)
    beside = "" if share is None else f" ({100 * share:.0f}{FIXED}%)"
    return f"{_text(matrix.score(factor, block))} from the {BLOCKS[block]}{beside}"


def _text(value: float) -> str:
    """Write a score with the digits that it needs."""
    return f"{value:.4f}" if 0 < abs(value) < 0.01 else f"{value:.2f}"


def elsewhere(comparison: Comparison, method: str) -> list[str]:
    """Say what holds of the same parts on real photos, from the suite `probes`; where they disagree, say that too.

    Args:
        comparison: The results of the suite.
        method: The checkpoint's name there.

    Returns:
        A sentence a data set; none where the checkpoint was not measured.
    """
    if method not in comparison.methods:
        return []
    said = []
    tasks = (
        ("fer2013_linear", "FER2013", "expressions", "exp", "id", "a linear probe on {} stills with noisy labels"),
        ("lfw_similarity", "LFW", "people", "id", "exp", "cosine of {} pairs"),
    )
    for key, data, what, own, wrong, how in tasks:
        count = int(comparison.of(method, f"{key.partition('_')[0]}_n", 0))
        values = {
            (part, code): comparison.of(method, f"{key}_{part}_{code}")
            for part in (own, wrong) for code in ("shape", "texture")
        }  # fmt: skip
        if None in values.values():
            continue
        named = {"id": "identity", "exp": "expression"}
        said.append(
            f"{data} ({how.format(f'{count:,}')}): the {named[own]} parts of shape and texture tell {what} "
            f"{100 * values[own, 'shape']:.1f} % and {100 * values[own, 'texture']:.1f} %, the {named[wrong]} parts "
            f"{100 * values[wrong, 'shape']:.1f} % and {100 * values[wrong, 'texture']:.1f} %"
            f"{_contradiction(values, own, wrong, named, count)}."
        )
    return said


def _contradiction(
    values: dict[tuple[str, str], float], own: str, wrong: str, named: dict[str, str], count: int
) -> str:
    """Say of which codes the wrong part tells more than the own one, beyond chance in so many trials.

    The shares are taken for independent, though both parts answer the same trials: their difference varies less.
    """
    sure = NormalDist().inv_cdf(1 - SURE / len(values))
    against = []
    for code in ("shape", "texture"):
        more, less = values[wrong, code], values[own, code]
        variance = (more * (1 - more) + less * (1 - less)) / max(count, 1)
        if more - less > sure * variance**0.5:
            against.append(code)
    if not against:
        return ""
    codes = " and of ".join(against)
    return f": **this contradicts the split**, the {named[wrong]} part of {codes} tells them better"


@torch.no_grad()
def code_blocks(pipeline: LatentFacePipeline, codes: Codes, seed: int = 0) -> dict[str, Tensor]:
    """Give all blocks of faces' codes: codes, their parts, each part of both joined, view, light, and all.

    Args:
        pipeline: The model of the codes.
        codes: Of N faces.
        seed: Of the split.

    Returns:
        Block -> N x D, standardised over the training codes.
    """
    parts = [pipeline.split(codes[rows], seed=seed) for rows in torch.arange(len(codes.shape)).split(1024)]
    denoiser = pipeline.denoiser
    identity = denoiser.standardize(torch.cat([part.identity for part in parts]))
    expression = torch.cat([part.expression for part in parts]) / denoiser.std
    blocks: dict[str, Tensor] = {}
    for prefix, both in (("", denoiser.standardize(codes.face)), ("id_", identity), ("exp_", expression)):
        blocks |= zip((f"{prefix}shape", f"{prefix}texture"), both.chunk(2, 1), strict=True)
    blocks |= {"identity": identity, "expression": expression}
    blocks |= {"view": codes.view, "light": codes.light}
    blocks["full"] = torch.cat([blocks[name] for name in ("shape", "texture", "view", "light")], 1)
    return {name: value.cpu() for name, value in blocks.items()}


def exchange(pipeline: LatentFacePipeline, a: Codes, b: Codes, block: str, seed: int = 0) -> Codes:
    """Put one block of B into A and leave all else.

    Args:
        pipeline: The model of the codes.
        a: Batch of one.
        b: Batch of one.
        block: One of BLOCKS.
        seed: Of the split.
    """
    if block == "full":
        return b
    if block in ("shape", "texture", "view", "light"):
        return replace(a, **{block: getattr(b, block)})
    parts = {"id": "identity", "exp": "expression"}
    kind, _, code = block.partition("_")
    fields = [f"{code}_{parts[kind]}"] if code else [f"{c}_{block}" for c in ("shape", "texture")]
    own = replace(USUAL, shape_expression="a", texture_expression="a")
    whose: Whose = replace(own, **dict.fromkeys(fields, "b"))
    return pipeline.swap(a, b, seed=seed, whose=whose)


def neighbours(blocks: Tensor, face: Tensor, count: int) -> list[int]:
    """Find the rows nearest to a face by one block alone, its numbers put on one scale.

    Args:
        blocks: N x D, of the gallery.
        face: D.
        count: How many.

    Returns:
        Rows, nearest first.
    """
    scale = blocks.std(0).clamp(min=1e-6)
    distance = ((blocks - face) / scale).square().sum(1)
    return distance.topk(min(count, len(blocks)), largest=False).indices.tolist()


@torch.no_grad()
def directions(
    pipeline: LatentFacePipeline, codes: Codes, blocks: dict[str, Tensor], block: str, count: int, steps: list[float]
) -> list[Codes]:
    """Walk from the average face along the main directions in which one block varies (principal components).

    Args:
        pipeline: The model of the codes.
        codes: Of the gallery's N faces.
        blocks: Of the same, see `code_blocks`.
        block: Which one.
        count: How many directions.
        steps: Standard deviations.

    Returns:
        Codes a direction, a row a step.
    """
    values = blocks[block]
    scale = values.std(0).clamp(min=1e-6) if block in ("view", "light", "full") else values.new_ones(values.shape[1])
    scaled = (values - values.mean(0)) / scale
    _, spread, axes = torch.linalg.svd(scaled, full_matrices=False)
    spread = spread / max(1, len(values) - 1) ** 0.5
    average = pipeline.frontal(codes.face.mean(0, keepdim=True))
    films = []
    for sd, axis in zip(spread[:count], axes[:count], strict=True):
        move = torch.tensor(steps)[:, None] * sd * axis * scale
        films.append(_moved(pipeline, average, block, move))
    return films


def _moved(pipeline: LatentFacePipeline, average: Codes, block: str, move: Tensor) -> Codes:
    """Add moves K x D of one block, on its scale, to a face."""
    count, half = len(move), average.shape.shape[1]
    face = average.face.new_zeros(count, 2 * half)
    view, light = face.new_zeros(count, 6), face.new_zeros(count, 4)
    kind = block.rpartition("_")[2]
    if block == "full":
        face, view, light = move.split([2 * half, 6, 4], 1)
    elif block == "view":
        view = move
    elif block == "light":
        light = move
    elif kind == "shape":
        face[:, :half] = move
    elif kind == "texture":
        face[:, half:] = move
    else:
        face = move
    shape, texture = (average.face + face * pipeline.denoiser.std).chunk(2, 1)
    return Codes(shape, texture, average.view + view, average.light + light)
