"""The folder of a training run as it grows: how far it is, its curves and its contact sheets.

A trainer writes there while the page reads: half a line, half a file and a file that is gone are nothing unusual.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from app.components.training_curve import MOST, Curves, read_curves_and_faults
from latentface.checkpoints import PIPELINE, find

SILENT = 180
"""Seconds without a new file after which a run may have died: it saves every minute, but measuring takes longer."""
SHEET = re.compile(r"[a-z][a-z_]*_(\d+)\.png")
"""Name of a contact sheet: what it shows, and the images seen."""


@dataclass(frozen=True)
class RunFolder:
    """A run that the app was told of."""

    path: Path
    address: str = ""
    """Of the page of its checkpoint, relative to the page that shows it; "" where it has none."""

    @property
    def checkpoint(self) -> Path | None:
        """The folder of its checkpoint; None before stage 2 has saved."""
        return find(self.path)

    def look(self, clock: Callable[[], float] = time.time) -> Look:
        """Read what is there now.

        Args:
            clock: Gives the time in seconds since 1970.
        """
        about, notes = {}, []
        curves_file, config_file = self.path / "curves.jsonl", self.path / "config.json"
        try:
            about = json.loads(config_file.read_text())
            planned, seen = int(about["config"]["images"]), int(about["images"])
            if not max(abs(planned), abs(seen)) < MOST:
                raise ValueError("no number of images")
        except FileNotFoundError:
            planned = seen = None
        except (OSError, ValueError, KeyError, TypeError, OverflowError):
            planned = seen = None
            about = {}
            notes.append("Its config.json can't be read, so how far it is to go is not known.")
        curves, broken = read_curves_and_faults(curves_file)
        if broken:
            notes.append(f"{broken} line{'s' * (broken > 1)} of its curves can't be read: left out.")
        seen = max([seen or 0, *(points[-1][0] for points in curves.values())])
        files = [curves_file, config_file, self.path / "state.pt"]
        written = max((_written(file) for file in files), default=0.0)
        return Look(
            there=self.path.is_dir(), planned=planned, seen=seen, unit=str(about.get("unit", "images")),
            state=str(about.get("state", "")), silent=clock() - written if written else None, curves=curves,
            sheets=_sheets(self.path), notes=notes,
        )  # fmt: skip


@dataclass(frozen=True)
class Look:
    """A run at one moment."""

    there: bool
    """Whether its folder is there."""
    planned: int | None
    """Images in all; None where that is not known."""
    seen: int
    unit: str
    """Name of the things that are counted."""
    state: str
    """ "training", "ended", "stopped" as the trainer wrote it last; "" where it did not."""
    silent: float | None
    """Seconds since anything was written; None where nothing was."""
    curves: Curves
    sheets: list[tuple[int, list[Path]]] = field(default_factory=list)
    """Images seen, and the contact sheets drawn then; oldest first."""
    notes: list[str] = field(default_factory=list)
    """Sentences about what can't be read."""

    @property
    def stamp(self) -> tuple:
        """What changes when there is anything new to draw."""
        newest = tuple((file.name, _written(file)) for _, files in self.sheets[-1:] for file in files)
        return (self.seen, len(self.curves), len(next(iter(self.curves.values()), [])), newest, len(self.sheets))

    def words(self) -> str:
        """Say how far the run is and whether it goes on, in plain sentences."""
        if not self.there:
            return "Its folder is not there yet: it comes when the training begins."
        if self.silent is None:
            return " ".join(["It has begun, and nothing is saved yet.", *self.notes])
        return " ".join([self._state(), *self.notes])

    def _state(self) -> str:
        """Say where it is."""
        so_far = f"{self.seen:,} {self.unit}"
        if self.planned:
            so_far = f"{self.seen:,} of {self.planned:,} {self.unit} ({100 * self.seen / self.planned:.0f} %)"
        if self.state == "ended" or (not self.state and self.planned and self.seen >= self.planned):
            return f"Ended: {so_far}."
        ago = duration(self.silent or 0)
        if self.state == "stopped":
            return f"Stopped {ago} ago: {so_far}. The same command with --resume goes on."
        if (self.silent or 0) > SILENT:
            return f"Silent: {so_far}, and nothing was written for {ago}. It was killed, or it is measuring for long."
        rates = self.curves.get("rate")
        if not rates or rates[-1][1] <= 0:
            return f"Training: {so_far}."
        rate = rates[-1][1]
        left = f", about {duration((self.planned - self.seen) / rate)} left" if self.planned else ""
        return f"Training: {so_far}, {rate:,.1f} {self.unit} a second{left}."


def run_of(checkpoint: str) -> Path | None:
    """Name the run that a checkpoint lies in: a run's folder, or the folder `pipeline` in one; None for others."""
    folder = Path(checkpoint)
    folders = (folder, folder.parent) if folder.name == PIPELINE else (folder,)
    return next((path for path in folders if (path / "curves.jsonl").is_file()), None)


def duration(seconds: float) -> str:
    """Write a time span with the unit that fits."""
    for unit, size in (("hour", 3600), ("minute", 60)):
        if seconds >= 1.5 * size:
            return f"{seconds / size:.0f} {unit}s"
    return "a minute" if seconds >= 45 else f"{seconds:.0f} seconds"


def _written(file: Path) -> float:
    """Give when a file was written last, in seconds since 1970; 0 where it is not there."""
    try:
        return file.stat().st_mtime
    except OSError:
        return 0.0


def _sheets(folder: Path) -> list[tuple[int, list[Path]]]:
    """Find the contact sheets by the images seen, oldest first."""
    found: dict[int, list[Path]] = {}
    for file in sorted(folder.glob("*.png")):
        if match := SHEET.fullmatch(file.name):
            found.setdefault(int(match[1]), []).append(file)
    return sorted(found.items())
