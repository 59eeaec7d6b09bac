"""`--suite all`: every suite that a checkpoint's data allow, one after the other, each into a file of its own.

    python -m train evaluate --suite all --checkpoint RUN --data truth:SHARDS/test --data london:london_dev.tar

The files lie in the checkpoint's own folder, under the names that shipped ones have, so the app finds them there. What
lacks its data is passed over by name; what failed says why in one line; what is there already is kept.
"""

import time
from collections.abc import Callable
from pathlib import Path

from latentface.checkpoints import folder_of
from train.evaluation import suites
from train.evaluation.datasets import DATASETS

WANTED = {
    "leakage": ("truth",), "depth": ("truth",), "swaps": ("truth", "london"), "turned": ("london",), "prior": ("",),
    "clips": ("clips", "people"), "probes": tuple(kind for kind in DATASETS if kind != "truth"),
}  # fmt: skip
"""Suite -> kinds of data that it can use, each measured alone; probes takes all of them at once."""


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
            lacking.append(f"{suite}: passed over, it needs --data {needs}")
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
    for number, (suite, entries, stem) in enumerate(runs):
        file = folder / f"{stem}.json"
        if file.exists():
            done[stem] = "there already"
        else:
            before = (
                f", about {(time.monotonic() - start) / ran * (len(runs) - number) / 60:.0f} min left" if ran else ""
            )
            say(f"{number + 1} of {len(runs)}: {stem}{before}")
            ran += 1
            try:
                suites.evaluate(suite, [checkpoint], entries, file, seed)
                done[stem] = "done"
            except (ValueError, OSError, ImportError) as error:
                done[stem] = f"failed: {' '.join(str(error).split())}"
        say(f"{stem}: {done[stem]}")
    say(f"{len(done)} files in {folder}, {(time.monotonic() - start) / 60:.1f} min")
    return done
