"""What a question of tab Predict is made of: what is asked, and the answer that the model works out."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.quiz.sheet import Sheet

Pictures = list[dict[str, str]]
"""Pictures with captions, each {"src", "label"}."""


@dataclass(frozen=True)
class Choice:
    """One thing to predict."""

    id: str
    words: str
    src: str = ""
    """A picture beside the words, a data address."""


@dataclass(frozen=True)
class Asked:
    """A question as the page shows it before anything is revealed."""

    words: str
    """What was done, and what is asked."""
    choices: Sequence[Choice]
    """In the order in which they stand."""
    pictures: Pictures = field(default_factory=list)

    def page(self) -> dict[str, Any]:
        """Write it for the page."""
        return {"words": self.words, "pictures": self.pictures, "choices": [vars(choice) for choice in self.choices]}


@dataclass(frozen=True)
class Answer:
    """What the model works out."""

    choice: str
    """Id of the choice that holds."""
    why: str
    """One sentence, or two."""
    proof: str
    """What the pictures or the bars show."""
    pictures: Pictures = field(default_factory=list)
    bars: list[dict[str, Any]] = field(default_factory=list)
    """Numbers beside each other, see `bar`."""

    def page(self) -> dict[str, Any]:
        """Write it for the page."""
        return {name: getattr(self, name) for name in ("choice", "why", "proof", "pictures", "bars")}


@dataclass(frozen=True)
class Question:
    """One question."""

    id: str
    """In the page's address."""
    title: str
    ask: Callable[[Sheet], Asked]
    answer: Callable[[Sheet], Answer]


def bar(label: str, value: float, most: float, text: str) -> dict[str, Any]:
    """Make one bar.

    Args:
        label: What it is of.
        value: Its number.
        most: The number that fills the whole width.
        text: The number as it is read.
    """
    share = max(0.0, min(1.0, value / most)) if most > 0 else 0.0
    return {"label": label, "share": round(share, 4), "text": text}


def mixed(choices: Sequence[Choice], sheet: Sheet, question: str) -> list[Choice]:
    """Put choices in an order that the face decides, so that the right one stands anywhere, yet always there."""

    def place(choice: Choice) -> bytes:
        """Give what the order goes by."""
        return hashlib.sha256(f"{sheet.key}{question}{choice.id}".encode()).digest()

    return sorted(choices, key=place)
