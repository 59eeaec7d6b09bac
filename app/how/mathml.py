r"""Formulas as MathML, which browsers draw by themselves, from the small part of TeX's notation that the page needs.

Letters, numbers and signs; `_`, `^` and braces (drawn: \{ and \}); \frac{}{}, \sqrt{}, \hat{}, \bar{}, \b{} (bold),
\text{}; names of SIGNS.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

SIGNS = {
    "alpha": "α", "beta": "β", "sigma": "σ", "epsilon": "ε", "theta": "θ", "pi": "π", "Lambda": "Λ", "Pi": "Π",
    "partial": "∂", "cdot": "·", "times": "×", "le": "≤", "approx": "≈", "to": "→", "sum": "∑", "perp": "⊥",
    "circ": "°", "mid": "|", "in": "∈", "top": "⊤", "quad": "\u2003", "norm": "‖", "minus": "−",
}  # fmt: skip
"""Commands that are one sign."""
NAMES = ("max", "min", "tanh", "log", "exp", "cos", "mean", "normalise")
"""Commands that are a function's name."""
_TOKEN = re.compile(r"\\text\{[^}]*\}|\\[A-Za-z]+|\\[{}]|\d+(?:\.\d+)?|[A-Za-z]|[^\sA-Za-z\d]")
_ACCENTS = {"hat": "^", "bar": "¯"}


def math(tex: str) -> str:
    """Write a formula as a MathML element.

    Args:
        tex: The formula.

    Raises:
        ValueError: An unknown command, or braces that do not match.
    """
    tokens = _Tokens(_TOKEN.findall(tex))
    body = _row(tokens, None)
    return f'<math display="block">{body}</math>'


class _Tokens:
    """Tokens with one to look ahead."""

    def __init__(self, tokens: list[str]):
        self._rest: Iterator[str] = iter(tokens)
        self.next: str | None = next(self._rest, None)

    def take(self) -> str:
        """Give the next token.

        Raises:
            ValueError: There is none.
        """
        taken = self.next
        if taken is None:
            raise ValueError("the formula ends too early")
        self.next = next(self._rest, None)
        return taken


def _row(tokens: _Tokens, end: str | None) -> str:
    """Write everything up to a closing brace, or to the end."""
    parts = []
    while tokens.next != end:
        parts.append(_with_scripts(tokens))
    if end is not None:
        tokens.take()
    return f"<mrow>{''.join(parts)}</mrow>"


def _with_scripts(tokens: _Tokens) -> str:
    """Write one part with what stands below and above it."""
    base, scripts = _part(tokens), {}
    while tokens.next in ("_", "^"):
        where = tokens.take()
        scripts[where] = _part(tokens)
    if len(scripts) == 2:
        return f"<msubsup>{base}{scripts['_']}{scripts['^']}</msubsup>"
    if "_" in scripts:
        return f"<msub>{base}{scripts['_']}</msub>"
    return f"<msup>{base}{scripts['^']}</msup>" if scripts else base


def _part(tokens: _Tokens) -> str:
    """Write one part: a group, a command, a number, a letter or a sign."""
    token = tokens.take()
    if token == "{":
        return _row(tokens, "}")
    if token == "}":
        raise ValueError("a brace is closed that was not opened")
    if token.startswith("\\text{"):
        return f"<mtext>{html.escape(token[6:-1])}</mtext>"
    if token.startswith("\\"):
        return _command(token[1:], tokens)
    if token[0].isdigit():
        return f"<mn>{token}</mn>"
    return f"<mi>{token}</mi>" if token.isalpha() else f"<mo>{html.escape('−' if token == '-' else token)}</mo>"


def _command(name: str, tokens: _Tokens) -> str:
    """Write a command and what belongs to it."""
    if name in "{}":
        return f"<mo>{name}</mo>"
    if name == "frac":
        return f"<mfrac>{_part(tokens)}{_part(tokens)}</mfrac>"
    if name == "sqrt":
        return f"<msqrt>{_part(tokens)}</msqrt>"
    if name == "b":
        return f'<mrow class="bold">{_part(tokens)}</mrow>'
    if name in _ACCENTS:
        return f'<mover accent="true">{_part(tokens)}<mo stretchy="false">{_ACCENTS[name]}</mo></mover>'
    if name in NAMES:
        return f"<mi>{name}</mi><mo>&#8289;</mo>"
    if name not in SIGNS:
        raise ValueError(f"the formula has an unknown command: \\{name}")
    sign = SIGNS[name]
    return f"<mi>{sign}</mi>" if sign.isalpha() else f"<mo>{sign}</mo>"
