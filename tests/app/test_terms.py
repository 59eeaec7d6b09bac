"""Terms of the glossary on the page: where they come from, how they are written, and that all marked ones are there."""

import re
from pathlib import Path

import pytest

from app.components.comparison_table import TERMS
from app.components.terms import explained, term
from latentface.glossary import GLOSSARY, glossary
from latentface.results import MEASURES
from tests.helpers import ROOT

MARKED = re.compile(r"\[\[([^\]|\n]+)(?:\|[^\]\n]+)?\]\]|\bterm\('([^']+)'|\bterm\(\"([^\"]+)\"")

USES = "from app.components.terms import"


def marked(file: Path) -> list[str]:
    return [name for found in MARKED.findall(file.read_text()) for name in found if name]


def test_every_marked_term_of_the_app_is_in_the_glossary():
    files = [file for file in (ROOT / "app").rglob("*.py") if USES in file.read_text()]
    found = [(file.name, name) for file in files for name in marked(file)]
    assert {"compare.py", "disentangle.py", "maps.py", "matrix.py", "evidence.py"} <= {file for file, _ in found}
    assert [pair for pair in found if pair[1] not in glossary()] == []


def test_every_measure_of_the_comparison_is_explained():
    assert set(TERMS) == set(MEASURES)
    for measure, name in TERMS.items():
        assert name in glossary() and name in MEASURES[measure][0]


def test_the_glossary_holds_the_terms_and_not_the_old_words():
    known = glossary()
    assert GLOSSARY == ROOT / "latentface" / "glossary.md"
    assert known["identity"] == known["expression"] and known["chance"] == "what guessing reaches on the same data"
    assert "gather" not in known and "term" not in known and not any("`" in words for words in known.values())


def test_a_term_is_written_as_html_that_the_keyboard_reaches():
    made = explained("by [[cosine|likeness]] & [[HSIC]]")
    assert made.count('tabindex="0"') == 2 and ">likeness</span> & " in made and ">HSIC</span>" in made
    assert 'data-meaning="' in term("Chance") and ">Chance<" in term("Chance")
    with pytest.raises(KeyError):
        explained("[[no such word]]")


def test_a_table_ends_the_list_of_terms(tmp_path):
    file = tmp_path / "g.md"
    file.write_text(
        "| term | meaning |\n|---|---|\n| a, b | one `x` |\n\n| old | where | now |\n|---|---|---|\n| c | d | e |\n"
    )
    assert glossary(file) == {"a": "one x", "b": "one x"}
    file = tmp_path / "h.md"
    file.write_text('| term | meaning |\n|---|---|\n| q | "quoted" <b> |\n')
    assert glossary(file) == {"q": '"quoted" <b>'}
