"""The Swap tab in a browser: one line of A, B and result, the strength, the switches, the grid; on a phone too."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.watched import DESKTOP, PHONE, Watched

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def page(browser, app) -> Page:
    return Watched(browser, app.url, DESKTOP).page


def source(page: Page, selector: str) -> str:
    return page.locator(f"{selector} img").first.get_attribute("src") or ""


def changed(page: Page, selector: str, before: str) -> None:
    expect(page.locator(f"{selector} img").first).not_to_have_attribute("src", before, timeout=20_000)


def open_swap(page: Page) -> None:
    page.get_by_role("tab", name="Swap").click()
    expect(page.locator("#swapped img")).to_be_visible()


def test_swap(page):
    open_swap(page)
    expect(page.locator("#swapped img")).to_have_count(1)
    before, numbers = source(page, "#swapped"), page.locator("#swap-numbers").inner_text()
    page.locator("#photo-b .examples button").nth(3).click()
    changed(page, "#swapped", before)
    expect(page.locator("#swap-numbers")).not_to_have_text(numbers, timeout=20_000)
    before = source(page, "#swapped")
    page.locator("#strength input[type=range]").fill("2")
    changed(page, "#swapped", before)
    before, rebuilt = source(page, "#swapped"), source(page, "#rebuilt")
    page.locator("#turn").click()
    changed(page, "#rebuilt", rebuilt)
    changed(page, "#swapped", before)
    before = source(page, "#swapped")
    page.locator("#whose button").first.click()
    page.locator("#whose-shape-identity").get_by_text("B", exact=True).click()
    changed(page, "#swapped", before)
    expect(page.locator("#swapped figcaption")).to_have_text("A and B, mixed as below")


def test_a_strength_typed_beyond_the_end_is_brought_back_with_a_word(page):
    open_swap(page)
    before = source(page, "#swapped")
    page.locator("#strength .marks button").nth(1).click()
    changed(page, "#swapped", before)
    expect(page.locator("#strength .range")).to_have_value("0")
    before = source(page, "#swapped")
    page.locator("#strength .number").fill("9")
    page.keyboard.press("Enter")
    expect(page.locator("#strength .said")).to_have_text("This goes from -1 to 2: 2 is taken.")
    expect(page.locator("#strength .number")).to_have_value("2")
    changed(page, "#swapped", before)


def test_on_a_phone_the_swap_stays_in_view_while_faces_and_strength_change(browser, app):
    page = Watched(browser, app.url, PHONE).page
    open_swap(page)
    page.locator("#photo-b .examples button").nth(4).scroll_into_view_if_needed()
    before = source(page, "#swapped")
    page.locator("#photo-b .examples button").nth(4).click()
    changed(page, "#swapped", before)
    for part in ("#swapped img", "#strength .range"):
        expect(page.locator(part)).to_be_in_viewport(ratio=0.99)
    page.close()


def test_a_grid_of_swaps_is_drawn_and_handed_over(page):
    open_swap(page)
    page.locator("#grid button").first.click()
    page.locator("#grid-picker .down button[aria-pressed=true]").first.click()  # one less
    expect(page.locator("#grid-picker .draw")).to_have_text("Draw the grid: 2 × 3")
    expect(page.locator("#grid-download")).to_be_disabled()
    page.locator("#grid-picker .draw").click()
    expect(page.locator("#grid-status")).to_contain_text("6 swaps at strength", timeout=60_000)
    expect(page.locator("#grid-table tbody td img")).to_have_count(6)
    expect(page.locator("#grid-table th img")).to_have_count(5)
    with page.expect_download() as download:
        page.locator("#grid-download").click()
    assert download.value.suggested_filename.endswith(".png")
