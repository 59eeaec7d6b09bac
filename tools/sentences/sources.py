"""Where the sentences of the page stand: which files are read, and which of their strings are words for visitors."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

from latentface.checkpoints import ASSETS, bundled, summary_of
from latentface.fairness import shown_group
from latentface.gallery import Gallery
from latentface.glossary import glossary
from latentface.results import MEASURES, RESULTS
from tools.sentences import python_source, script_source
from tools.sentences.markup import HOLE, keys, numbered

ROOT = Path(__file__).parents[2]
CONSOLE = (
    "api",
    "environment",
    "health",
    "hosts",
    "memory",
    "own_folder",
    "request_log",
    "start",
    "theme",
    "upload_parts",
)
"""Modules of app/ whose words go to the console or to programs, or are names of fonts."""
PROGRAMS = (
    "__init__", "__main__", "autoencoder", "blocks", "camera", "commands", "convert", "mesh", "outline", "packing",
    "paper", "pcl", "prior", "rasterizer", "ray_march", "rdm", "registration", "rendering", "sheet", "sprites",
    "video_command", "warp",
)  # fmt: skip
"""Modules of latentface/ whose words go to the console, or to those who write programs."""
GRADIO = (
    "Use via API", "logo", "Gradio footer navigation", "Reset to default value", "number input for {1}",
    "range slider for {1}", "More tabs", "Stop Recording", "processing", "Loading",
)  # fmt: skip
"""Words of gradio's own that the page shows."""
NAMES = frozenset(
    ("Autoencoder", "DDIMScheduler", "London", "Prior", "Viridis", "alike few", "chip shown", "main crisp",
     "opened sees to that", "top center", "bottom center")
)  # fmt: skip
"""Names of classes, data and colour scales, and lists of CSS classes."""
OWN = ("language.js", "language_choice.html")
"""Files that stand in all languages at once."""
_CODE = re.compile(
    "|".join(
        (
            r"^[^ ]*_[^ ]*$",
            r"^[\w.*/#:+=-]*[/#=][\w.*/#:+=-]*$",
            r"^[^ ]+\.[a-z]{2,8}$",  # names, paths, files
            r"^[.#\[][\w-]",
            r"\[role=",
            r"^\(",
            r"^\w+\(\S",
            r"^M[0-9]",
            r"\{1\}px",
            r"deg\)",
            r"=>",  # selectors, scripts
            r"^--",
            r"^python -m",
            r"^https?:",
            r";base64",
            r"^[\w-]+/[\w.*+-]+$",  # options, commands, addresses
            r"^(?:linear|radial)-gradient",
            r"rgba?\(",
            r"\bvar\(",
            r"px\b.*(?:solid|#)",
            r"^prefers-",  # styles
            r"\\[a-zA-Z]{2}",
            r"^%",
            r"fv$",
            r"^\d+ px$",
            r"^X-|^Retry-|^Content-",
            r"^[A-Z]\w+-[A-Z][\w-]+$",  # others
        )
    )
)
"""Strings that look like code: names with underscores, selectors, options, addresses, LaTeX, colours, headers."""
_NUMBER = re.compile(r"[-+]?\d+(?:[.,]\d+)*")
_WORD = re.compile(r"[^\W\d_]{2,}")


def sources() -> Iterator[Path]:
    """List the files whose strings visitors read."""
    for file in sorted((ROOT / "app").rglob("*.py")):
        if file.parent != ROOT / "app" or file.stem not in CONSOLE:
            yield file
    yield from sorted(file for file in (ROOT / "latentface").glob("*.py") if file.stem not in PROGRAMS)
    for room in ("intake", "explain"):
        yield from sorted((ROOT / "latentface" / room).glob("*.py"))
    web = ROOT / "app" / "components" / "web"
    yield from sorted(file for file in (*web.glob("*.js"), *web.glob("*.html")) if file.name not in OWN)


