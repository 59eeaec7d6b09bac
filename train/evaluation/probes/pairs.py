"""Whether two pictures show one person, read off frozen features: similarities and a pair classifier, fold by fold."""

from collections import Counter
from typing import Any

import numpy as np
import torch
from torch import Tensor

from train.evaluation.datasets.crops import Crops
from train.evaluation.datasets.forms import Pairs
from train.evaluation.methods import Method
from train.evaluation.probe_heads.logistic import linear_probe
from train.evaluation.probe_heads.similarity import SIMILARITIES, pair_features, similarity, threshold, whitened
from train.evaluation.probes.protocol import SEEDS, Blocks, Way, describe, extract, spread

PILOT_PAIRS = 100
"""Pairs of each fold on which crops and input size are chosen."""

Option = tuple[str, str]
"""A block and a similarity."""
Scored = tuple[float, float, Tensor]
"""Accuracy on the other folds, threshold, and scores of pairs."""


def fold_scores(
    task: Pairs, blocks: Blocks, index: dict[int, int], pairs: np.ndarray, fold: int
) -> dict[Option, Scored]:
    """Score pairs by every similarity of every block, for one reporting fold.

    Similarities take mean, deviation and axes from the other folds' pictures alone.

    Args:
        task: the pairs.
        blocks: features of pictures.
        index: picture -> row of the blocks.
        pairs: which pairs have features.
        fold: the one that reports.

    Returns:
        (block, similarity) -> accuracy on the other folds, threshold, scores of `pairs`.
    """
    a, b = (torch.tensor([index[int(i)] for i in side[pairs]]) for side in (task.first, task.second))
    same, others = torch.from_numpy(task.same[pairs]), torch.from_numpy(task.fold[pairs] != fold)
    pool = torch.cat([a[others], b[others]]).unique()
    found: dict[Option, Scored] = {}
    for name, block in blocks.items():
        every = {kind: similarity(block[a], block[b], kind, block[pool]) for kind in SIMILARITIES}
        every |= {f"whitened {count}": s for count, s in whitened(block[a], block[b], block[pool]).items()}
        for kind, scores in every.items():
            cut, right = threshold(scores[others], same[others])
            found[name, kind] = (right, cut, scores)
    return found


def probe_pairs(method: Method, task: Pairs, crops: Crops, seed: int) -> dict:
    """Measure direct similarity, whitened similarity and the pair classifier, each fold reporting once.

    Args:
        method: whose blocks are probed.
        task: the pairs.
        crops: the pictures.
        seed: of the pilot's pairs.

    Returns:
        Flat results, without the task's name.
    """
    folds = sorted(set(task.fold.tolist()))
    chosen, tried = choose_ways(method, task, crops, folds, seed)
    everything, pairs = np.arange(len(task.pictures)), np.arange(len(task.same))
    features = {way: extract(method, crops, everything, way, mirrored=True) for way in set(chosen.values())}
    same, index = torch.from_numpy(task.same), {int(i): int(i) for i in everything}
    accuracy: dict[str, list[float]] = {}
    kinds: list[str] = []
    tops: list[str] = []
    by_seed: list[list[float]] = [[] for _ in range(SEEDS)]
    histogram: list[tuple[Tensor, Tensor]] = []
    for fold in folds:
        blocks, here = features[chosen[fold]], torch.from_numpy(task.fold == fold)
        found = fold_scores(task, blocks, index, pairs, fold)
        best, rights = _best_similarities(found, list(blocks), same, here)
        kinds.append(", ".join(best))
        histogram.append((found[best][2][here] - found[best][1], same[here]))
        outcomes = {name: _classify(task, block, fold, folds, 0) for name, block in blocks.items()}
        rights |= {f"protocol_{name}": right for name, (right, _) in outcomes.items()}
        top = max(outcomes.items(), key=lambda item: item[1][1])[0]
        tops.append(top)
        for number in range(SEEDS):
            again = _classify(task, blocks[top], fold, folds, number) if number else outcomes[top]
            by_seed[number].append(again[0])
        for key, right in rights.items():
            accuracy.setdefault(key, []).append(right)
    results: dict[str, Any] = {key: float(np.mean(values)) for key, values in accuracy.items()}
    means = [float(np.mean(values)) for values in by_seed]
    results |= {"protocol": float(np.mean(means)), "protocol_spread": spread(means)}
    if "protocol_authors_verification" in accuracy:
        results["protocol_authors"] = results["protocol_authors_verification"]
    return {
        **results,
        "similarity_spread": spread(accuracy["similarity"]),
        "similarity_block": Counter(kinds).most_common(1)[0][0],
        "protocol_block": Counter(tops).most_common(1)[0][0],
        "chance": float(max(task.same.mean(), 1 - task.same.mean())),
        "n": len(task.same),
        "folds": len(folds),
        "histogram": _histogram(histogram),
        "shown": Counter(describe(way) for way in chosen.values()).most_common(1)[0][0],
        "tried": {describe(way): float(np.mean([scores[way] for scores in tried.values()])) for way in tried[folds[0]]},
    }


