"""Terms of the glossary within the page's sentences: dotted, and explained where the pointer, the keyboard or a tap is.

`[[cosine]]` in a sentence marks a term, `[[cosine|by cosine]]` shows other words for it.
"""

from __future__ import annotations

import re
from html import escape

import gradio as gr

from app.components.files import text
from latentface.glossary import glossary

_MARKED = re.compile(r"\[\[([^\]|]+)(?:\|([^\]]+))?\]\]")


def explained(sentences: str) -> str:
    """Write sentences with marked terms as HTML, which Markdown takes too; the rest stays as it is.

    Raises:
        KeyError: A marked term is not in the glossary.
    """
    return _MARKED.sub(lambda found: term(found[1], found[2]), sentences)


def term(name: str, shown: str | None = None) -> str:
    """Write one term as HTML.

    Args:
        name: As the glossary has it; a capital at its beginning counts for nothing.
        shown: Other words for it.

    Raises:
        KeyError: It is not in the glossary.
    """
    known = glossary()
    key = name if name in known else name[:1].lower() + name[1:]
    meaning = escape(known[key], quote=True)
    return f'<span class="term" tabindex="0" data-meaning="{meaning}">{escape(shown or name, quote=False)}</span>'


def explained_text(sentences: str, elem_id: str | None = None) -> gr.Markdown:
    """Add sentences of our own with marked terms; a later value is what `explained` gives.

    Args:
        sentences: Markdown; nothing that a visitor or a file has written.
        elem_id: Its id on the page.
    """
    return gr.Markdown(explained(sentences), elem_id=elem_id, elem_classes="about", sanitize_html=False)


def term_notes() -> None:
    """Add what shows the meanings; once in every tab that has marked terms."""
    gr.HTML("", js_on_load=text("terms.js"), apply_default_css=False, elem_classes="unseen")
