"""The terms of the project and what they mean, read from glossary.md beside this file, their one place."""

from functools import cache
from pathlib import Path

from latentface.checkpoints import PACKAGE

GLOSSARY = PACKAGE / "glossary.md"


@cache
def glossary(file: Path = GLOSSARY) -> dict[str, str]:
    """Read the terms.

    Args:
        file: Markdown whose tables have the columns term and meaning; other tables are passed over.

    Returns:
        Term -> meaning, without Markdown's marks; terms of one line, parted by commas, each with its meaning.
    """
    found: dict[str, str] = {}
    is_terms = False
    for line in file.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")] if line.startswith("|") else []
        if cells[:2] == ["term", "meaning"]:
            is_terms = True
        elif len(cells) != 2:
            is_terms = False
        elif is_terms and not cells[0].startswith("-"):
            meaning = cells[1].replace("`", "").replace("*", "")
            found |= dict.fromkeys(cells[0].split(", "), meaning)
    return found
