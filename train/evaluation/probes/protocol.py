"""How every method is probed alike: pictures shown in one way, chosen on validation; splits; seeds."""

import numpy as np
import torch
from torch import Tensor

from train.evaluation.datasets.crops import Crops
from train.evaluation.datasets.forms import Classes, Values
from train.evaluation.methods import Method, Variant
from train.evaluation.metrics.scores import correlation
from train.evaluation.probe_heads.ridge import ridge

SEEDS = 3
BATCH = 64
PILOT = 2000
"""Pictures of the training part on which crops and input size are chosen."""

Way = tuple[Variant, str]
"""How pictures are shown to a method: its variant, and the crop ("found", "fixed", "standard")."""
Blocks = dict[str, Tensor]


def extract(method: Method, crops: Crops, rows: np.ndarray, way: Way, mirrored: bool = False) -> Blocks:
    """Compute a method's blocks of some pictures, or return those kept.

    Args:
        method: whose blocks.
        crops: the pictures.
        rows: N indices of pictures.
        way: how they are shown.
        mirrored: over the mirror image too.

    Returns:
        Block -> N x D float32.
    """
    asked = (method.name, rows.tobytes(), way, mirrored)
    if crops.kept is not None and asked in crops.kept:
        return crops.kept[asked]
    variant, cut = way
    encode = method.mirrored if mirrored else method
    parts: dict[str, list[Tensor]] = {}
    if cut == "found":
        crops.look(rows)
    for part in np.array_split(rows, max(1, -(-len(rows) // BATCH))):
        images = crops.cut(part, cut, variant.size, variant.zoom).float() / 127.5 - 1
        for name, block in encode(images, variant).items():
            if mirrored or name not in method.single:
                parts.setdefault(name, []).append(block)
    found = {name: torch.cat(blocks) for name, blocks in parts.items()}
    if crops.kept is not None:
        crops.kept[asked] = found
    return found


def splits(task: Classes | Values, seed: int) -> tuple[Tensor, Tensor]:
    """Split training pictures into those that train and those that validate.

    Args:
        task: its own validation part validates; without one, a tenth of the groups that train.
        seed: of the tenth.

    Returns:
        Indices of pictures that train and that validate.

    Raises:
        ValueError: there is one group alone.
    """
    train, held = (np.flatnonzero(task.part == part) for part in ("train", "validation"))
    if not len(held):
        groups = np.unique(task.group[train])
        if len(groups) < 2:
            raise ValueError(f"{task.task}: one person alone can't both train and validate")
        chosen = np.random.default_rng(seed).permutation(groups)[: max(1, len(groups) // 10)]
        inside = np.isin(task.group[train], chosen)
        train, held = train[~inside], train[inside]
    return torch.from_numpy(train), torch.from_numpy(held)


def choose_way(method: Method, task: Classes | Values, crops: Crops, seed: int) -> tuple[Way, dict[str, float]]:
    """Choose how pictures are shown to a method: first the crop, then the variant.

    A pilot trains ridge regression (on one-hot classes) on a part of the training pictures and scores another part.

    Args:
        method: whose blocks are probed.
        task: what is read off them.
        crops: the pictures.
        seed: of the parts.

    Returns:
        The way, and the pilot's score of each tried.
    """
    train, held = splits(task, seed)
    rng = np.random.default_rng(seed)
    train, held = (
        part[torch.from_numpy(rng.permutation(len(part))[:most])] for part, most in ((train, PILOT), (held, PILOT // 2))
    )
    rows = torch.cat([train, held]).numpy()
    scores: dict[Way, float] = {}

    def score(way: Way) -> float:
        if way not in scores:
            scores[way] = _pilot_score(task, rows, len(train), extract(method, crops, rows, way))
        return scores[way]

    first = method.variants[0]
    cut = max(crops.ways, key=lambda cut: score((first, cut))) if len(crops.ways) > 1 else crops.ways[0]
    variants = [v for v in method.variants if cut != "standard" or v.zoom <= 1]
    way = max(((v, cut) for v in variants), key=score) if len(variants) > 1 else (first, cut)
    return way, {describe(w): s for w, s in scores.items()}


def _pilot_score(task: Classes | Values, rows: np.ndarray, count: int, blocks: Blocks) -> float:
    """Score the best block's ridge regression, trained on the first `count` rows, on the others."""
    if isinstance(task, Classes):
        label = torch.from_numpy(task.label[rows])
        values = torch.eye(len(task.names))[label]
    else:
        label, values = None, torch.from_numpy(task.value[rows]).float()
    found = []
    for block in blocks.values():
        guess = ridge(block[:count], values[:count], (block[count:], values[count:]))[0]
        if label is not None:
            found.append(float((guess.argmax(1) == label[count:]).float().mean()))
        else:
            found.append(float(correlation(guess, values[count:]).mean()))
    return max(found)


def describe(way: Way) -> str:
    """Write a way in words: "64 px, zoom 0.9, crop found"."""
    return f"{way[0].name}, crop {way[1]}"


def spread(values: list[float]) -> float:
    """Return the standard deviation over seeds or folds."""
    return float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
