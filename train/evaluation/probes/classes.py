"""Classes read off frozen features: linear probe and k nearest neighbours, with the confusion of the headline block."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from train.evaluation.datasets.crops import Crops
from train.evaluation.datasets.forms import Classes
from train.evaluation.methods import Method
from train.evaluation.probe_heads.logistic import linear_probe
from train.evaluation.probe_heads.neighbours import knn_classes
from train.evaluation.probes.protocol import SEEDS, Blocks, choose_way, describe, extract, splits, spread


def probe_classes(method: Method, task: Classes, crops: Crops, seed: int) -> dict:
    """Measure linear and k-NN accuracy of every block; the headline block is the one that validates best.

    The first seed probes all blocks and takes the headline block; the other seeds probe that one alone.

    Args:
        method: whose blocks are probed.
        task: classes to read.
        crops: the pictures.
        seed: the first of SEEDS.

    Returns:
        Flat results, without the task's name.
    """
    way, tried = choose_way(method, task, crops, seed)
    rows = np.arange(len(task.pictures))
    blocks, label = extract(method, crops, rows, way), torch.from_numpy(task.label)
    test = torch.from_numpy(np.flatnonzero(task.part == "test"))
    results: dict[str, Any] = {}
    validation: dict[str, dict[str, float]] = {"linear": {}, "knn": {}}
    said: Blocks = {}

    def linear(name: str, number: int) -> tuple[Tensor, float, float]:
        train, held = splits(task, seed + number)
        block = blocks[name]
        guess, right = linear_probe(block[train], label[train], (block[held], label[held]), block[test])
        return guess, right, float((guess == label[test]).float().mean())

    train, held = splits(task, seed)
    for name, block in blocks.items():
        said[name], validation["linear"][name], results[f"linear_{name}"] = linear(name, 0)
        held_out = (block[held], label[held])
        near, validation["knn"][name], k = knn_classes(block[train], label[train], held_out, block[test])
        results |= {f"knn_{name}": float((near == label[test]).float().mean()), f"knn_{name}_k": k}
    top = max(validation["linear"], key=lambda name: validation["linear"][name])
    accuracy = [results[f"linear_{top}"], *(linear(top, number)[2] for number in range(1, SEEDS))]
    results |= {f"linear_{top}": float(np.mean(accuracy)), "linear_spread": spread(accuracy)}
    for kind, scores in validation.items():
        best = max(scores.items(), key=lambda item: item[1])[0]
        results |= {kind: results[f"{kind}_{best}"], f"{kind}_block": best, f"{kind}_validation": scores[best]}
    if "authors_expression" in blocks:
        results["linear_authors"] = results["linear_authors_expression"]
    confusion = torch.zeros(len(task.names), len(task.names), dtype=torch.long)
    confusion.index_put_((label[test], said[top]), torch.ones(len(test), dtype=torch.long), accumulate=True)
    counts = confusion.sum(1)
    return {
        **results,
        "chance": float(counts.max() / counts.sum()),
        "n": len(test),
        "n_train": int(len(task.label) - len(test)),
        "classes": task.names,
        "confusion": confusion.tolist(),
        "shown": describe(way),
        "tried": tried,
    }
