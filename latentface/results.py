"""The comparison of methods as the app and the docs show it.

Read from the JSON that `python -m train evaluate --suite probes` writes.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from latentface.checkpoints import ASSETS

RESULTS = ASSETS / "results" / "probes.json"
DATA = {
    "fer2013": "FER2013", "rafdb": "RAF-DB", "affectnet": "AffectNet", "ckplus": "CK+", "affwild2": "Aff-Wild2",
    "london": "London", "lfw": "LFW", "cplfw": "CPLFW", "slfw": "SLLFW", "pose": "parametric people",
    "actions": "parametric people", "aflw2000": "AFLW2000", "biwi": "BIWI", "disfa": "DISFA", "bp4d": "BP4D",
}  # fmt: skip
"""Task -> name of its data, in the order of the table."""
MEASURES = {
    "linear": ("Expression, linear probe", "%"),
    "knn": ("... nearest neighbours", "%"),
    "similarity": ("Same person, cosine", "%"),
    "whitened": ("... whitened cosine", "%"),
    "protocol": ("... trained pair classifier", "%"),
    "mae": ("Head pose, mean error", "°"),
    "f1": ("Facial actions, F1", "%"),
    "correlation": ("... correlation", ""),
}
"""Measure -> title, unit. Of angles less is better, of all others more."""
CHANCE = {"correlation": "chance_correlation"}
"""Measures whose chance is not the task's "chance"."""


@dataclass
class Row:
    """One measure on one task, for every method."""

    task: str
    measure: str
    title: str
    data: str
    unit: str
    chance: float
    n: int
    values: dict[str, float]
    """Method -> value, for the methods that have one."""
    spread: dict[str, float] = field(default_factory=dict)
    """Method -> standard deviation over seeds (folds of a similarity)."""
    published: dict[str, float] = field(default_factory=dict)
    """Method of others -> the value they published."""

    @property
    def best(self) -> str:
        """The method that does best."""
        return (min if self.unit == "°" else max)(self.values, key=lambda method: self.values[method])

    @property
    def better(self) -> str:
        """The direction in which a value gets better, as an arrow."""
        return "↓" if self.unit == "°" else "↑"

    def text(self, value: float, spread: float | None = None) -> str:
        """Format a value: 62.7, 8.4°, 0.61, with its spread where there is one."""
        digits, factor = (2, 1) if self.unit == "" else (1, 100 if self.unit == "%" else 1)
        around = f" ± {factor * spread:.{digits}f}" if spread else ""
        return f"{factor * value:.{digits}f}{around}{'°' if self.unit == '°' else ''}"


@dataclass
class Comparison:
    """The content of a table of methods."""

    methods: list[str]
    rows: list[Row]
    results: dict
    """The whole JSON."""
    folder: Path
    """Where the sheets of examples lie."""

    def of(self, method: str, key: str, default: Any = None) -> Any:  # noqa: ANN401 (a value of a JSON file)
        """Look up a method's value of a flat key such as fer2013_confusion."""
        return self.results["methods"][method].get(key, default)

    def commit(self, method: str) -> str:
        """Name the commit that a method was measured at."""
        return self.of(method, "commit", self.results["commit"])


def read_comparison(file: Path = RESULTS) -> Comparison | None:
    """Read the table of a results file.

    Args:
        file: JSON of the suite `probes`.

    Returns:
        The table, or None where there is no such file.

    Raises:
        ValueError: the file is no result of that suite.
    """
    if not file.exists():
        return None
    try:
        results = json.loads(file.read_text())
        methods, others = results["methods"], results["published"]["rows"]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{file} is no result of `python -m train evaluate --suite probes`") from error
    rows = [_row(task, measure, methods, others) for task in DATA for measure in MEASURES]
    return Comparison(list(methods), [row for row in rows if row is not None], results, file.parent)


ABOUT = {
    "explorer": "the bundled LatentFace: shape, colour, view and light, identity and expression, 128 px",
    "paper-64": "LatentFace as its authors describe it: one code a network, 64 px",
    "pcl": "pose-disentangled contrastive learning: a face's and a pose's features, from mirrored pairs, 64 px",
    "simclr": "contrastive learning on altered copies of one picture, 64 px",
    "simclr-clips": "the same, with two frames of one clip as a pair, 64 px",
    "imagenet": "a network that learned to name objects from labels; it never learned of faces",
    "hog": "histograms of edge directions; nothing is learned",
    "pca": "principal components of plain pixels, the linear baseline",
}
"""Method -> what it is, in plain words."""


