"""Strings of Python sources that can be sentences: constants, and f-strings with their parts that vary left open."""

from __future__ import annotations

import ast
from itertools import product

from tools.sentences.markup import HOLE

MOST = 16
"""Versions of one sentence, by its conditions, that are written out; beyond, its pieces are listed by themselves."""
ENDS = (". ", ": ", "? ", "! ", "\n")
_SILENT_CALLS = frozenset(
    ("print", "compile", "add_argument", "getenv", "getattr", "hasattr", "setattr", "startswith", "endswith",
     "removeprefix", "removesuffix", "split", "rsplit", "partition", "rpartition", "open", "encode", "decode",
     "warn", "debug", "info", "exception", "pop", "setdefault", "TypeVar", "write_text", "read_text", "text", "run",
     "sub", "match", "search", "fullmatch", "findall", "strftime", "MetaField", "Raw")
)  # fmt: skip
"""Calls whose strings nobody reads."""
_SILENT_KEYWORDS = frozenset(
    ("elem_id", "elem_classes", "api_name", "api_visibility", "show_progress", "trigger_mode", "type", "variant",
     "scale", "mode", "css_template", "js_on_load", "html_template", "head", "link", "encoding", "dtype", "device",
     "errors", "newline", "format", "form", "hovertemplate", "help", "metavar", "prog", "hovermode", "autorange",
     "barmode", "dash", "symbol", "xref", "yref", "xanchor", "yanchor", "color", "family", "method", "orientation")
)  # fmt: skip
"""Arguments by name that nobody reads."""


def strings(source: str) -> tuple[set[str], set[str]]:
    """List the strings of a module.

    Args:
        source: Python.

    Returns:
        Those that may be sentences, HOLE for every part that varies; and every constant, for short words.
    """
    tree = ast.parse(source)
    within = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    found: set[str] = set()
    words = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    for node in ast.walk(tree):
        is_top = not isinstance(within.get(node), (ast.JoinedStr, ast.FormattedValue))
        if isinstance(within.get(node), ast.BinOp) and isinstance(within[node].op, ast.Add):  # type: ignore[attr-defined]
            continue
        is_words = isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))
        is_sum = isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add)
        if (is_words and is_top or is_sum) and not _is_silent(node, within):
            found.update(_versions_of_sum(node))
        elif isinstance(node, ast.Constant) and is_words and isinstance(within[node], ast.FormattedValue):
            found.add(str(node.value))
    return found, words


def _is_silent(node: ast.AST, within: dict[ast.AST, ast.AST]) -> bool:
    """Tell whether nobody reads a string, by where it stands."""
    child = node
    while child in within:
        above = within[child]
        if isinstance(above, ast.Expr) and isinstance(child, ast.Constant):
            return True  # a docstring
        if isinstance(above, ast.Subscript) and child is above.slice:
            return True
        if isinstance(above, (ast.Compare, ast.arg, ast.AnnAssign)) and (
            not isinstance(above, ast.AnnAssign) or child is above.annotation
        ):
            return True
        if isinstance(above, ast.keyword) and above.arg in _SILENT_KEYWORDS:
            return True
        if isinstance(above, ast.Call) and child is not above.func:
            name = above.func.attr if isinstance(above.func, ast.Attribute) else getattr(above.func, "id", "")
            if name in _SILENT_CALLS:
                return True
        if isinstance(above, (ast.FunctionDef, ast.AsyncFunctionDef)) and child is above.returns:
            return True
        if isinstance(above, ast.stmt):
            return False
        child = above
    return False


def _versions_of_sum(node: ast.AST) -> list[str]:
    """Write the versions of a sum of strings; sentences that only follow one another are listed by themselves."""
    parts = _parts(node)
    groups: list[list[list[str]]] = [[]]
    for part in parts:
        has_ended = bool(groups[-1]) and all(one.endswith(ENDS) or not one for one in groups[-1][-1])
        begins = all((one.startswith((" ", "\n")) and one[1:2].isupper()) or not one for one in part)
        if has_ended or (groups[-1] and begins):
            groups.append([])
        groups[-1].append(part)
    found: list[str] = []
    for group in groups:
        count = 1
        for part in group:
            count *= max(1, len(part))
        found += ["".join(one) for one in product(*group)] if count <= MOST else [one for part in group for one in part]
    return found


def _parts(node: ast.AST) -> list[list[str]]:
    """List the summands, each as its versions."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return [*_parts(node.left), *_parts(node.right)]
    return [_versions(node)]


def _versions(node: ast.AST) -> list[str]:
    """List what an expression can be as a string, HOLE where that is open."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    if isinstance(node, ast.IfExp):
        return list(dict.fromkeys([*_versions(node.body), *_versions(node.orelse)]))
    if isinstance(node, ast.FormattedValue):
        return _versions(node.value) if isinstance(node.value, ast.IfExp) else [HOLE]
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _join([_versions(node.left), _versions(node.right)])
    if isinstance(node, ast.JoinedStr):
        return _join([_versions(value) for value in node.values])
    return [HOLE]


def _join(parts: list[list[str]]) -> list[str]:
    """Combine versions of parts that follow one another; too many of them are one open part."""
    count = 1
    for part in parts:
        count *= len(part)
    if count > MOST:
        parts = [part if len(part) == 1 else [HOLE] for part in parts]
    return ["".join(one) for one in product(*parts)]
