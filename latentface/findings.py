"""What was measured of a checkpoint, on whom and how well, in figures read off its own result files."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from latentface.results import Comparison

LONDON = "{photos} photos of {pairs} real people who agreed to be shown (Face Research Lab London Set, {data})"
TRUTH = "{n:,} pictures of {people} parametric people, who do not exist, with known truth ({data})"
MEASURED = (
    ("swaps_london.json", "identity_top1", ".0%", LONDON,
     "of rebuilt faces look most like the right person, to another network"),
    ("swaps_london.json", "across_smile_moved", ".0%", LONDON, "of a smile comes over when it is put on somebody else"),
    ("swaps_london.json", "across_nearer_a", ".0%", LONDON,
     "of such swaps look more like the face's owner (A) than like the expression's (B)"),
    ("depth_test.json", "mad_deg", ".1f°", TRUTH,
     "error of the way the surface faces; a flat plate is {mad_flat_deg:.1f}° off"),
    ("depth_test.json", "own_depth_r2", ".0%", TRUTH,
     "of how a person's depth differs from the average face's is in the 3D face; all of it would be 100%"),
    ("depth_test.json", "yaw_deg", ".1f°", TRUTH,
     "error of the head's turn; always saying the mean is {yaw_constant_deg:.1f}° off"),
    ("depth_test.json", "light_centred_deg", ".1f°", TRUTH,
     "error of where the light comes from; always saying the mean is {light_constant_deg:.1f}° off"),
    ("leakage_test.json", "identity_from_expression", ".0%", TRUTH,
     "of pictures are matched to the right person by the expression part of the code alone, which should know nobody; "
     "chance is {identity_chance:.1%}"),
)  # fmt: skip
"""File, key, format, data and words of every figure that is shown; the words may name further keys of the file."""
GROUPED, GROUP_FIGURE = "depth_test.json", "mad_deg"
"""File and key of the figure that is shown by group of people."""
DOUBTS = "doubts.json"
MISUSES = (
    ("lfw", "similarity", "LFW: press photos of people in the news",
     "of {n:,} pairs of real photos are told right as one person or two; guessing gets {chance:.0%}"),
    ("fer2013", "linear", "FER2013: grey photos from the web, 48 pixels wide, sorted into seven expressions",
     "of {n:,} expressions on real photos are told right; always saying the commonest gets {chance:.0%}"),
)  # fmt: skip
"""Task and measure of the suite `probes`, data and words: what speaks against two uses."""


@dataclass(frozen=True)
class Finding:
    """One figure with what it is of."""

    figure: str
    """As it is read, such as 90% or 14.5°."""
    words: str
    data: str
    source: str
    """Command and commit."""

    @property
    def sentence(self) -> str:
        """Put it in one sentence."""
        return f"{self.figure} {self.words}."


@dataclass(frozen=True)
class GroupFigures:
    """One figure by group of people of one kind; less is better."""

    kind: str
    groups: dict[str, tuple[int, float]]
    """Group -> pictures and figure."""

    @property
    def worst(self) -> str:
        """Name the group with the largest figure."""
        return max(self.groups, key=lambda name: self.groups[name][1])


@dataclass(frozen=True)
class Findings:
    """All that a checkpoint's result files say here; empty where nothing was measured."""

    measured: list[Finding]
    grouped: list[GroupFigures]
    grouped_data: str
    """The data of `grouped`, and what made it."""
    unnoticed: Finding | None
    """The kind of bad photo that is doubted least."""

    @property
    def any(self) -> bool:
        """Say whether anything was measured."""
        return bool(self.measured or self.grouped or self.unnoticed)


def read_findings(folder: Path | None) -> Findings:
    """Read a checkpoint's result files.

    Args:
        folder: Of the checkpoint; None where it came from the Hub.

    Returns:
        What they hold; a file that is missing or broken counts as not measured.
    """
    files = {name: _read(folder, name) for name in (*dict.fromkeys(row[0] for row in MEASURED), DOUBTS)}
    measured = [found for row in MEASURED if (found := _finding(files[row[0]], *row[1:])) is not None]
    grouped = list(_grouped(files[GROUPED]))
    data = f"{_filled(TRUTH, files[GROUPED])}; {_source(files[GROUPED])}" if grouped else ""
    return Findings(measured, grouped, data, _unnoticed(files[DOUBTS]))


def read_misuses(comparison: Comparison | None, method: str) -> list[Finding]:
    """Read what speaks against two uses off the comparison of methods.

    Args:
        comparison: The results of the suite `probes`; None where there are none.
        method: The checkpoint's name there; none are given where it was not measured.
    """
    if comparison is None or method not in comparison.methods:
        return []
    found = []
    for task, measure, data, words in MISUSES:
        value, n, chance = (comparison.of(method, f"{task}_{key}") for key in (measure, "n", "chance"))
        if all(isinstance(number, int | float) for number in (value, n, chance)):
            source = f"{comparison.results['command']}, commit {comparison.commit(method)}"
            found.append(Finding(f"{value:.0%}", words.format(n=n, chance=chance), data, source))
    return found


def _finding(results: Mapping[str, Any], key: str, form: str, data: str, words: str) -> Finding | None:
    """Write one figure; None where it, or a number that belongs to it, is missing."""
    form, unit = form.removesuffix("°"), "°" * form.endswith("°")
    try:
        figure = f"{float(results[key]):{form}}{unit}"
        return Finding(figure, words.format(**results), data.format(**results), _source(results))
    except (KeyError, TypeError, ValueError):
        return None


def _grouped(results: Mapping[str, Any]) -> Iterator[GroupFigures]:
    """Read the figures by group; kinds of which nothing can be read are left out."""
    kinds = results.get("by")
    for kind, groups in kinds.items() if isinstance(kinds, dict) else ():
        try:
            read = {str(name): (int(row["n"]), float(row[GROUP_FIGURE])) for name, row in groups.items()}
        except (KeyError, TypeError, ValueError, AttributeError):
            continue
        if len(read) > 1:
            yield GroupFigures(str(kind), read)


def _unnoticed(results: Mapping[str, Any]) -> Finding | None:
    """Find the kind of photo without a bare face that is doubted least."""
    try:
        record = results["record"]
        shares = {str(name): (float(row["flagged"]), int(row["pictures"])) for name, row in record["flagged"].items()}
        name = min(shares, key=lambda name: shares[name][0])
        share, pictures = shares[name]
        words = f"of photos of the kind that is doubted least, {name}, are marked as doubtful; the rest pass unmarked"
        data = f"{pictures} photos, made from real ones: {', '.join(str(one) for one in record['data'])}"
        return Finding(f"{share:.0%}", words, data, _source(record))
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def _filled(words: str, results: Mapping[str, Any]) -> str:
    """Fill a file's numbers into words; "" where they are missing."""
    try:
        return words.format(**results)
    except (KeyError, TypeError, ValueError):
        return ""


def _source(results: Mapping[str, Any]) -> str:
    """Name what made a result."""
    return f"{results.get('command', 'command not recorded')}, commit {results.get('commit', 'not recorded')}"


def _read(folder: Path | None, name: str) -> dict[str, Any]:
    """Read a JSON object; empty where there is none."""
    try:
        found = json.loads((folder / name).read_text(encoding="utf-8")) if folder is not None else {}
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