def gather() -> tuple[dict[str, str], set[str]]:
    """Read all sources.

    Returns:
        Sentence -> the file where it stands first, relative to the repository; and all words that may stand in a
        catalogue without having to, lower-case ones such as names of factors.
    """
    found: dict[str, str] = {}
    allowed: set[str] = set()
    for file in sources():
        text, place = file.read_text(encoding="utf-8"), file.relative_to(ROOT).as_posix()
        if file.suffix == ".html":
            strings, words = {text}, set()
        else:
            strings, words = (python_source if file.suffix == ".py" else script_source).strings(text)
        for string in sorted(strings | words):
            for key in keys(string):
                allowed.add(key)
                if string in strings and is_sentence(key):
                    found.setdefault(key, place)
    for meaning in glossary().values():
        found.setdefault(numbered(meaning), "latentface/glossary.md")
    found |= dict.fromkeys(GRADIO, "gradio")
    for word, place in of_assets():
        key = numbered(word)
        if not _CODE.search(key) and _WORD.search(key):
            found.setdefault(key, place)
    return found, allowed | set(found)


def is_sentence(key: str) -> bool:
    """Tell whether a string is words for people: several, or one with a capital, that do not look like code."""
    if key in NAMES or _CODE.search(key):
        return False
    plain = re.sub(r"\{\d+\}|</?\d+>", " ", key).strip()
    if not _WORD.search(plain) or not re.search(r"[a-z]", plain):
        return False
    if re.search(r"\{\d+\} [A-Za-z]{2}|[A-Za-z]{2}:? \{\d+\}", key):
        return True
    return " " in plain or plain[0].isupper() and not re.search(r"[a-z][A-Z]|^[A-Z]\w*\d", plain)


def of_assets() -> Iterator[tuple[str, str]]:
    """List the words in the bundled files that the page shows, each with its file: they need no capital."""
    for file in sorted(ASSETS.glob("*/*.json")):
        place, content = file.relative_to(ROOT).as_posix(), json.loads(file.read_text(encoding="utf-8"))
        if file.stem == "expression_sliders":
            words = [slider.get(part) for slider in content["sliders"] for part in ("name", "low", "high", "side")]
        elif file.stem == "leakage_test_examples":
            shown = [row for block in content["cells"].values() for cell in block.values() for row in _captions(cell)]
            words = sorted({part for caption in shown for part in _parts(caption)})
        elif file == RESULTS:
            words = [*_of_methods(content), content["published"]["source"]]
        else:
            record = content.get("record", {}) if isinstance(content, dict) else {}
            by = content.get("by") or record.get("by") or {} if isinstance(content, dict) else {}
            words = [*record.get("flagged", ())] if file.stem == "doubts" else []
            words += [
                word for kind, groups in by.items() for word in (kind, *(shown_group(kind, name) for name in groups))
            ]
        yield from ((word, place) for word in words if word)
    for title, _ in MEASURES.values():
        yield from ((word, "latentface/results.py") for word in title.removeprefix("... ").split(", "))
    for file in sorted(RESULTS.parent.glob("toy_*.json")):
        yield file.stem.removeprefix("toy_"), file.relative_to(ROOT).as_posix()
    for name in bundled():
        if summary := summary_of(name):
            yield summary, f"assets/{name}/README.md"
    yield from ((factor, "assets/gallery") for factor in Gallery().factors)
    record = json.loads((ASSETS / "gallery" / "gallery.json").read_text())["record"]
    yield record["data"]["source"], "assets/gallery/gallery.json"


def _captions(cell: dict) -> Iterator[str]:
    """List what stands below the pictures of one cell of the matrix."""
    yield from (words for kind in ("right", "wrong") for _, words, _ in cell[kind])


def _parts(caption: str) -> Iterator[str]:
    """Take a caption such as "smile, read as open" or "yaw 3°, read 5°" apart: its form, and its words."""
    parts = re.split(r"(, read(?: as)? )", caption)
    if len(parts) != 3:
        yield _NUMBER.sub(HOLE, caption)
        return
    yield f"{HOLE}{parts[1]}{HOLE}"
    yield from (re.sub(r"[^A-Za-z ]+", "", part).strip() for part in parts[::2])


def _of_methods(results: dict) -> Iterator[str]:
    """List what a results file says of its methods: what they are, and which crop was taken."""
    for method in results["methods"].values():
        for name, value in method.items():
            if name == "about":
                yield value
            elif isinstance(value, str) and name.endswith("_shown"):
                yield from value.split(", ")
