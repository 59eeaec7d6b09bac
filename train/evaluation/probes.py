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
import torch
from PIL import Image
from torch import Tensor

from latentface.checkpoints import ASSETS
from train.common.run import record
from train.evaluation.datasets import read
from train.evaluation.datasets.crops import Crops
from train.evaluation.datasets.forms import Classes, Pairs, Pictures, Task, Values
from train.evaluation.methods import Method, Variant, load_method
from train.evaluation.metrics.scores import correlation, f1
from train.evaluation.probe_heads.logistic import linear_probe
from train.evaluation.probe_heads.neighbours import knn_classes, knn_values
from train.evaluation.probe_heads.ridge import ridge
from train.evaluation.probe_heads.similarity import SIMILARITIES, pair_features, similarity, threshold, whitened

SEEDS = 3
BATCH = 64
PILOT = 2000
"""Pictures of the training part on which crops and input size are chosen."""
PILOT_PAIRS = 100
"""Pairs of each fold on which they are."""
SHOWN = 8
"""Examples of each kind on a sheet."""
PUBLISHED = {
    "source": "FaceCycle's README (frozen features; LFW and CPLFW by direct similarity, all folds; 300W-LP -> AFLW2000 pose)",
    "rows": {
        "FaceCycle": {
            "fer2013_linear": 0.4876, "rafdb_linear": 0.7101, "lfw_similarity": 0.7372, "cplfw_similarity": 0.5852,
            "aflw2000_yaw": 11.70, "aflw2000_pitch": 12.76, "aflw2000_roll": 12.94,
        },
        "FAb-Net": {
            "fer2013_linear": 0.4698, "rafdb_linear": 0.6672,
            "aflw2000_yaw": 13.92, "aflw2000_pitch": 13.25, "aflw2000_roll": 14.51,
        },
        "TCAE": {
            "fer2013_linear": 0.4505, "rafdb_linear": 0.6532,
            "aflw2000_yaw": 21.75, "aflw2000_pitch": 14.57, "aflw2000_roll": 14.83,
        },
        "BMVC'20": {
            "fer2013_linear": 0.4761, "rafdb_linear": 0.5886,
            "aflw2000_yaw": 22.06, "aflw2000_pitch": 13.50, "aflw2000_roll": 15.14,
        },
        "LBP": {"lfw_similarity": 0.5690, "cplfw_similarity": 0.5150},
        "HoG": {"lfw_similarity": 0.6273, "cplfw_similarity": 0.5173},
    },
}  # fmt: skip
"""Numbers others published, verified; under other budgets, training data and parts of the sets than ours."""

Way = tuple[Variant, str]
"""How pictures are shown to a method: its variant, and the crop ("found", "fixed", "standard")."""
Blocks = dict[str, Tensor]


