"""Options of the command line: numbers within bounds, which the page shares, and errors of one line."""

import argparse
import sys
from collections.abc import Callable
from typing import NoReturn

SWAPPED = (-1, 2)
"""Least and most strength of an expression that is put on another face."""
DRIVEN = (0, 2)
"""Least and most strength of a clip's movements that come over."""


class OneLine(argparse.ArgumentParser):
    """A parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and end with 2."""
        print(f"error: {one_line(message)} (see {self.prog} --help)", file=sys.stderr)
        raise SystemExit(2)


def fraction(least: float, most: float) -> Callable[[str], float]:
    """Make the type of an option that is a fraction between two numbers; nan and inf are none."""

    def read(word: str) -> float:
        """Read a word; argparse says the error."""
        try:
            number = float(word)
        except ValueError:
            number = float("nan")
        if not least <= number <= most:
            raise argparse.ArgumentTypeError(f"{word!r} is no number from {least:g} to {most:g}")
        return number

    return read


def whole(least: int, most: int) -> Callable[[str], int]:
    """Make the type of an option that is a whole number between two."""

    def read(word: str) -> int:
        """Read a word; argparse says the error."""
        digits = word.removeprefix("-")
        number = int(word) if digits.isascii() and digits.isdigit() and len(digits) < 20 else most + 1
        if not least <= number <= most:
            raise argparse.ArgumentTypeError(f"{word[:40]!r} is no whole number from {least} to {most}")
        return number

    return read


def printable(text: object) -> str:
    """Show letters that would steer a terminal as codes, such as those of a file's name."""
    return "".join(c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in str(text))


def one_line(text: object) -> str:
    """Show line breaks as codes too, such as those of a word of the command line."""
    return printable(text).replace("\n", "\\n")
