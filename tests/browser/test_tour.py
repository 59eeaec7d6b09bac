"""The tour in a browser, with the keyboard alone, on a desktop and on a phone."""

import pytest
from playwright.sync_api import Page, expect

from app.tour import STOPS
from tests.browser.keyboard import check_accessible, check_width, focus_by_tab
from tests.browser.watched import DESKTOP, PHONE, Watched

pytestmark = [pytest.mark.browser, pytest.mark.slow]
PATIENCE = 60_000
COVERED = """() => {
  const panel = document.querySelector('#tour .panel').getBoundingClientRect();
  const target = document.querySelector('.toured')?.getBoundingClientRect();
  if (!target) return { beside: false, share: 0 }; // framed again just now
  const low = panel.left < 40 ? panel.top : innerHeight; // on a phone the panel lies below, else beside
  const seen = Math.min(target.bottom, low) - Math.max(0, target.top);
  const beside = target.right <= panel.left || panel.left < 40;
  return { beside, share: seen / Math.min(target.height, low) };
}"""


def framed(page: Page) -> None:
    """Wait until the stop's part is framed, and is seen beside or above the panel."""
    expect(page.locator(".toured")).to_have_count(1, timeout=PATIENCE)
    page.wait_for_function(f"() => {{ const found = ({COVERED})(); return found.beside && found.share > 0.7; }}")


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_the_tour_by_keyboard(browser, app, viewport):
    watched = Watched(browser, app.url, viewport, reduced_motion="reduce")
    page, panel = watched.page, watched.page.locator("#tour .panel")
    assert panel.is_hidden()  # it never opens by itself
    focus_by_tab(page, "#tour .start")
    page.keyboard.press("Enter")
    expect(panel).to_be_focused()
    for number, stop in enumerate(STOPS):
        expect(panel.locator("h3")).to_have_text(stop.title)
        expect(panel.locator(".at")).to_contain_text(f"Stop {number + 1} of {len(STOPS)}")
        framed(page)
        assert page.locator(".toured").evaluate("(one, target) => one.matches(target)", stop.target), stop.target
        assert f"tour={number + 1}" in page.url
        check_width(page, stop.title)
        assert page.evaluate("document.querySelector('#tour .panel').contains(document.activeElement)")
        if number in (0, 5):
            check_accessible(page, "#tour .panel")
        if number == 2:
            page.keyboard.press("ArrowLeft")
            expect(panel.locator("h3")).to_have_text(STOPS[1].title)
            page.keyboard.press("ArrowRight")
            expect(panel.locator("h3")).to_have_text(stop.title)
            framed(page)
        if number == 3:
            focus_by_tab(page, "#tour .next")
        if number < len(STOPS) - 1:
            page.keyboard.press("Enter" if number >= 3 else "ArrowRight")
    page.keyboard.press("ArrowRight")  # no stop after the last
    expect(panel.locator("h3")).to_have_text(STOPS[-1].title)
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    expect(page.locator("#tour .start")).to_be_focused()
    assert "tour=" not in page.url and page.locator(".toured").count() == 0
    if page.locator("#failures-stop").is_visible():
        page.locator("#failures-stop").press("Enter")
    assert watched.quiet(), watched.errors
    page.context.close()


def test_a_link_opens_a_stop_and_tabs_opened_by_hand_do_not_confuse_it(browser, app):
    watched = Watched(browser, app.url + "#tab=swap&tour=6", DESKTOP, reduced_motion="reduce")
    page, panel = watched.page, watched.page.locator("#tour .panel")
    expect(panel.locator("h3")).to_have_text("A map of faces", timeout=PATIENCE)
    framed(page)
    page.get_by_role("tab", name="Reconstruct").click()
    expect(page.get_by_role("tab", name="Reconstruct")).to_have_attribute("aria-selected", "true")
    panel.locator(".back").press("Enter")
    framed(page)
    page.get_by_role("tab", name="Reconstruct").click()
    panel.locator(".next").press("Enter")  # the tab that was open before, asked for again
    expect(page.get_by_role("tab", name="Maps")).to_have_attribute("aria-selected", "true", timeout=PATIENCE)
    framed(page)
    panel.locator(".skip").press("Enter")
    expect(panel).to_be_hidden()
    page.evaluate("location.hash = 'tab=how&tour=4'")
    expect(panel.locator("h3")).to_have_text("A person out of noise", timeout=PATIENCE)
    framed(page)
    assert watched.quiet(), watched.errors
    page.context.close()