def run(checkpoints: list[str], data: list[tuple[str, Path]], out: Path, seed: int = 0) -> dict:
    """The suite; sheets of examples on people who do not exist are written beside `out`. Goes on where it was stopped.

    Methods that `out` holds already and that are not measured anew keep their rows, each with the commit that measured it.
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
    """The methods of an earlier result in `out`, each with the commit that measured it; {} without a file.

    Raises ValueError where the file is another suite's, or of other seeds.
    """
    if not out.exists():
        return {}
    before = json.loads(out.read_text())
    if before.get("suite") != "probes" or before.get("seeds") != seeds:
        raise ValueError(f"{out} holds a result of another suite or other seeds: choose another --out, or delete it")
    return {name: {"commit": before["commit"], **found} for name, found in before["methods"].items()}


def changed(checkpoint: str) -> int:
    """When a checkpoint's files last changed, in seconds, so that a stopped run does not go on with another's numbers."""
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
    """Puts 300wlp (which only trains) and aflw2000 (which only reports) together as the task aflw2000."""
    parts = {task.task: task for task in tasks}
    train, test = parts.pop("300wlp", None), parts.pop("aflw2000", None)
    if (train is None) != (test is None):
        raise ValueError("300wlp trains and aflw2000 reports: give both as --data")
    if train is None:
        return tasks
    pictures = Pictures(train.pictures.names + test.pictures.names, train.pictures.files + test.pictures.files)
    both = {name: np.concatenate([getattr(train, name), getattr(test, name)]) for name in ("value", "part")}
    group = np.concatenate([train.group, test.group + train.group.max() + 1])
    return [*parts.values(), replace(test, pictures=pictures, group=group, **both)]


def sample_of(task: Task) -> np.ndarray:
    """Pictures that may tell the set's usual square: all of a set of pairs, which has no labels for it, else training's."""
    return np.arange(len(task.pictures)) if isinstance(task, Pairs) else np.flatnonzero(task.part != "test")


def probe(method: Method, task: Task, crops: Crops, out: Path, seed: int) -> dict:
    """The flat results of one method on one task."""
    if isinstance(task, Pairs):
        results = probe_pairs(method, task, crops, seed)
    elif isinstance(task, Classes):
        results = probe_classes(method, task, crops, seed)
    else:
        results = probe_values(method, task, crops, out, seed)
    return {f"{task.task}_{k}": v for k, v in results.items()}


def extract(method: Method, crops: Crops, rows: np.ndarray, way: Way, mirrored: bool = False) -> Blocks:
    """Blocks of the pictures `rows`, block -> len(rows) x D float32; mirrored: over the mirror image too."""
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
    """Rows that train and rows that validate: the set's own parts, or a tenth of the groups that train, by seed."""
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
    """The best way of showing pictures to a method, and the pilot's score of each tried: first the crop, then the variant.

    A pilot trains ridge regression (on one-hot classes) on a part of the training pictures and scores another part.
    """
    train, held = splits(task, seed)
    rng = np.random.default_rng(seed)
    train, held = (
        part[torch.from_numpy(rng.permutation(len(part))[:most])] for part, most in ((train, PILOT), (held, PILOT // 2))
    )
    rows = torch.cat([train, held]).numpy()
    count = len(train)
    scores: dict[Way, float] = {}

    def score(way: Way) -> float:
        if way not in scores:
            blocks = extract(method, crops, rows, way)
            if isinstance(task, Classes):
                label = torch.from_numpy(task.label[rows])
                values = torch.eye(len(task.names))[label]
                guesses = {
                    k: ridge(b[:count], values[:count], (b[count:], values[count:]))[0] for k, b in blocks.items()
                }
                scores[way] = max(float((g.argmax(1) == label[count:]).float().mean()) for g in guesses.values())
            else:
                values = torch.from_numpy(task.value[rows]).float()
                guesses = {
                    k: ridge(b[:count], values[:count], (b[count:], values[count:]))[0] for k, b in blocks.items()
                }
                scores[way] = max(float(correlation(g, values[count:]).mean()) for g in guesses.values())
        return scores[way]

    first = method.variants[0]
    cut = max(crops.ways, key=lambda cut: score((first, cut))) if len(crops.ways) > 1 else crops.ways[0]
    variants = [v for v in method.variants if cut != "standard" or v.zoom <= 1]
    way = max(((v, cut) for v in variants), key=score) if len(variants) > 1 else (first, cut)
    return way, {describe(w): s for w, s in scores.items()}


def describe(way: Way) -> str:
    """A way in words: "64 px, zoom 0.9, crop found"."""
    return f"{way[0].name}, crop {way[1]}"


def spread(values: list[float]) -> float:
    """Standard deviation over seeds or folds."""
    return float(np.std(values, ddof=1)) if len(values) > 1 else 0.0


def probe_classes(method: Method, task: Classes, crops: Crops, seed: int) -> dict:
    """Linear and k-NN accuracy of every block; the headline block is the one that validates best.

    The first seed probes all blocks and takes the headline block; the other seeds probe that one alone.
    """
    way, tried = choose_way(method, task, crops, seed)
    rows = np.arange(len(task.pictures))
    blocks, label = extract(method, crops, rows, way), torch.from_numpy(task.label)
    test = torch.from_numpy(np.flatnonzero(task.part == "test"))
    results, validation, said = {}, {"linear": {}, "knn": {}}, {}

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
    top = max(validation["linear"], key=validation["linear"].get)
    accuracy = [results[f"linear_{top}"], *(linear(top, number)[2] for number in range(1, SEEDS))]
    results |= {f"linear_{top}": float(np.mean(accuracy)), "linear_spread": spread(accuracy)}
    for kind, scores in validation.items():
        best = max(scores, key=scores.get)
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


def fold_scores(task: Pairs, blocks: Blocks, index: dict[int, int], pairs: np.ndarray, fold: int) -> dict[tuple, tuple]:
    """For one reporting fold: (block, similarity) -> accuracy on the other folds, threshold, scores of `pairs`.

    index: picture -> row of the blocks. pairs: which pairs have features. Similarities take mean, deviation and axes
    from the other folds' pictures alone.
    """
    a, b = (torch.tensor([index[int(i)] for i in side[pairs]]) for side in (task.first, task.second))
    same, others = torch.from_numpy(task.same[pairs]), torch.from_numpy(task.fold[pairs] != fold)
    pool = torch.cat([a[others], b[others]]).unique()
    found = {}
    for name, block in blocks.items():
        every = {kind: similarity(block[a], block[b], kind, block[pool]) for kind in SIMILARITIES}
        every |= {f"whitened {count}": s for count, s in whitened(block[a], block[b], block[pool]).items()}
        for kind, scores in every.items():
            cut, right = threshold(scores[others], same[others])
            found[name, kind] = (right, cut, scores)
    return found


def probe_pairs(method: Method, task: Pairs, crops: Crops, seed: int) -> dict:
    """Direct similarity, whitened similarity and the pair classifier, each fold reporting once."""
    folds = sorted(set(task.fold.tolist()))
    pilot = np.concatenate([balanced(task, fold, PILOT_PAIRS, seed) for fold in folds])
    pictures = np.unique([task.first[pilot], task.second[pilot]])
    index = {int(picture): row for row, picture in enumerate(pictures)}
    ways = [(variant, cut) for variant in method.variants for cut in crops.ways]
    tried = {fold: {} for fold in folds}
    for way in ways:
        blocks = extract(method, crops, pictures, way, mirrored=True)
        for fold in folds:
            scores = fold_scores(task, blocks, index, pilot, fold)
            tried[fold][way] = max(right for (_, kind), (right, _, _) in scores.items() if kind in SIMILARITIES)
    chosen = {fold: max(ways, key=tried[fold].get) for fold in folds}
    everything, pairs = np.arange(len(task.pictures)), np.arange(len(task.same))
    features = {way: extract(method, crops, everything, way, mirrored=True) for way in set(chosen.values())}
    same, index = torch.from_numpy(task.same), {int(i): int(i) for i in everything}
    accuracy: dict[str, list[float]] = {}
    kinds, protocol_blocks, protocol, histogram = [], [], [[] for _ in range(SEEDS)], []
    for fold in folds:
        blocks, here = features[chosen[fold]], torch.from_numpy(task.fold == fold)
        found = fold_scores(task, blocks, index, pairs, fold)

        def report(key: str, options: list[tuple]) -> tuple:
            best = max(options, key=lambda option: found[option][0])
            _, cut, scores = found[best]
            accuracy.setdefault(key, []).append(float(((scores[here] >= cut) == same[here]).float().mean()))
            return best

        direct = [option for option in found if option[1] in SIMILARITIES]
        best = report("similarity", direct)
        report("whitened", [option for option in found if option not in direct])
        kinds.append(", ".join(best))
        histogram.append((found[best][2][here] - found[best][1], same[here]))
        for name in blocks:
            report(f"similarity_{name}", [option for option in direct if option[0] == name])
            report(f"whitened_{name}", [option for option in found if option not in direct and option[0] == name])
        outcomes = {}

        def classify(name: str, number: int) -> tuple[float, float]:
            held = torch.from_numpy(
                task.fold == folds[(folds.index(fold) + 1 + number % (len(folds) - 1)) % len(folds)]
            )
            train, block = ~here & ~held, blocks[name]
            x = pair_features(block[torch.from_numpy(task.first)], block[torch.from_numpy(task.second)])
            guess, right = linear_probe(x[train], same[train].long(), (x[held], same[held].long()), x[here])
            return float((guess == same[here].long()).float().mean()), right

        for name in blocks:
            outcomes[name] = classify(name, 0)
            accuracy.setdefault(f"protocol_{name}", []).append(outcomes[name][0])
        top = max(outcomes, key=lambda name: outcomes[name][1])
        protocol_blocks.append(top)
        for number in range(SEEDS):
            protocol[number].append(outcomes[top][0] if number == 0 else classify(top, number)[0])
    results = {k: float(np.mean(v)) for k, v in accuracy.items()}
    by_seed = [float(np.mean(values)) for values in protocol]
    results |= {"protocol": float(np.mean(by_seed)), "protocol_spread": spread(by_seed)}
    if "authors_verification" in results_blocks(accuracy, "protocol"):
        results["protocol_authors"] = results["protocol_authors_verification"]
    margins, truth = (torch.cat(column) for column in zip(*histogram))
    edges = torch.linspace(float(margins.min()), float(margins.max()) + 1e-6, 41)
    counts = [
        torch.histogram(margins[truth == which].float(), edges.float()).hist.int().tolist() for which in (True, False)
    ]
    return {
        **results,
        "similarity_spread": spread(accuracy["similarity"]),
        "similarity_block": Counter(kinds).most_common(1)[0][0],
        "protocol_block": Counter(protocol_blocks).most_common(1)[0][0],
        "chance": float(max(task.same.mean(), 1 - task.same.mean())),
        "n": len(task.same),
        "folds": len(folds),
        "histogram": {"edges": edges.tolist(), "same": counts[0], "different": counts[1]},
        "shown": Counter(describe(way) for way in chosen.values()).most_common(1)[0][0],
        "tried": {describe(way): float(np.mean([tried[fold][way] for fold in folds])) for way in ways},
    }


def results_blocks(accuracy: dict, kind: str) -> set[str]:
    """Blocks that a kind of result has been made for."""
    return {key.partition("_")[2] for key in accuracy if key.startswith(f"{kind}_")}


def balanced(task: Pairs, fold: int, most: int, seed: int) -> np.ndarray:
    """At most `most` pairs of a fold, as many of the same person as of two where there are enough."""
    rng = np.random.default_rng([seed, fold])
    rows = [np.flatnonzero((task.fold == fold) & (task.same == which)) for which in (True, False)]
    return np.concatenate([rng.permutation(part)[: most // 2] for part in rows])


def probe_values(method: Method, task: Values, crops: Crops, out: Path, seed: int) -> dict:
    """Ridge regression of every block to the task's numbers, k-NN beside it; the block that validates best is the headline.

    Head pose: mean absolute error in degrees of each angle. Actions: correlation, and F1 of active or not, the threshold
    on the prediction chosen on validation; both the mean over actions.
    """
    way, tried = choose_way(method, task, crops, seed)
    rows = np.arange(len(task.pictures))
    blocks, value = extract(method, crops, rows, way), torch.from_numpy(task.value).float()
    test = torch.from_numpy(np.flatnonzero(task.part == "test"))
    results, validation, said, main = {}, {}, {}, headline(task)
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
    best = max(validation, key=validation.get)
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
    """The measure that stands for the task: the mean error of angles, or F1 of actions."""
    return "mae" if task.active is None else "f1"


def measure(task: Values, said: Tensor, true: Tensor, said_held: Tensor, true_held: Tensor) -> dict:
    """What is reported of predictions, M x T; "score" grows as they get better. Thresholds come from the held-out rows."""
    if task.active is None:
        error = (said - true).abs().mean(0)
        return {**dict(zip(task.names, error.tolist())), "mae": float(error.mean()), "score": -float(error.mean())}
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


def examples(task: Values, said: Tensor, test: Tensor, out: Path, name: str) -> dict:
    """A sheet of test pictures read well and badly (of people who do not exist), and what was true and said of each.

    Well: eight different people from the quarter with the smallest errors; badly: those with the largest.
    """
    true = torch.from_numpy(task.value).float()[test]
    error = (said - true).abs().mean(1)
    order = error.argsort().tolist()
    group = task.group[test.numpy()]
    quarter = order[: max(1, len(order) // 4)]
    picked = {
        "right": distinct(quarter[:: max(1, len(quarter) // (4 * SHOWN))], group),
        "wrong": distinct(order[::-1], group),
    }
    side, rows = 96, []
    sheet = Image.new("RGB", (SHOWN * side, 2 * side))
    for line, (kind, chosen) in enumerate(picked.items()):
        for column, at in enumerate(chosen):
            picture = Image.fromarray(task.pictures.image(int(test[at]))).resize((side, side), Image.Resampling.LANCZOS)
            sheet.paste(picture, (column * side, line * side))
            rows.append({"kind": kind, **told(task, true[at], said[at])})
    file = out.with_name(f"{out.stem}_{name}_{task.task}.webp")
    sheet.save(file, quality=80)
    return {"sheet": file.name, "examples": rows}


def told(task: Values, true: Tensor, said: Tensor) -> dict:
    """True and predicted numbers by name: all angles, or the three actions that matter most in this picture."""
    rows = (
        range(len(task.names))
        if task.active is None
        else torch.maximum(true, said).argsort(descending=True)[:3].tolist()
    )
    return {
        "true": {task.names[i]: float(true[i]) for i in rows},
        "said": {task.names[i]: float(said[i]) for i in rows},
    }


def distinct(order: list[int], group: np.ndarray) -> list[int]:
    """The first SHOWN of different people."""
    seen: dict[int, int] = {}
    for at in order:
        seen.setdefault(int(group[at]), at)
    return list(seen.values())[:SHOWN]
