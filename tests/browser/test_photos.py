"""Photos as people bring them, faces taken along, and links, driven in a real browser."""

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser.test_browser import open_tab
from tests.browser.watched import DESKTOP, PHONE, Watched

pytestmark = pytest.mark.browser
WAIT = 40_000


@pytest.fixture(scope="module")
def desktop(app, browser) -> Watched:
    return Watched(browser, app.url, DESKTOP)


@pytest.fixture(scope="module")
def page(desktop) -> Page:
    return desktop.page


def bring(page: Page, file, box: str = "#photo") -> None:
    page.locator(f"{box} input[type=file]").set_input_files(file)


def status(page: Page, words: str, box: str = "#photo") -> None:
    expect(page.locator(f"{box} .status")).to_contain_text(words, timeout=WAIT)


def test_an_upload_is_sent_and_read_once(page, photos):
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    bring(page, photos["one.jpg"])
    status(page, "Photo 1. 1 face found.")
    expect(page.locator("#chips .chip")).to_have_count(1, timeout=WAIT)
    page.wait_for_timeout(1500)
    assert sum("/upload" in url for url in asked) == 1
    expect(page.locator("#chips .name")).to_have_text(["Photo 1"])


def test_an_upside_down_photo_is_turned_and_said_on_the_result(page, photos, tmp_path):
    Image.open(photos["smile.jpg"]).rotate(180).save(tmp_path / "down.jpg")
    bring(page, tmp_path / "down.jpg")
    expect(page.locator("#notes")).to_contain_text("stands on its head", timeout=WAIT)
    status(page, "Photo 2")


def test_the_faces_of_a_group_are_buttons_on_the_photo(page, photos):
    bring(page, photos["two.jpg"])
    status(page, "Photo 3, face 1. 2 faces found")
    marks = page.locator("#photo .marks button")
    expect(marks).to_have_count(2)
    expect(marks.nth(0)).to_have_attribute("aria-pressed", "true")
    marks.nth(1).focus()
    marks.nth(1).press("Enter")
    status(page, "Photo 3, face 2")
    expect(page.locator("#photo .marks button").nth(1)).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#chips .chip")).to_have_count(4, timeout=WAIT)


def test_a_failure_is_said_beside_the_photo_and_goes_with_the_next(page, photos):
    before = page.locator("#photo .photo").get_attribute("src")
    for name, words in (("text.jpg", "not a photo"), ("noise.png", "No face was found"), ("empty.jpg", "empty")):
        bring(page, photos[name])
        expect(page.locator("#photo .error")).to_contain_text(words, timeout=WAIT)
        expect(page.locator("#photo .error")).to_contain_text("You still see Photo 3, face 2.")
        assert page.locator("#photo .photo").get_attribute("src") == before
    expect(page.get_by_test_id("toast-body")).to_have_count(0)
    page.locator("#photo .examples button").nth(4).click()
    status(page, "Example 5")
    expect(page.locator("#photo .error")).to_be_hidden()


def test_a_camera_that_is_refused_is_said(page):
    page.locator("#photo .camera").click()
    expect(page.locator("#photo .error")).to_contain_text("camera", timeout=WAIT)


def test_a_chip_makes_its_face_this_face_or_a_side_of_the_swap(page):
    page.locator("#chips .face").nth(3).click()
    status(page, "Photo 1.")
    page.locator("#chips .more").nth(3).click()
    page.get_by_role("menuitem", name="As B").click()
    expect(page.locator("#chips .chip").nth(3).locator(".use")).to_have_text(["B"], timeout=WAIT)
    open_tab(page, "Swap")
    status(page, "Photo 1.", "#photo-b")
    page.locator("#chips .more").nth(0).click()
    page.get_by_role("menuitem", name="On the map").click()
    expect(page.get_by_role("tab", name="Maps")).to_have_attribute("aria-selected", "true", timeout=WAIT)
    status(page, "Photo 3, face 2", "#map-photo")
    page.locator("#chips .more").nth(0).click()
    page.get_by_role("menuitem", name="Remove").click()
    expect(page.locator("#chips .chip")).to_have_count(3, timeout=WAIT)