def methods_of(comparison: Comparison) -> dict[str, str]:
    """Say what each method is: in plain words where it has some, and as its record names it."""
    records = {name: str(comparison.of(name, "about", "")) for name in comparison.methods}
    return {name: f"{ABOUT[name]} ({about})" if name in ABOUT else about for name, about in records.items()}


def takeaway(comparison: Comparison) -> str:
    """Say in one sentence who leads how many of the measures, and on what the first method leads.

    Ties count for the method that comes first.
    """
    first, leads = comparison.methods[0], dict.fromkeys(comparison.methods, 0)
    won = []
    for row in comparison.rows:
        leads[row.best] += 1
        if row.best == first:
            won.append(f"{row.title.removeprefix('... ').lower()} on {row.data}")
    others = [f"{name} {count}" for name, count in sorted(leads.items(), key=lambda item: -item[1]) if name != first]
    rest = ", ".join(other for other in others if not other.endswith(" 0"))
    what = f" ({'; '.join(won)})" if won else ""
    return f"**Of {len(comparison.rows)} measures `{first}` leads {leads[first]}**{what}{f'; {rest}' if rest else ''}."


def _row(task: str, measure: str, methods: dict[str, dict], others: dict[str, dict]) -> Row | None:
    """Collect one measure on one task; None where no method has it."""
    key = f"{task}_{measure}"
    values = {name: found[key] for name, found in methods.items() if key in found}
    if not values or (measure == "knn" and not any(f"{task}_linear" in found for found in methods.values())):
        return None
    if measure == "mae":
        complete = {n: found for n, found in others.items() if f"{task}_yaw" in found and f"{task}_roll" in found}
        published = {name: mean_angle(found, task) for name, found in complete.items()}
    else:
        published = {name: found[key] for name, found in others.items() if key in found}
    about = methods[next(iter(values))]
    title, unit = MEASURES[measure]
    return Row(
        task=task,
        measure=measure,
        title=title,
        data=DATA[task],
        unit=unit,
        chance=about[f"{task}_{CHANCE.get(measure, 'chance')}"],
        n=about[f"{task}_n"],
        values=values,
        spread={name: found[f"{key}_spread"] for name, found in methods.items() if found.get(f"{key}_spread")},
        published=published,
    )


def mean_angle(found: dict, task: str) -> float:
    """Average the published errors of yaw, pitch and roll."""
    return sum(found[f"{task}_{angle}"] for angle in ("yaw", "pitch", "roll")) / 3


def markdown(table: Comparison) -> str:
    """Write the table in Markdown: a row a measure, a column a method, chance, and what others published."""
    lines = [
        "| | n | chance | " + " | ".join(table.methods) + " | published elsewhere |",
        "|---|---|---|" + "---|" * (len(table.methods) + 1),
    ]
    for row in table.rows:
        cells = [row.text(row.values[m], row.spread.get(m)) if m in row.values else "" for m in table.methods]
        cells = [f"**{cell}**" if m == row.best else cell for m, cell in zip(table.methods, cells, strict=True)]
        others = ", ".join(f"{name} {row.text(value)}" for name, value in row.published.items())
        title = row.title.removeprefix("... ") + (" (%)" if row.unit == "%" else "")
        lines.append(f"| {row.data}: {title} | {row.n:,} | {row.text(row.chance)} | {' | '.join(cells)} | {others} |")
    return "\n".join([*lines, "", _footnote(table)])


def _footnote(table: Comparison) -> str:
    """Say how the numbers of a table were measured."""
    results, seeds = table.results, table.results["seeds"]
    measured: dict[str, list[str]] = {}
    for method in table.methods:
        measured.setdefault(table.commit(method), []).append(method)
    commits = "; ".join(f"`{commit}` ({', '.join(methods)})" for commit, methods in measured.items())
    return (
        f"Frozen features; ± over {len(seeds)} seeds (splits of the training part; for cosine: over folds). "
        f"Validation chose block, crop, input size and every setting. Commits {commits}, {results['hardware']}; the "
        f"last of them by `{results['command']}`. Published elsewhere: {results['published']['source']}; other "
        "training data, budgets and, for LFW, all ten folds."
    )
