"""Measures of checkpoints: runs a suite and writes its flat JSON with the record of the run.

    python -m train evaluate --suite swaps --checkpoint explorer --data london:london_dev.tar --out results.json

A suite is a module of this package with `run(checkpoints, data, out, seed)`: names or folders of checkpoints, (kind,
path) of every --data (kind "" for a plain path), the JSON's path, for pictures beside it, and the seed. It returns the
flat results, numbers or what JSON takes, and raises ValueError, in one line, for data or checkpoints it can't use.
"""

import importlib
import json
import re
from pathlib import Path

from train.common.run import record

SUITES = ("depth", "swaps", "leakage", "probes")
"""Names of the suites, each the module of that name."""


def evaluate(suite: str, checkpoints: list[str], data: list[str], out: Path, seed: int = 0) -> dict:
    """Runs a suite, writes its JSON to `out`, and returns the results.

    data: SHARDS or KIND:PATH each. Raises ValueError for a suite that is not there, or what the suite can't use.
    """
    if suite not in SUITES:
        raise ValueError(f"no suite {suite!r}: choose {', '.join(SUITES)}")
    pairs = [split_kind(entry) for entry in data]
    results = importlib.import_module(f".{suite}", __package__).run(checkpoints, pairs, out, seed)
    names = [Path(checkpoint).name for checkpoint in checkpoints]
    sets = [f"{kind}:{path.name}".lstrip(":") for kind, path in pairs]
    one = len(checkpoints) == 1
    about = record({"checkpoint": names[0] if one else names}, data=sets[0] if len(sets) == 1 else sets, seed=seed)
    about["command"] = re.sub(r"(^|[\s:])[^\s:]*/", r"\1", about["command"])  # names of folders, not where they lie
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps({"suite": suite, **rounded(results), **about}, indent=1))
    return results


def split_kind(entry: str) -> tuple[str, Path]:
    """ "lfw:folder/lfw_dev.tar" -> ("lfw", that path); a plain path has kind ""."""
    kind, path = re.fullmatch(r"(?:([a-z0-9]{2,}):)?(.*)", entry).groups()
    if not path:
        raise ValueError(f"--data {entry!r} names no path; give SHARDS or KIND:PATH")
    return kind or "", Path(path)


def rounded(value):
    """Floats to 4 places, small ones to 4 digits, inside lists and dictionaries too."""
    if isinstance(value, dict):
        return {k: rounded(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [rounded(v) for v in value]
    return (round(value, 4) if abs(value) >= 1 else float(f"{value:.4g}")) if isinstance(value, float) else value
