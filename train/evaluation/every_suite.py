"""`--suite all`: every suite that a checkpoint's data allow, one after the other, each into a file of its own.

    python -m train evaluate --suite all --checkpoint RUN --data truth:SHARDS/test --data london:london_dev.tar

The files lie in the checkpoint's own folder, under the names that shipped ones have, so the app finds them there. What
lacks its data is passed over by name, with the command that makes them; what failed says why in one line; what is there
already for these weights is kept, so the same command goes on where it was stopped.
"""

import json
import time
from collections.abc import Callable
from pathlib import Path

from latentface.checkpoints import folder_of
from latentface.weights import digest_of_all
from train.evaluation import suites
from train.evaluation.datasets import DATASETS

WANTED = {
    "leakage": ("truth",), "depth": ("truth",), "swaps": ("truth", "london"), "turned": ("london",),
    "detail": ("london",), "prior": ("",), "clips": ("clips", "people"),
    "probes": tuple(kind for kind in DATASETS if kind != "truth"),
}  # fmt: skip
"""Suite -> kinds of data that it can use, each measured alone; probes takes all of them at once."""
MAKES = {
    "truth": "python -m train truth --out FOLDER, then truth:FOLDER/test",
    "": "python -m train imagined --people 200 --out SHARDS",
    "people": "python -m train people --people 200 --out PATH",
    "clips": "a folder of videos, one person each",
}
"""Kind of data -> what makes them; of other people's sets docs/data.md says it."""


def makes(kind: str) -> str:
    """Say where data of a kind come from."""
    return MAKES.get(kind, "a set that you bring: docs/data.md")


def plan(data: list[str]) -> tuple[list[tuple[str, list[str], str]], list[str]]:
    """Choose what can be run.

    Args:
        data: KIND:PATH each.

    Returns:
        Suite, its --data and the stem of its file, in order; and a line for each suite that lacks its data.

    Raises:
        ValueError: an entry names no path.
    """
    kinds: dict[str, list[str]] = {}
    for entry in data:
        kinds.setdefault(suites.split_kind(entry)[0], []).append(entry)
    runs, lacking = [], []
    for suite, wanted in WANTED.items():
        found = [entry for kind in wanted for entry in kinds.get(kind, [])]
        if not found:
            needs = " or ".join(f"{kind}:PATH" if kind else "SHARDS" for kind in wanted)
            ways = "; ".join(dict.fromkeys(makes(kind) for kind in wanted))
            lacking.append(f"{suite}: passed over, it needs --data {needs} ({ways})")
        elif suite == "probes":
            runs.append((suite, found, suite))
        else:
            runs += [(suite, [entry], f"{suite}_{_set(entry)}") for entry in found]
    return runs, lacking


def _set(entry: str) -> str:
    """Name a data set as the shipped files do: london:... is `london`, shards go by their folder's."""
    kind, path = suites.split_kind(entry)
    return kind if kind not in ("", "truth") else path.name


def evaluate_all(
    checkpoint: str, data: list[str], out: Path | None, seed: int = 0, say: Callable[[str], None] = print
) -> dict[str, str]:
    """Run what can be run.

    Args:
        checkpoint: name or folder.
        data: KIND:PATH each.
        out: folder of the files; None for the checkpoint's own.
        seed: of all that is drawn.
        say: takes a line of progress.

    Returns:
        Stem of each file -> "done", "there already", or why it failed.

    Raises:
        ValueError: no such checkpoint on this machine and no `out`, an entry of `data` is none, or nothing can be run.
    """
    folder = out or folder_of(checkpoint)
    if folder is None:
        raise ValueError(f"{checkpoint} is no folder here: give --out FOLDER for its results")
    runs, lacking = plan(data)
    for line in lacking:
        say(line)
    if not runs:
        raise ValueError("no suite has its data: give --data KIND:PATH")
    start, ran, done = time.monotonic(), 0, {}
    try:
        for number, (suite, entries, stem) in enumerate(runs):
            file = folder / f"{stem}.json"
            if _is_there(file, folder_of(checkpoint)):
                done[stem] = "there already"
            else:
                spent = time.monotonic() - start
                before = f", about {spent / ran * (len(runs) - number) / 60:.0f} min left" if ran else ""
                say(f"{number + 1} of {len(runs)}: {stem}{before}")
                ran += 1
                done[stem] = _run(suite, checkpoint, entries, file, seed)
            say(f"{stem}: {done[stem]}")
    except KeyboardInterrupt:
        say(f"stopped after {len(done)} of {len(runs)}; the same command goes on from here")
        raise
    say(f"{len(done)} of {len(runs)} suites looked at, files in {folder}, {(time.monotonic() - start) / 60:.1f} min")
    return done


def _is_there(file: Path, weights: Path | None) -> bool:
    """Tell whether results are there for these weights; those that do not name theirs, as older ones, are kept."""
    try:
        known = json.loads(file.read_text()).get("weights")
    except (OSError, ValueError, AttributeError):
        return False
    return known is None or weights is None or known == digest_of_all(weights)


def _run(suite: str, checkpoint: str, entries: list[str], file: Path, seed: int) -> str:
    """Run one suite; give "done", or why it failed in one line: the next ones run all the same."""
    for entry in entries:
        kind, path = suites.split_kind(entry)
        if not path.exists():
            return f"failed: {path} does not exist ({makes(kind)})"
    try:
        suites.evaluate(suite, [checkpoint], entries, file, seed)
    except (ValueError, OSError, ImportError) as error:
        return f"failed: {' '.join(str(error).split())}"
    except Exception as error:  # a suite that breaks on unusual data must not end the night's work
        return f"failed: {type(error).__name__}: {' '.join(str(error).split())}"
    return "done"
