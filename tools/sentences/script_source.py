"""Strings of JavaScript that can be sentences: string literals, and template literals with their parts left open."""

from __future__ import annotations

import re
from itertools import product

from tools.sentences.markup import HOLE

MOST = 16
"""Versions of one sentence, by its conditions, that are written out."""
_CHOICE = re.compile(r'^[^?"]+\?\s*"([^"]*)"\s*:\s*"([^"]*)"\s*$')
_ESCAPES = {"n": "\n", "t": "\t"}
_REGEX_BEFORE = re.compile(r"(?:^|[=(,:\[!&|?{};\n]|return)\s*$")
_SILENT_BEFORE = re.compile(
    r"(?:(?:find|querySelector|querySelectorAll|closest|matches|getContext|addEventListener|trigger|watch|"
    r"createElement|getPropertyValue|setProperty|getElementById|getItem|setItem|removeItem|startsWith|endsWith|"
    r"removeAttribute|toggleAttribute|ask|hasAttribute|Worker|contains)\(|[=!]==?\s*|className: |classList\.\w+\(|"
    r"\.(?:font|fillStyle|strokeStyle|className)\s*=\s*|case )$"
)
"""What stands before strings that nobody reads."""


def strings(source: str) -> tuple[set[str], set[str]]:
    """List the strings of a script.

    Args:
        source: JavaScript.

    Returns:
        Those that may be sentences, HOLE for every part that varies; and every literal, for short words.
    """
    found: set[str] = set()
    words: set[str] = set()
    _read(source, 0, "", found, words)
    return found, words


def _read(source: str, at: int, end: str, found: set[str], words: set[str]) -> int:
    """Read code up to an end (a closing brace, or none), collecting what it says; give the place after it."""
    depth = 0
    while at < len(source):
        two, one = source[at : at + 2], source[at]
        if two == "//":
            at = (source.find("\n", at) + 1) or len(source)
        elif two == "/*":
            at = source.find("*/", at) + 2
        elif one in "\"'":
            value, after = _string(source, at)
            words.add(value)
            if not _SILENT_BEFORE.search(source[max(0, at - 40) : at]):
                found.add(value)
            at = after
        elif one == "`":
            versions, after = _template(source, at + 1, found, words)
            if not _SILENT_BEFORE.search(source[max(0, at - 40) : at]):
                found.update(versions)
            at = after
        elif one == "/" and _REGEX_BEFORE.search(source[max(0, at - 12) : at]):
            at = _after_regex(source, at)
        else:
            if one == "{":
                depth += 1
            elif one == "}":
                if end and depth == 0:
                    return at + 1
                depth -= 1
            at += 1
    return at


def _string(source: str, at: int) -> tuple[str, int]:
    """Read a string literal that begins here; give it and the place after it."""
    quote, value = source[at], ""
    at += 1
    while source[at] != quote:
        if source[at] == "\\":
            at += 1
            value += _ESCAPES.get(source[at], source[at])
        else:
            value += source[at]
        at += 1
    return value, at + 1


def _template(source: str, at: int, found: set[str], words: set[str]) -> tuple[list[str], int]:
    """Read a template literal from behind its mark; give its versions and the place after it."""
    parts: list[list[str]] = [[""]]
    while source[at] != "`":
        if source[at] == "\\":
            at += 1
            parts.append([_ESCAPES.get(source[at], source[at])])
        elif source[at : at + 2] == "${":
            within: set[str] = set()
            after = _read(source, at + 2, "}", within, words)
            choice = _CHOICE.match(source[at + 2 : after - 1])
            found.update(() if choice else within)
            parts.append([choice[1], choice[2]] if choice else [HOLE])
            at = after - 1
        else:
            parts.append([source[at]])
        at += 1
    count = 1
    for part in parts:
        count *= len(part)
    if count > MOST:
        parts = [part if len(part) == 1 else [HOLE] for part in parts]
    return ["".join(one) for one in product(*parts)], at + 1


def _after_regex(source: str, at: int) -> int:
    """Find the place after a regular expression that begins here."""
    at += 1
    in_class = False
    while source[at] != "/" or in_class:
        if source[at] == "\\":
            at += 1
        elif source[at] == "[":
            in_class = True
        elif source[at] == "]":
            in_class = False
        elif source[at] == "\n":
            return at
        at += 1
    return at + 1
