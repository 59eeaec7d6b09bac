"""How evenly a checkpoint does by its people, read off the result files in its folder."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from latentface.doubts import TABLE

LONDON = "swaps_london.json"
COLUMNS = {
    "identity_distance": ("distance to the person", ".2f"),
    "identity_top1": ("right person nearest", ".0%"),
    "across_smile_told": ("smile told after a swap", ".0%"),
    "across_nearer_a": ("swap nearer to A", ".0%"),
}
"""Figures of photos of real people by group -> what they are, and their format."""


@dataclass(frozen=True)
class GroupRow:
    """The figures of one group of people."""

    kind: str
    """ethnicity, gender or age."""
    name: str
    people: int
    figures: dict[str, float]
    """Of COLUMNS; those that were not measured are missing."""


@dataclass(frozen=True)
class Fairness:
    """What was measured by group of people."""

    photos: int
    rows: list[GroupRow]
    doubted: dict[str, dict[str, tuple[int, float]]]
    """Kind of group -> group -> photos of bare faces it was measured on, and the share that the page doubts."""
    source: str
    """Command and commit of the figures of `rows`."""

    @property
    def sentence(self) -> str:
        """Say in one sentence how unevenly people are rebuilt."""
        rows = [row for row in self.rows if row.kind == "ethnicity" and "identity_distance" in row.figures]
        if len(rows) < 2:
            return ""
        best, worst = (pick(rows, key=lambda row: row.figures["identity_distance"]) for pick in (min, max))
        label, form = COLUMNS["identity_distance"]
        low, high = (row.figures["identity_distance"] for row in (best, worst))
        return (
            f"People are not rebuilt equally well: the rebuilt face's {label} (less is better, a judge takes less than "
            f"0.6 for one person) is {low:{form}} for {best.name} and {high:{form}} for {worst.name} people, on "
            f"{self.photos} photos of real people."
        )


def read_fairness(folder: Path | None) -> Fairness | None:
    """Read what a checkpoint's result files say by group; None where nothing was measured, or it can't be read."""
    if folder is None:
        return None
    london, doubts = (_read(folder / name) for name in (LONDON, TABLE))
    try:
        rows = [
            GroupRow(kind, name, int(row["people"]), {key: float(row[key]) for key in COLUMNS if key in row})
            for kind, groups in london.get("by", {}).items()
            for name, row in groups.items()
        ]
        doubted = {
            kind: {name: (int(row["photos"]), float(row["doubted"])) for name, row in groups.items()}
            for kind, groups in doubts.get("record", {}).get("by", {}).items()
        }
        if not rows:
            return None
        return Fairness(int(london["photos"]), rows, doubted, f"{london['command']}, commit {london['commit']}")
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def _read(path: Path) -> dict[str, Any]:
    """Read a JSON object; empty where there is none."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
