"""Holds a catalogue against the sentences of the sources."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

_PARTS, _MARKS = re.compile(r"\{\d+\}"), re.compile(r"</?\d+>")


@dataclass(frozen=True)
class Problems:
    """What is wrong with a catalogue, sentences by their English."""

    missing: list[str]
    """No translation, or an empty one."""
    stale: list[str]
    """No source has them."""
    unlike: list[str]
    """The translation has other parts or marks."""

    def __bool__(self) -> bool:
        """Tell whether there is anything."""
        return bool(self.missing or self.stale or self.unlike)


def problems(catalogue: dict[str, str], found: Collection[str], allowed: Collection[str]) -> Problems:
    """List what is wrong.

    Args:
        catalogue: English -> translation.
        found: Sentences that must be there.
        allowed: Those, and short words that may.
    """
    missing = [sentence for sentence in found if not catalogue.get(sentence, "").strip()]
    stale = [sentence for sentence in catalogue if sentence not in allowed]
    unlike = [sentence for sentence, said in catalogue.items() if not _alike(sentence, said)]
    return Problems(missing, stale, unlike)


def _alike(sentence: str, said: str) -> bool:
    """Tell whether a translation has the marks of its sentence, and parts of it alone: a plural's may go."""
    parts, marks = set(_PARTS.findall(said)), sorted(_MARKS.findall(said))
    return parts <= set(_PARTS.findall(sentence)) and marks == sorted(_MARKS.findall(sentence))
