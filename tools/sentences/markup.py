"""Sentences within Markdown and HTML, as the page looks them up: one a block, its inline marks as numbered tags.

`Keep **this** one` is `Keep <1>this</1> one`, whatever element makes the word bold; web/language.js reads a block of
the page in the same way. A part that varies is `{1}`, `{2}`, ...
"""

from __future__ import annotations

import re
from html.parser import HTMLParser

HOLE = "\ue000"
"""Stands for a part that varies until the parts of a sentence are numbered."""
INLINE = frozenset(
    ("a", "abbr", "b", "br", "code", "em", "i", "kbd", "mark", "output", "small", "span", "strong", "sub", "sup", "u",
     "var")
)  # fmt: skip
"""Elements within a sentence; the same list stands in web/language.js."""
READ = ("title", "aria-label", "aria-description", "placeholder", "alt", "label")
"""Attributes that visitors read."""
_VOID = frozenset(("area", "base", "br", "col", "hr", "img", "input", "link", "meta", "source", "track", "wbr"))
_SILENT = frozenset(("script", "style", "math"))
_TAG = re.compile(r"</?[a-z][a-z0-9]*(?=[\s/>])[^<>]*>")
_MARKS = (
    (re.compile(r"\[\[([^\]|]+)(?:\|([^\]]+))?\]\]"), lambda found: f"<span>{found[2] or found[1]}</span>"),
    (re.compile(r"\[([^\]]+)\]\([^)]+\)"), r"<a>\1</a>"),
    (re.compile(r"`([^`]+)`"), r"<code>\1</code>"),
    (re.compile(r"\*\*(?=\S)(.+?)(?<=\S)\*\*", re.DOTALL), r"<b>\1</b>"),
    (re.compile(r"(?<![\w*])\*(?=[^\s*])([^*]+?)(?<=\S)\*(?![\w*])"), r"<em>\1</em>"),
)  # fmt: skip
_BLOCK = re.compile(r"\n\s*\n|\n(?=\s*(?:[-*] |#+ |\d+\. |\|))")
_JOINT = re.compile(r"^[·,;:] ")
_NAMED = re.compile(r"\{[a-z_]*(?::[^{}]*)?\}")
"""A part that str.format fills in."""


class _Node:
    """An element with its children: nodes and strings."""

    def __init__(self, tag: str, within: _Node | None = None):
        self.tag, self.within = tag, within
        self.children: list[_Node | str] = []

    def is_inline(self) -> bool:
        """Tell whether it can stand in a sentence, with all that it holds."""
        return self.tag in INLINE and all(isinstance(child, str) or child.is_inline() for child in self.children)


class _Tree(HTMLParser):
    """Builds nodes of markup, whole or a piece of it."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.root = self.here = _Node("div")
        self.attributes: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Open an element and note what is read of its attributes."""
        self.attributes += [value for name, value in attrs if value and name in READ]
        node = _Node(tag, self.here)
        self.here.children.append(node)
        if tag not in _VOID:
            self.here = node

    def handle_endtag(self, tag: str) -> None:
        """Close the element, and those within it that were left open."""
        node = self.here
        while node.within is not None and node.tag != tag:
            node = node.within
        if node.within is not None:
            self.here = node.within

    def handle_data(self, data: str) -> None:
        """Add text."""
        self.here.children.append(data)


def keys(text: str) -> list[str]:
    """List the sentences of one string of the sources: plain words, Markdown or HTML.

    Args:
        text: The string, HOLE for every part that varies.
    """
    found: list[str] = []
    text = re.sub(r"(?m)^(#+ .*)\n", r"\1\n\n", _NAMED.sub(HOLE, text))
    blocks = [text] if _TAG.search(text) and not re.search(r"\n\s*\n", text) else _BLOCK.split(text)
    for block in blocks:
        cells = [block] if not block.lstrip().startswith("|") else block.strip().strip("|").split("|")
        for cell in cells:
            marked = re.sub(r"^\s*(?:[-*]|#+|\d+\.)\s+", "", cell)
            for pattern, tag in _MARKS:
                marked = pattern.sub(tag, marked)
            found += _keys_of_html(marked) if _TAG.search(marked) else [marked]
    return [numbered(one) for one in found]


def numbered(words: str) -> str:
    """Number the parts that vary, and leave single spaces and no sign that joins a part to the word before."""
    count = iter(range(1, 100))
    return re.sub(HOLE + "+", lambda _: f"{{{next(count)}}}", _JOINT.sub("", " ".join(words.split())))


def _keys_of_html(markup: str) -> list[str]:
    tree = _Tree()
    tree.feed(markup)
    tree.close()
    return [*tree.attributes, *_of(tree.root)]


def _of(node: _Node) -> list[str]:
    """List the sentences of an element."""
    if node.tag in _SILENT:
        return []
    children = node.children
    has_text = any(isinstance(child, str) and re.search(r"[^\W\d_]", child) for child in children)
    nodes = [child for child in children if isinstance(child, _Node)]
    if has_text and nodes and all(child.is_inline() for child in nodes):
        return [_tagged(node, iter(range(1, 100)))]
    found: list[str] = []
    for child in children:
        found += [child] if isinstance(child, str) else _of(child)
    return found


def _tagged(node: _Node, count) -> str:  # noqa: ANN001 (an iterator of numbers)
    """Write what an element holds, its elements as numbered tags; an empty one is filled later."""
    words = ""
    for child in node.children:
        if isinstance(child, str):
            words += child
            continue
        number = next(count)
        words += f"<{number}>{_tagged(child, count) or (HOLE if child.tag != 'br' else '')}</{number}>"
    return words
