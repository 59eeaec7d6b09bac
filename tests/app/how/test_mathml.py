"""Formulas: what is written comes out as well-formed MathML, and nonsense is refused."""

from xml.etree import ElementTree

import pytest

from app.how.mathml import math


def drawn(tex: str) -> ElementTree.Element:
    return ElementTree.fromstring(math(tex).replace("&#8289;", ""))


def test_scripts_fractions_and_roots():
    assert math("x_t^2") == (
        '<math display="block"><mrow><msubsup><mi>x</mi><mi>t</mi><mn>2</mn></msubsup></mrow></math>'
    )
    found = drawn(r"\frac{a + 1}{\sqrt{b}} = -2.50")
    assert [one.tag for one in found.iter()] == [
        "math", "mrow", "mfrac", "mrow", "mi", "mo", "mn", "mrow", "msqrt", "mrow", "mi", "mo", "mo", "mn",
    ]  # fmt: skip
    assert "".join(found.itertext()) == "a+1b=−2.50"


def test_names_signs_words_and_braces():
    assert "".join(drawn(r"\max ( \bar{\alpha}_t, \text{side of <x>} ) \in \{ s, f \}").itertext()) == (
        "max(α¯t,side of <x>)∈{s,f}"
    )
    assert '<mrow class="bold"><mi>n</mi></mrow>' in math(r"\b n")


@pytest.mark.parametrize("tex", [r"\script{x}", "{a", "a}", r"\frac{a}", "x_", "x_1}"])
def test_nonsense_is_refused(tex):
    with pytest.raises(ValueError, match="formula|brace"):
        math(tex)
