"""The suites that measure checkpoints, and how one is run: flat JSON with the record of the run.

    python -m train evaluate --suite swaps --checkpoint explorer --data london:london_dev.tar --out results.json

A suite is a function `run(checkpoints, data, out, seed)` and a line of SUITES: names or folders of checkpoints, (kind,
path) of every --data (kind "" for a plain path), the JSON's path, for pictures beside it, and the seed. It returns the
flat results, numbers or what JSON takes, and raises ValueError, in one line, for data or checkpoints it can't use.

The keys of the results are a contract: shipped result files, the app and the README read them by name. Some are older
than the names in the code: `..._smile_told` is the share that `swaps.told_apart` returns.
"""

import re
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

from latentface.checkpoints import folder_of
from latentface.weights import digest_of_all
from train.common.run import record, write_json

SUITES = {
    "depth": "train.evaluation.depth:run",
    "swaps": "train.evaluation.swaps:run",
    "clips": "train.evaluation.clips:run",
    "range": "train.evaluation.expression_range:run",
    "detail": "train.evaluation.detail:run",
    "turned": "train.evaluation.turned:run",
    "prior": "train.evaluation.prior:run",
    "leakage": "train.evaluation.leakage:run",
    "probes": "train.evaluation.probes.suite:run",
    "toy": "train.evaluation.toy_codes:run",
}
"""A suite's name and the function that runs it."""
OF_DATA = {"range"}
"""Suites that measure data sets, and no checkpoint."""


def evaluate(suite: str, checkpoints: list[str], data: list[str], out: Path, seed: int = 0) -> dict:
    """Run a suite and write its JSON.

    Args:
        suite: one of SUITES.
        checkpoints: names or folders.
        data: SHARDS or KIND:PATH each.
        out: the JSON's path.
        seed: of all that is drawn.

    Returns:
        The suite's results.

    Raises:
        ValueError: no such suite, checkpoints or data that it can't use, or weights that changed meanwhile.
    """
    if suite not in SUITES:
        raise ValueError(f"no suite {suite!r}: choose {', '.join(SUITES)}")
    pairs = [split_kind(entry) for entry in data]
    folder = folder_of(checkpoints[0]) if suite not in OF_DATA and len(checkpoints) == 1 else None
    weights = None if folder is None else digest_of_all(folder)
    results = resolve_name(SUITES[suite])(checkpoints, pairs, out, seed)
    if folder is not None and digest_of_all(folder) != weights:
        raise ValueError(f"the weights of {folder.name} changed while they were measured: measure them once they rest")
    names = [Path(checkpoint).name for checkpoint in checkpoints]
    sets = [f"{kind}:{path.name}".lstrip(":") for kind, path in pairs]
    measured = {} if suite in OF_DATA else {"checkpoint": names[0] if len(names) == 1 else names}
    about = record(measured, data=sets[0] if len(sets) == 1 else sets, seed=seed)
    if weights is not None:
        about["weights"] = weights
    out.parent.mkdir(parents=True, exist_ok=True)
    write_json(out, {"suite": suite, **rounded(results), **about})
    return results


def split_kind(entry: str) -> tuple[str, Path]:
    """Split "lfw:folder/lfw_dev.tar" into ("lfw", that path); a plain path has kind "".

    Raises ValueError where there is no path.
    """
    found = re.fullmatch(r"(?:([a-z0-9]{2,}):)?(.*)", entry)
    if found is None or not found[2]:
        raise ValueError(f"--data {entry!r} names no path; give SHARDS or KIND:PATH")
    return found[1] or "", Path(found[2])


def rounded(value: Any) -> Any:
    """Round floats to 4 places, small ones to 4 digits, inside lists and dictionaries too."""
    if isinstance(value, dict):
        return {k: rounded(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [rounded(v) for v in value]
    return (round(value, 4) if abs(value) >= 1 else float(f"{value:.4g}")) if isinstance(value, float) else value
