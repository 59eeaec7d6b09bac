"""Which training runs the app shows, and where the pages of their checkpoints are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from app.pages import PREFIX, slugs
from app.run_folder import RunFolder, run_of
from latentface.checkpoints import find, folder_of, resolved


def shown_runs(asked: Sequence[str], checkpoints: Sequence[str]) -> list[str]:
    """List the folders of runs to show: those asked for, then those that the checkpoints lie in, each once.

    Args:
        asked: By --run.
        checkpoints: By --checkpoint.
    """
    found = [Path(run) for run in asked] + [run for name in checkpoints if (run := run_of(name)) is not None]
    named: dict[Path, str] = {}
    for run in found:
        named.setdefault(run.resolve(), str(run))
    return list(named.values())


def further_pages(checkpoints: Sequence[str], runs: Sequence[str]) -> dict[str, str]:
    """Give slugs to all pages but the first.

    The first has one too where it is a run's, to be loaded anew there.

    Args:
        checkpoints: All that can be chosen, the first one first.
        runs: As `shown_runs` lists them.
    """
    again = [run for run in runs if resolved(run) == resolved(checkpoints[0])]
    return slugs([*checkpoints, *again])


def run_folders(runs: Sequence[str], pages: dict[str, str], up: str) -> list[RunFolder]:
    """Name the runs with the addresses of their checkpoints' pages.

    Args:
        runs: As `shown_runs` lists them.
        pages: As `further_pages` names them.
        up: Leads from the page that shows them to the first.
    """
    below = {resolved(name): address_of(slug, up) for slug, name in pages.items()}
    return [RunFolder(Path(run), below[resolved(run)]) for run in runs]


def address_of(slug: str, up: str) -> str:
    """Give the address of a further page, relative to one from which `up` leads to the first."""
    return f"{up}{PREFIX.lstrip('/')}{slug}/"


def is_empty(checkpoint: str) -> bool:
    """Say whether it is a folder here without a checkpoint, as a run's is before stage 2 saves."""
    return folder_of(checkpoint) is not None and find(checkpoint) is None
