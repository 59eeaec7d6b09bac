"""Tables of results as Markdown, put between marked lines of a page or a checkpoint's card."""

import json
from pathlib import Path

from latentface.results import RESULTS, markdown, read_comparison
from train.release.results import BY_GROUP, FILMS, MOVEMENTS, SETS, SUMMARY

TABLE = ("<!-- comparison -->", "<!-- end of comparison -->")
"""Between these lines of docs/results.md stands the table of methods."""
RESULTS_OF = ("<!-- results -->", "<!-- end of results -->")
"""Between these lines of a checkpoint's card stand the results of the JSON files beside it."""
SUMMARY_IN = ("<!-- explorer -->", "<!-- end of explorer -->")
"""Between these lines of docs/results.md stands what the bundled checkpoint can do."""


def write_table(readme: Path, results: Path = RESULTS) -> bool:
    """Put the comparison of methods between a page's markers; False where there is none, or a marker is missing."""
    table = read_comparison(results)
    return table is not None and replace_between(readme, TABLE, markdown(table))


def replace_between(file: Path, markers: tuple[str, str], text: str) -> bool:
    """Put text between two lines of a file; False, and nothing changes, where either is missing."""
    whole = file.read_text(encoding="utf-8")
    if not all(marker in whole for marker in markers):
        return False
    before, _, rest = whole.partition(markers[0])
    file.write_text(
        before + markers[0] + "\n" + text + "\n" + markers[1] + rest.partition(markers[1])[2], encoding="utf-8"
    )
    return True


def results_of(folder: Path) -> str:
    """Write a checkpoint's results as Markdown, from the suites' JSON files in its folder."""
    parts = []
    for name, title, rows in SETS:
        if (folder / name).exists():
            found = json.loads((folder / name).read_text())
            lines = [f"| {label} | {format(found[key], form)} |" for key, (label, form) in rows.items() if key in found]
            parts.append("\n".join([f"**{title}** ({_made(found)})", "", "| | |", "|---|---|", *lines]))
            if found.get("by"):
                parts.append(_groups(found["by"]))
    for name, table in (("clips_clips.json", _clips), ("leakage_test.json", _leakage)):
        if (folder / name).exists():
            parts.append(table(json.loads((folder / name).read_text())))
    return "\n\n".join(parts)


def summary(folder: Path) -> str:
    """Write a checkpoint's main results as Markdown tables, one of each file of SUMMARY in its folder."""
    tables = []
    for name, title, rows in SUMMARY:
        if (folder / name).exists():
            found = json.loads((folder / name).read_text())
            lines = [f"| {label.format(**found)} | {text.format(**found)} |" for label, text in rows]
            tables.append("\n".join([f"| {title.format(**found)} | |", "|---|---|", *lines]))
    return "\n\n".join(tables)


def _made(found: dict) -> str:
    """Say how a result was made."""
    return f"`{found['command']}`, commit {found['commit']}, seed {found['seed']}, {found['hardware']}"


def _groups(by: dict) -> str:
    """Write results by group of faces as a table; its columns are those of BY_GROUP that some group has."""
    rows = [(kind, name, row) for kind, groups in by.items() for name, row in groups.items()]
    shown = {key: column for key, column in BY_GROUP.items() if any(key in row for *_, row in rows)}
    lines = [f"| by | group | {' | '.join(label for label, _ in shown.values())} |", "|---|---|" + "---|" * len(shown)]
    for kind, name, row in rows:
        numbers = [format(row[key], form) if key in row else "" for key, (_, form) in shown.items()]
        lines.append(f"| {kind} | {name} | {' | '.join(numbers)} |")
    return "\n".join(lines)


def _leakage(found: dict) -> str:
    """Write what is read off each block of the code by linear probes on held-out people as a table."""
    names = ("identity", "expression", "actions", "yaw", "light", "age", "skin")
    factors = [name for name in names if f"{name}_from_full" in found]
    blocks = list(dict.fromkeys(key.partition("_from_")[2] for key in found if "_from_" in key))
    lines = [f"| block | {' | '.join(factors)} |", "|---|" + "---|" * len(factors)]
    lines += [
        f"| {block} | " + " | ".join(f"{found[f'{f}_from_{block}']:.2f}" for f in factors) + " |" for block in blocks
    ]
    chance = [f"{found[f'{f}_chance']:.2f}" if f"{f}_chance" in found else "0" for f in factors]
    title = "What each block tells (identity and expression: accuracy; the others: R2 of linear probes)"
    return "\n".join([f"**{title}** ({_made(found)})", "", *lines, f"| chance | {' | '.join(chance)} |"])


def _clips(found: dict) -> str:
    """Write how faces follow the drivers of clips as a table."""
    lines = [
        f"| {words} | "
        + " | ".join(
            f"{found[f'{film}_{m}_corr']:.2f} / {found[f'{film}_{m}_slope']:.2f}" if f"{film}_{m}_corr" in found else ""
            for m in MOVEMENTS
        )
        + " |"
        for film, words in FILMS.items()
    ]
    title = (
        f"Moving faces: {found['n']} development clips of talking people, on which the gain was chosen; "
        "correlation / slope over the driver's"
    )
    heads = f"| picture | {' | '.join(name.replace('_', ' ') for name in MOVEMENTS)} |"
    return "\n".join([f"**{title}** ({_made(found)})", "", heads, "|---|" + "---|" * len(MOVEMENTS), *lines])
