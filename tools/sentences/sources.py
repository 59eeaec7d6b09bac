"""Where the sentences of the page stand: which files are read, and which of their strings are words for visitors."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

from latentface.checkpoints import ASSETS
from latentface.glossary import glossary
from tools.sentences import python_source, script_source
from tools.sentences.markup import keys, numbered

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
    "__init__", "__main__", "autoencoder", "blocks", "camera", "commands", "convert", "mesh", "outline", "packing", "paper", "pcl",
    "prior", "rasterizer", "ray_march", "rdm", "registration", "rendering", "sheet", "sprites", "video_command", "warp",
)  # fmt: skip
"""Modules of latentface/ whose words go to the console, or to those who write programs."""
GRADIO = ("Use via API",)
"""Words of gradio's own that the page shows."""
NAMES = frozenset(
    ("Autoencoder", "DDIMScheduler", "London", "Prior", "Viridis", "alike few", "chip shown", "main crisp",
     "opened sees to that", "top center", "bottom center")
)  # fmt: skip
"""Names of classes, data and colour scales, and lists of CSS classes."""
OWN = ("language.js", "language_choice.html")
"""Files that stand in all languages at once."""
_CODE = re.compile(
    r"^[\w.*/#:+=-]*[_/#=][\w.*/#:+=-]*$|^[.#\[][\w-]|^--|^https?:|^\(?prefers-|\\[a-zA-Z]{2}|;base64|rgba?\(|^M[0-9]"
    r"|^(?:linear|radial)-gradient|^[\w-]+/[\w.*+-]+$|^%|\bvar\(|^Retry-|^X-|^Content-|^[A-Z]\w+-[A-Z][\w-]+$|px\b.*(?:solid|#)|=>|deg\)|^\w+\(\S|^\(|\{1\}px|fv$|^[^ ]*_[^ ]*$|^[^ ]+\.[a-z]{2,8}$|^python -m|^\d+ px$|\[role="
)
"""Strings that look like code: names with underscores, selectors, options, addresses, LaTeX, colours, headers."""
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
    for key, place in of_assets():
        allowed.add(key)
        if is_sentence(key):
            found.setdefault(key, place)
    return found, allowed | set(found)


def is_sentence(key: str) -> bool:
    """Tell whether a string is words for people: several, or one with a capital, that do not look like code."""
    if key in NAMES or _CODE.search(key):
        return False
    plain = re.sub(r"\{\d+\}|</?\d+>", " ", key).strip()
    if not _WORD.search(plain) or not re.search(r"[a-z]{2}", plain):
        return False
    if re.search(r"\{\d+\} [a-z]{3}|[a-z]{3}:? \{\d+\}", key):
        return True
    return " " in plain or plain[0].isupper() and not re.search(r"[a-z][A-Z]|^[A-Z]\w*\d", plain)


def of_assets() -> Iterator[tuple[str, str]]:
    """List the words in the bundled files that the page shows: what sliders, methods and checkpoints are."""
    for file in sorted(ASSETS.glob("*/expression_sliders.json")):
        for slider in json.loads(file.read_text())["sliders"]:
            for part in ("name", "low", "high", "side"):
                if slider.get(part):
                    yield slider[part], file.relative_to(ASSETS.parent).as_posix()
    probes = ASSETS / "results" / "probes.json"
    results = json.loads(probes.read_text())
    for method in results["methods"].values():
        for name, value in method.items():
            if isinstance(value, str) and name.endswith(("about", "_block", "_shown")):
                for one in value.split(", ") if name != "about" else [value]:
                    yield one, "assets/results/probes.json"
    yield results["published"]["source"], "assets/results/probes.json"
