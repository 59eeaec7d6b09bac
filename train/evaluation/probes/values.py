"""Numbers read off frozen features: head pose in degrees, or how strong facial actions are."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from train.evaluation.datasets.crops import Crops
from train.evaluation.datasets.forms import Values
from train.evaluation.methods import Method
from train.evaluation.metrics.scores import correlation, f1
from train.evaluation.probe_heads.neighbours import knn_values
from train.evaluation.probe_heads.ridge import ridge
from train.evaluation.probes.examples import examples
from train.evaluation.probes.protocol import SEEDS, Blocks, choose_way, describe, extract, splits, spread


def probe_values(method: Method, task: Values, crops: Crops, out: Path, seed: int) -> dict:
    """Measure ridge regression of every block to the task's numbers, k-NN beside it; the best on validation leads.

    Head pose: mean absolute error in degrees of each angle. Actions: correlation, and F1 of active or not, the
    threshold on the prediction chosen on validation; both the mean over actions.

    Args:
        method: whose blocks are probed.
        task: numbers to read.
        crops: the pictures.
        out: the suite's JSON; a sheet of examples is written beside it.
        seed: the first of SEEDS.

    Returns:
        Flat results, without the task's name.
    """
    way, tried = choose_way(method, task, crops, seed)
    rows = np.arange(len(task.pictures))
    blocks, value = extract(method, crops, rows, way), torch.from_numpy(task.value).float()
    test = torch.from_numpy(np.flatnonzero(task.part == "test"))
    results: dict[str, Any] = {}
    validation: dict[str, float] = {}
    said: Blocks = {}
    main = headline(task)
    means: dict[str, dict] = {}
    for name, block in blocks.items():
        scores, held_scores = [], []
        for number in range(SEEDS):
            train, held = splits(task, seed + number)
            held_out = (block[held], value[held])
            on_held, on_test = ridge(block[train], value[train], held_out, block[test])
            scores.append(measure(task, on_test, value[test], on_held, value[held]))
            held_scores.append(measure(task, on_held, value[held], on_held, value[held])["score"])
            if number == 0:
                said[name] = on_test
                near = knn_values(block[train], value[train], held_out, block[test])
                near_held = knn_values(block[train], value[train], held_out, block[held])
                results[f"knn_{name}"] = measure(task, near, value[test], near_held, value[held])[main]
        validation[name] = float(np.mean(held_scores))
        means[name] = {k: np.mean([score[k] for score in scores], axis=0).tolist() for k in scores[0] if k != "score"}
        results |= {f"{k}_{name}": v for k, v in means[name].items() if isinstance(v, float)}
        results[f"{main}_{name}_spread"] = spread([score[main] for score in scores])
    best = max(validation, key=lambda name: validation[name])
    results |= {
        **means[best],
        f"{main}_spread": results[f"{main}_{best}_spread"],
        "knn": results[f"knn_{best}"],
        "block": best,
    }
    train = torch.from_numpy(np.flatnonzero(task.part != "test"))
    constant = value[train].mean(0).expand(len(test), -1)
    if task.active is None:
        chance = measure(task, constant, value[test], constant, value[test])
        results |= {"chance": chance["mae"], **{f"chance_{name}": chance[name] for name in task.names}}
    else:
        always = torch.ones(len(test), len(task.names), dtype=torch.bool)
        results |= {
            "chance": float(f1(always, value[test] >= task.active).mean()),
            "chance_correlation": 0.0,
            "names": task.names,
        }
    if task.pictures.form == "standard":
        results |= examples(task, said[best], test, out, method.name)
    return {**results, "n": len(test), "n_train": len(train), "shown": describe(way), "tried": tried}


def headline(task: Values) -> str:
    """Name the measure that stands for the task: the mean error of angles, or F1 of actions."""
    return "mae" if task.active is None else "f1"


def measure(task: Values, said: Tensor, true: Tensor, said_held: Tensor, true_held: Tensor) -> dict:
    """Measure predictions.

    Args:
        task: the numbers' names, and from which value an action is active.
        said: predictions M x T.
        true: M x T.
        said_held: predictions of the held-out rows, which the thresholds of F1 come from.
        true_held: their truth.

    Returns:
        Name -> number; "score" grows as predictions get better.
    """
    if task.active is None:
        error = (said - true).abs().mean(0)
        return {
            **dict(zip(task.names, error.tolist(), strict=True)),
            "mae": float(error.mean()),
            "score": -float(error.mean()),
        }
    levels = torch.quantile(said_held, torch.linspace(0, 0.99, 34), dim=0)
    found = torch.stack([f1(said_held >= level, true_held >= task.active) for level in levels])
    cuts = levels.gather(0, found.argmax(0, keepdim=True))[0]
    scores, correlations = f1(said >= cuts, true >= task.active), correlation(said, true)
    return {
        "f1": float(scores.mean()),
        "correlation": float(correlations.mean()),
        "each_f1": scores.tolist(),
        "each_correlation": correlations.tolist(),
        "score": float(correlations.mean()),
    }