def test_a_face_of_the_map_is_taken_along(page):
    open_tab(page, "Maps")
    page.locator("#map-use-a").click()
    expect(page.get_by_role("tab", name="Swap")).to_have_attribute("aria-selected", "true", timeout=WAIT)
    status(page, "Person", "#photo-a")
    assert "tab=swap" in page.url


def test_arrow_keys_move_between_tabs_and_the_stage_is_near(page):
    open_tab(page, "Swap")
    page.get_by_role("tab", name="Swap").focus()
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_role("tab", name="Reconstruct")).to_have_attribute("aria-selected", "true", timeout=WAIT)
    for _ in range(10):
        page.keyboard.press("Tab")
        if page.evaluate(ON_STAGE):
            break
    assert page.evaluate(ON_STAGE)


def test_nothing_complained(desktop):
    assert desktop.quiet(), (desktop.errors, desktop.hosts)


def test_a_link_opens_tab_examples_sliders_and_no_upload(app, browser, photos):
    page = browser.new_context(viewport=DESKTOP).new_page()
    page.goto(f"{app.url}#tab=swap&a=3&strength=0.5&mouth-open=1.5")
    status(page, "Example 3", "#photo-a")
    expect(page.locator("#strength .range")).to_have_value("0.5", timeout=WAIT)
    page.locator("#photo-b .examples button").nth(1).click()
    page.wait_for_function("location.hash.includes('b=2')", timeout=WAIT)
    bring(page, photos["one.jpg"], "#photo-a")
    page.wait_for_function("!location.hash.includes('a=3')", timeout=WAIT)
    page.get_by_role("tab", name="Reconstruct").click()
    expect(page.locator('[data-expression="mouth open"] input')).to_have_value("1.5", timeout=WAIT)
    page.context.close()


def test_another_model_opens_with_the_same_photo(app, browser, photos):
    page = Watched(browser, app.url, DESKTOP).page
    bring(page, photos["two.jpg"])
    status(page, "Photo 1, face 1")
    page.locator("#photo .marks button").nth(1).click()
    status(page, "Photo 1, face 2")
    expect(page.locator("#chips .chip")).to_have_count(2, timeout=WAIT)
    page.get_by_role("link", name="explorer-cc0").click()
    page.wait_for_url("**/with/explorer-cc0/**")
    status(page, "Photo 1, face 2")
    expect(page.locator("#chips .chip")).to_have_count(2, timeout=WAIT)
    expect(page.locator("#footer")).to_contain_text("explorer-cc0")
    page.get_by_role("link", name="explorer", exact=True).click()
    expect(page.locator("#footer")).to_contain_text("128 × 128", timeout=WAIT)
    status(page, "Photo 1, face 2")
    page.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_phone_targets_are_large_and_the_open_tab_is_read_well(app, browser, scheme):
    page = Watched(browser, app.url, PHONE, color_scheme=scheme).page
    assert page.evaluate(SMALL) == []
    assert page.evaluate(CONTRAST) >= 4.5
    page.context.close()


ON_STAGE = "document.activeElement.closest('#stage') !== null"
SMALL = """() => [...document.querySelectorAll('button, select, summary')]
  .filter((part) => part.offsetParent && !part.closest('.visually-hidden, .marks'))
  .map((part) => [part.textContent.trim() || part.className, part.getBoundingClientRect()])
  .filter(([, box]) => box.width < 40 || box.height < 39.5).map(([name, box]) => [name, box.width, box.height])"""
CONTRAST = """() => {
  const numbers = (colour) => colour.match(/[\\d.]+/g).map((value) => value / 255);
  const linear = (v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  const light = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  const clear = (part) => ["rgba(0, 0, 0, 0)", "transparent"].includes(getComputedStyle(part).backgroundColor);
  let ground = document.querySelector("[role=tab][aria-selected=true]");
  const ink = light(numbers(getComputedStyle(ground).color));
  while (ground.parentElement && clear(ground)) ground = ground.parentElement;
  const paper = light(numbers(getComputedStyle(ground).backgroundColor));
  return (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
}"""