def choose_ways(
    method: Method, task: Pairs, crops: Crops, folds: list[int], seed: int
) -> tuple[dict[int, Way], dict[int, dict[Way, float]]]:
    """Choose for each fold how pictures are shown, by a pilot on the other folds' pairs.

    Args:
        method: whose blocks are compared.
        task: the pairs.
        crops: the pictures.
        folds: their numbers.
        seed: of the pilot's pairs.

    Returns:
        The way of each fold, and each fold's scores of all ways.
    """
    pilot = np.concatenate([balanced(task, fold, PILOT_PAIRS, seed) for fold in folds])
    pictures = np.unique([task.first[pilot], task.second[pilot]])
    index = {int(picture): row for row, picture in enumerate(pictures)}
    ways = [(variant, cut) for variant in method.variants for cut in crops.ways]
    tried: dict[int, dict[Way, float]] = {fold: {} for fold in folds}
    for way in ways:
        blocks = extract(method, crops, pictures, way, mirrored=True)
        for fold in folds:
            scores = fold_scores(task, blocks, index, pilot, fold)
            tried[fold][way] = max(right for (_, kind), (right, _, _) in scores.items() if kind in SIMILARITIES)
    return {fold: max(scores.items(), key=lambda item: item[1])[0] for fold, scores in tried.items()}, tried


def _best_similarities(
    found: dict[Option, Scored], blocks: list[str], same: Tensor, here: Tensor
) -> tuple[Option, dict[str, float]]:
    """Return the best direct similarity by the other folds, and the reporting fold's accuracies of each kind's best."""

    def best_of(options: list[Option]) -> Option:
        return max(options, key=lambda option: found[option][0])

    direct = [option for option in found if option[1] in SIMILARITIES]
    white = [option for option in found if option[1] not in SIMILARITIES]
    picked = {"similarity": best_of(direct), "whitened": best_of(white)}
    for name in blocks:
        picked[f"similarity_{name}"] = best_of([option for option in direct if option[0] == name])
        picked[f"whitened_{name}"] = best_of([option for option in white if option[0] == name])
    rights = {}
    for key, option in picked.items():
        _, cut, scores = found[option]
        rights[key] = float(((scores[here] >= cut) == same[here]).float().mean())
    return picked["similarity"], rights


def _classify(task: Pairs, block: Tensor, fold: int, folds: list[int], number: int) -> tuple[float, float]:
    """Train the pair classifier; return its accuracy on the fold, and on the one that validates, another one a seed."""
    same, here = torch.from_numpy(task.same), torch.from_numpy(task.fold == fold)
    other = folds[(folds.index(fold) + 1 + number % (len(folds) - 1)) % len(folds)]
    held = torch.from_numpy(task.fold == other)
    train = ~here & ~held
    x = pair_features(block[torch.from_numpy(task.first)], block[torch.from_numpy(task.second)])
    guess, right = linear_probe(x[train], same[train].long(), (x[held], same[held].long()), x[here])
    return float((guess == same[here].long()).float().mean()), right


def _histogram(parts: list[tuple[Tensor, Tensor]]) -> dict[str, list]:
    """Count all folds' margins (score less threshold) of pairs that are the same person and of those that are not."""
    margins, truth = (torch.cat(column) for column in zip(*parts, strict=True))
    edges = torch.linspace(float(margins.min()), float(margins.max()) + 1e-6, 41)
    counts = [
        torch.histogram(margins[truth == which].float(), edges.float()).hist.int().tolist() for which in (True, False)
    ]
    return {"edges": edges.tolist(), "same": counts[0], "different": counts[1]}


def balanced(task: Pairs, fold: int, most: int, seed: int) -> np.ndarray:
    """Draw at most `most` pairs of a fold, as many of the same person as of two where there are enough."""
    rng = np.random.default_rng([seed, fold])
    rows = [np.flatnonzero((task.fold == fold) & (task.same == which)) for which in (True, False)]
    return np.concatenate([rng.permutation(part)[: most // 2] for part in rows])
