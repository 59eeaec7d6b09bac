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
    "identity_distance_others": ("to others of the group", ".2f"),
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

    @property
    def kept(self) -> float | None:
        """Distance to the person as a share of that to others of the group; None where they were not measured.

        Judges set people of some groups closer to each other than those of others: distances alone do not compare.
        """
        own, others = (self.figures.get(name) for name in ("identity_distance", "identity_distance_others"))
        return None if own is None or not others else own / others


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
        """Say in one sentence how unevenly people are rebuilt; "" where too little was measured."""
        kept = {row.name: row.kept for row in self.rows if row.kind == "ethnicity" and row.kept is not None}
        if len(kept) < 2:
            return ""
        best, worst = min(kept, key=kept.__getitem__), max(kept, key=kept.__getitem__)
        return (
            "People are not rebuilt equally well: a rebuilt face's distance to the person is "
            f"{kept[best]:.0%} of that to others of the same group for {best} people and {kept[worst]:.0%} for {worst} "
            f"ones (less is better; {self.photos} photos of real people, dlib's judgement)."
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
