"""How evenly a checkpoint does by its people, read off the result files in its folder."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist
from typing import Any

from latentface.doubts import TABLE

LONDON = "swaps_london.json"
COLUMNS = {
    "identity_distance": ("distance to the person", ".2f"),
    "identity_distance_others": ("to others of the group", ".2f"),
    "identity_share": ("share of that", ".0%"),
    "identity_share_error": ("its standard error", ".1%"),
    "identity_top1": ("right person nearest", ".0%"),
    "across_smile_told": ("smile told after a swap", ".0%"),
    "across_nearer_a": ("swap nearer to A", ".0%"),
}
"""Figures of photos of real people by group -> what they are, and their format."""


SHARE, ERROR = "identity_share", "identity_share_error"


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
        """Say in one sentence whether people of some ethnicity are rebuilt better; "" where it was not measured.

        Judges set people of some groups closer to each other than those of others, so what counts is a rebuilt face's
        distance to the person as a share of that to others of the group. Two groups differ where their shares are
        further apart than chance puts any pair of as many groups in 95 of 100 sets of people (Bonferroni).
        """
        rows = [row for row in self.rows if row.kind == "ethnicity" and ERROR in row.figures]
        if len(rows) < 2:
            return ""
        best, worst = (pick(rows, key=lambda row: row.figures[SHARE]) for pick in (min, max))
        pairs = len(rows) * (len(rows) - 1) / 2
        seen = NormalDist().inv_cdf(1 - 0.025 / pairs) * math.hypot(best.figures[ERROR], worst.figures[ERROR])
        low, high = best.figures[SHARE], worst.figures[SHARE]
        sizes = f"{min(row.people for row in rows)} to {max(row.people for row in rows)}"
        measured = "a rebuilt face's distance to the person, as a share of that to others of the group (dlib)"
        if high - low > seen:
            return (
                f"People are not rebuilt equally well: {measured}, is {low:.0%} for {best.name} people ({best.people}) "
                f"and {high:.0%} for {worst.name} ones ({worst.people}); less is better."
            )
        return (
            f"On {self.photos} photos no ethnicity was found to be rebuilt better than another: {measured}, is "
            f"{low:.0%} to {high:.0%}. With groups of {sizes} people, differences below {seen:.0%} are not seen."
        )


def shown_group(kind: str, name: str) -> str:
    """Name a group so that its words stand by themselves: light skin, not light."""
    return f"{name} skin" if kind.startswith("skin") else name


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
