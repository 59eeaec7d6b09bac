"""The app as a visitor meets it: Debian's chromium, driven by Playwright."""

import re

import pytest
from playwright.sync_api import Page, expect

from app.tabs import TABS
from latentface.detection import detector_problem
from tests.browser.watched import DESKTOP, PHONE, Watched, open_tab

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def desktop(app, browser) -> Watched:
    """One page for all tests of this file, so that the 3D viewer starts once."""
    return Watched(browser, app.url, DESKTOP)


@pytest.fixture(scope="module")
def page(desktop) -> Page:
    return desktop.page


def source(page: Page, selector: str, index: int = 0) -> str:
    return page.locator(f"{selector} img").nth(index).get_attribute("src")


def changed(page: Page, selector: str, before: str, index: int = 0) -> None:
    expect(page.locator(f"{selector} img").nth(index)).not_to_have_attribute("src", before, timeout=20_000)


def test_the_map_shows_faces(page):
    open_tab(page, "Maps")
    canvas = page.locator("#map canvas")
    expect(canvas).to_be_visible()
    expect(page.locator("#map .near img")).to_have_count(5)
    before = source(page, "#chosen")
    canvas.focus()
    canvas.press("ArrowLeft")
    expect(page.locator("#map .tip")).to_be_visible()
    expect(page.locator("#map .tip")).to_contain_text("Person")
    canvas.press("Enter")
    changed(page, "#chosen", before)
    before = source(page, "#chosen")
    page.locator("#map .near button").last.click()
    changed(page, "#chosen", before)
    page.locator("#map .factor").select_option("smile")
    expect(page.locator("#map .legend")).to_contain_text("smile")


def test_a_pointer_picks_a_dot(page):
    open_tab(page, "Maps")
    before, box = source(page, "#chosen"), page.locator("#map canvas").bounding_box()
    tip = page.locator("#map .tip")
    for share in range(1, 20):  # along the diagonal until a dot is near
        at = (box["x"] + box["width"] * share / 20, box["y"] + box["height"] * share / 20)
        page.mouse.move(*at)
        if tip.is_visible():
            break
    expect(tip.locator("img")).to_be_visible()
    page.mouse.click(*at)
    changed(page, "#chosen", before)


def test_a_photo_is_put_on_the_map(page, photos):
    open_tab(page, "Maps")
    before = page.locator("#map .near").inner_html()
    page.locator("#map-photo input[type=file]").set_input_files(photos["one.jpg"])
    page.wait_for_function("before => document.querySelector('#map .near').innerHTML !== before", arg=before)


def test_a_number_of_the_comparison_and_its_charts(page):
    open_tab(page, "Compare")
    expect(page.locator("#blocks .plot .bars .point").first).to_be_visible(timeout=20_000)
    page.locator('#compare button[data-row="2"][data-method="explorer"]').click()
    expect(page.locator("#errors .plot")).to_have_attribute("aria-label", "Similarity of pairs", timeout=20_000)
    page.locator("#errors").scroll_into_view_if_needed()
    box = page.locator("#errors .nsewdrag").bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(page.locator("#said")).to_contain_text("With the threshold moved by", timeout=20_000)


def test_charts_follow_the_theme(page):
    open_tab(page, "Training")
    words = page.locator("#rdm-curve .xtitle")
    expect(words).to_be_visible(timeout=20_000)
    light = words.evaluate("text => getComputedStyle(text).fill")
    page.evaluate("document.body.classList.add('dark')")
    page.wait_for_function(
        "before => getComputedStyle(document.querySelector('#rdm-curve .xtitle')).fill !== before", arg=light
    )
    page.evaluate("document.body.classList.remove('dark')")
    page.get_by_label("Stage 2: the diffusion model").click()
    page.get_by_role("option", name="Loss", exact=True).click()
    expect(page.locator("#rdm-curve .plot")).to_have_attribute("aria-label", "Loss", timeout=20_000)


def test_a_detector_that_is_missing_says_so_and_the_other_stays(page):
    if detector_problem("face-alignment") is None:
        pytest.skip("the detector's weights are here")
    open_tab(page, "Reconstruct")
    page.get_by_role("button", name="Advanced").click()
    page.locator("#detector label").nth(1).click()
    expect(page.locator("#detector-said")).to_contain_text("face-alignment", timeout=20_000)
    expect(page.locator("#detector input").nth(0)).to_be_checked(timeout=20_000)


def test_nothing_was_asked_of_other_machines_and_nothing_complained(desktop):
    assert desktop.quiet(), (desktop.errors, desktop.hosts)


def test_another_visitor_on_a_phone_sees_their_own_face_and_every_tab_without_sideways_scrolling(app, browser):
    phone = Watched(browser, app.url, PHONE)
    stage = phone.page.locator("#stage .face")
    expect(stage).to_have_attribute("aria-label", re.compile("^Example 1,"))  # not the other visitor's face
    for tab in TABS:
        open_tab(phone.page, tab.name)
        phone.page.wait_for_timeout(300)
        assert phone.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), tab.name
    parts = "[...document.querySelectorAll('#map select, #map canvas')]"
    wide = f"{parts}.every(e => e.getBoundingClientRect().right <= innerWidth)"
    assert phone.page.evaluate(wide)
    assert phone.quiet(), (phone.errors, phone.hosts)
    phone.page.context.close()
