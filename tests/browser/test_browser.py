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


def test_a_dot_is_reached_by_keys_and_shown_with_its_neighbours(page):
    open_tab(page, "Maps")
    canvas, card = page.locator("#map canvas").first, page.locator("#map .card")
    expect(page.locator("#map canvas")).to_have_count(3)
    before = source(page, "#chosen")
    canvas.focus()
    canvas.press("ArrowLeft")
    expect(card).to_contain_text("Person", timeout=20_000)  # the app, just started, draws its examples beside
    canvas.press("Enter")
    changed(page, "#chosen", before)
    expect(page.locator("#map-near img")).to_have_count(12, timeout=20_000)
    page.locator("#map .factor").select_option("smile")
    expect(page.locator("#map .legend")).to_contain_text("smile")


def test_a_pointer_picks_a_dot(page):
    open_tab(page, "Maps")
    before, card = source(page, "#chosen"), page.locator("#map .card")
    box = page.locator("#map canvas").first.bounding_box()
    for share in range(1, 40):  # along the diagonal until a dot is near
        at = (box["x"] + box["width"] * share / 40, box["y"] + box["height"] * share / 40)
        page.mouse.move(*at)
        if card.is_visible():
            break
    expect(card).to_be_visible()
    page.mouse.click(*at)
    changed(page, "#chosen", before)


def test_a_selection_is_lit_on_all_maps_decoded_and_kept_as_a_group(page):
    open_tab(page, "Maps")
    ink = """() => [...document.querySelectorAll('#map canvas')].map((canvas) => {
      const seen = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
      return seen.reduce((sum, value, i) => sum + (i % 4 < 3 && value !== 150 ? value : 0), 0);
    })"""
    canvas = page.locator("#map canvas").first
    before = page.evaluate(ink)
    canvas.focus()
    canvas.press("l")
    expect(page.locator("#map .said")).to_contain_text("50 pictures")
    expect(page.locator("#map-spread")).to_contain_text("Direction 2", timeout=20_000)
    expect(page.locator("#map-viewer .face")).to_have_attribute(
        "aria-label", re.compile("^Average of 50 pictures"), timeout=20_000
    )
    assert all(now < was for now, was in zip(page.evaluate(ink), before, strict=True))
    with page.expect_download() as download:
        page.locator("#map-export [data-kind=csv]").click()
    lines = download.value.path().read_text().splitlines()
    assert len(lines) == 52 and "umap identity x" in lines[1] and "explorer" in lines[0]
    page.locator("#map .keep-a").click()
    expect(page.locator("#map-groups")).to_contain_text("A holds 50", timeout=20_000)
    page.locator("#map .many").fill("20")
    page.locator("#map .near").click()
    page.locator("#map .keep-b").click()
    expect(page.locator("#map-groups")).to_contain_text("B holds 20", timeout=20_000)
    page.locator("#map-direction input[type=number]").fill("1")
    expect(page.locator("#map-viewer .face")).to_have_attribute("aria-label", re.compile("from A to B"), timeout=20_000)
    canvas.focus()
    canvas.press("Escape")
    expect(page.locator("#map .clear")).to_be_disabled()


def test_only_some_faces_stay_lit(page):
    open_tab(page, "Maps")
    page.locator("#map .person").fill("999999")
    expect(page.locator("#map .within")).to_have_text("There is no person 999999.")
    page.locator("#map .person").fill("0")
    expect(page.locator("#map .within")).to_contain_text("pictures")
    page.locator("#map .person").fill("")
    expect(page.locator("#map .within")).to_be_empty()


def test_a_photo_is_a_star_on_the_maps(page, photos):
    open_tab(page, "Maps")
    page.locator("#map-photo input[type=file]").set_input_files(photos["one.jpg"])
    expect(page.locator("#map-photo")).to_contain_text("Photo 1", timeout=20_000)
    page.get_by_role("button", name="Does my identity stay put when I smile?").click()
    expect(page.locator("#steady-photos")).to_contain_text("Photo 1", timeout=20_000)
    page.locator("#steady-ask").click()
    expect(page.locator("#steady-words")).to_contain_text("two or more photos", timeout=20_000)


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
