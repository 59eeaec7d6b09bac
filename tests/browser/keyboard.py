"""What the walks by keyboard alone share."""

from pathlib import Path

import pytest
from playwright.sync_api import Page

ACCESSIBLE = (Path(__file__).parent / "accessible.js").read_text().partition("\n")[2]
LOOKS, SETTLED = 20, 300
"""How often it is looked again, and after how many milliseconds: a busy machine draws the other theme late."""


def focus_by_tab(page: Page, selector: str, most: int = 160) -> None:
    """Press Tab until an element has the focus."""
    for _ in range(most):
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
        page.keyboard.press("Tab")
    pytest.fail(f"Tab does not reach {selector}")


def check_accessible(page: Page, scope: str) -> None:
    """Controls of a part of the page have names, and its words are dark enough, in the light and the dark theme."""
    for theme in ("light", "dark"):
        page.evaluate("isDark => document.body.classList.toggle('dark', isDark)", theme == "dark")
        found: list[str] = []
        for _ in range(LOOKS):
            page.wait_for_timeout(SETTLED)
            found = page.evaluate(ACCESSIBLE, scope)
            if not found:
                break
        if found:
            pytest.fail(f"{scope}, {theme}: {found}")
    page.evaluate("document.body.classList.remove('dark')")


def check_width(page: Page, what: str) -> None:
    """The page does not scroll sideways."""
    wide = page.evaluate("document.scrollingElement.scrollWidth - innerWidth")
    assert wide <= 0, f"{what} scrolls sideways by {wide} pixels"
