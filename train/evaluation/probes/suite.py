"""The `probes` suite: what frozen features of each method can be read for, on the same data, crops and probes.

    python -m train evaluate --suite probes --checkpoint explorer --checkpoint hog \
        --data lfw:lfw_dev.tar --data fer2013:faces/ --data truth:data/truth --out results.json

Flat results of the first method stand at the top (fer2013_linear, lfw_similarity, lfw_protocol, pose_mae,
actions_f1 ...), those of all under "methods". Shares are of 1; angles in degrees.

How a choice is made, for every method alike: crops (found by detection or the set's usual square), input size, block,
similarity, weight decay, k and thresholds are all chosen on validation. Sets with a test part: a tenth of the
training part (whole people) validates, another one a seed; of classes, the first seed probes every block and the others
the one that it chose. Pairs: each fold reports once and nothing in it, neither threshold nor block, was chosen on it;
for the pair classifier one other fold validates, another one a seed.
"""

import json
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np

from latentface.checkpoints import ASSETS
from train.common.run import record
from train.evaluation.datasets import read
from train.evaluation.datasets.crops import Crops
from train.evaluation.datasets.forms import Classes, Pairs, Pictures, Task, Values
from train.evaluation.methods import Method, load_method
from train.evaluation.probes.classes import probe_classes
from train.evaluation.probes.pairs import probe_pairs
from train.evaluation.probes.protocol import SEEDS
from train.evaluation.probes.published import PUBLISHED
from train.evaluation.probes.values import probe_values


def run(checkpoints: list[str], data: list[tuple[str, Path]], out: Path, seed: int = 0) -> dict:
    """Run the suite; sheets of examples on people who do not exist are written beside `out`.

    A run goes on where it was stopped. Methods that `out` holds already and that are not measured anew keep their
    rows, each with the commit that measured it.

    Args:
        checkpoints: names of methods, see `train.evaluation.methods`.
        data: (kind, path) of data sets.
        out: the suite's JSON.
        seed: the first of SEEDS.

    Returns:
        Flat results of the first method, and those of all under "methods".

    Raises:
        ValueError: data or a method that can't be used.
    """
    tasks = joined([task for kind, path in data for task in read(kind, path)])
    names = [task.task for task in tasks]
    if len(set(names)) < len(names):
        raise ValueError(f"the same data was given twice: {', '.join(names)}")
    seeds = list(range(seed, seed + SEEDS))
    earlier = kept_rows(out, seeds)
    methods: dict[str, dict] = {}
    partial = out.with_suffix(".partial.json")
    done = json.loads(partial.read_text()) if partial.exists() else {}
    out.parent.mkdir(parents=True, exist_ok=True)
    uses = Counter(id(task.pictures) for task in tasks)
    crops = {id(task.pictures): Crops(task.pictures, sample_of(task)) for task in tasks}
    for checkpoint in checkpoints:
        method = load_method(checkpoint)
        for pictures, own in crops.items():
            own.kept = {} if uses[pictures] > 1 else None
        if method.name in methods:
            raise ValueError(f"two checkpoints are called {method.name!r}; rename a folder")
        methods[method.name] = {"about": method.about, "checkpoint": Path(checkpoint).name}
        for task in tasks:
            key = f"{checkpoint} {changed(checkpoint)} {task.task} {len(task.pictures)} {seed}"
            if key not in done:
                print(f"{method.name} on {task.task}", file=sys.stderr, flush=True)
                done[key] = {"commit": record({})["commit"], **probe(method, task, crops[id(task.pictures)], out, seed)}
                partial.write_text(json.dumps(done))
            methods[method.name] |= done[key]
    partial.unlink(missing_ok=True)
    first = next(iter(methods.values()))
    flat = {k: v for k, v in first.items() if isinstance(v, (int, float))}
    return {**flat, "seeds": seeds, "methods": {**earlier, **methods}, "published": PUBLISHED}


def kept_rows(out: Path, seeds: list[int]) -> dict[str, dict]:
    """Read the methods of an earlier result in `out`, each with the commit that measured it; {} without a file.

    Raises ValueError where the file is another suite's, or of other seeds.
    """
    if not out.exists():
        return {}
    before = json.loads(out.read_text())
    if before.get("suite") != "probes" or before.get("seeds") != seeds:
        raise ValueError(f"{out} holds a result of another suite or other seeds: choose another --out, or delete it")
    return {name: {"commit": before["commit"], **found} for name, found in before["methods"].items()}


def changed(checkpoint: str) -> int:
    """Say when a checkpoint's files last changed, in seconds: a stopped run must not go on with another's numbers."""
    folders = (ASSETS / checkpoint, Path(checkpoint.partition(":")[2] or checkpoint))
    files = (
        file
        for folder in folders
        if folder.is_dir()
        for file in folder.rglob("*")
        if file.suffix in (".safetensors", ".tar")
    )
    return int(max((file.stat().st_mtime for file in files), default=0))


def joined(tasks: list[Task]) -> list[Task]:
    """Put 300wlp (which only trains) and aflw2000 (which only reports) together as the task aflw2000."""
    parts = {task.task: task for task in tasks}
    train, test = parts.pop("300wlp", None), parts.pop("aflw2000", None)
    if (train is None) != (test is None):
        raise ValueError("300wlp trains and aflw2000 reports: give both as --data")
    if not (isinstance(train, Values) and isinstance(test, Values)):
        return tasks
    pictures = Pictures(train.pictures.names + test.pictures.names, train.pictures.files + test.pictures.files)
    both = {name: np.concatenate([getattr(train, name), getattr(test, name)]) for name in ("value", "part")}
    group = np.concatenate([train.group, test.group + train.group.max() + 1])
    return [*parts.values(), replace(test, pictures=pictures, group=group, **both)]


def sample_of(task: Task) -> np.ndarray:
    """List pictures that may give the set's usual square: all of a set of pairs, else those of the training part."""
    return np.arange(len(task.pictures)) if isinstance(task, Pairs) else np.flatnonzero(task.part != "test")


def probe(method: Method, task: Task, crops: Crops, out: Path, seed: int) -> dict:
    """Probe one method on one task.

    Args:
        method: whose blocks are probed.
        task: what is read off them.
        crops: the task's pictures.
        out: the suite's JSON; a sheet of examples is written beside it.
        seed: the first of SEEDS.

    Returns:
        Flat results, each key with the task's name before it.
    """
    if isinstance(task, Pairs):
        results = probe_pairs(method, task, crops, seed)
    elif isinstance(task, Classes):
        results = probe_classes(method, task, crops, seed)
    else:
        results = probe_values(method, task, crops, out, seed)
    return {f"{task.task}_{k}": v for k, v in results.items()}
