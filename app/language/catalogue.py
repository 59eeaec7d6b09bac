"""Catalogues of sentences, and how a page gets them: by a script that puts them in the place of the English."""

from __future__ import annotations

import html
import json
import re
from functools import cache
from pathlib import Path

import gradio as gr

from app.components.files import address, text

FOLDER = Path(__file__).parent
_PART = re.compile(r"\{\d+\}|</?\d+>")


@cache
def catalogue(file: Path) -> dict[str, dict[str, str]]:
    """Read a catalogue: `language` with its name and lang, `terms`, and `sentences` by their English."""
    return json.loads(file.read_text(encoding="utf-8"))


def files() -> dict[str, Path]:
    """List the catalogues by the code of their language, such as "zh"."""
    return {file.stem: file for file in sorted(FOLDER.glob("*.json"))}


@cache
def script() -> str:
    """Write the script of a page of gradio; the catalogues become static files, fetched where one is chosen."""
    gr.set_static_paths(list(files().values()))
    return _script({code: catalogue(file)["language"] | {"address": address(file)} for code, file in files().items()})


def with_languages(page: str) -> str:
    """Give a plain page, served where no file can be, the script and the sentences that it needs.

    Args:
        page: Its whole HTML.
    """
    held, words = {}, html.unescape(page)
    for code, file in files().items():
        sentences = {
            english: said
            for english, said in catalogue(file)["sentences"].items()
            if all(part.strip(" .")[1:] in words for part in _PART.split(english))
        }
        held[code] = catalogue(file)["language"] | {"sentences": sentences}
    return page.replace("<body", _script(held) + "<body", 1)


def _script(languages: dict[str, dict]) -> str:
    """Write the script with what it knows of every language."""
    known = json.dumps(languages, ensure_ascii=False).replace("<", "\\u003c")
    return f"<script>\n{{\nconst LANGUAGES = {known};\n{text('language.js')}}}\n</script>"
