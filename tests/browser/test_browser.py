"""The app as a visitor meets it: Debian's chromium, driven by Playwright."""

import shutil
from urllib.parse import urlparse

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from app.tabs import TABS
from latentface.detection import detector_problem

pytestmark = pytest.mark.browser

FLAGS = [
    "--no-sandbox", "--disable-gpu", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def browser() -> Browser:
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if path is None:
        pytest.fail("this test needs a browser: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


class Watched:
    """A page with what it asked for and complained about."""

    def __init__(self, browser: Browser, url: str, viewport: dict):
        self.page: Page = browser.new_context(viewport=viewport).new_page()
        self.hosts: set[str] = set()
        self.errors: list[str] = []
        self.page.on("request", lambda request: self.hosts.add(urlparse(request.url).hostname or "inline"))
        self.page.on("console", self._note)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.goto(url)
        expect(self.page.locator("#live img")).to_be_visible(timeout=30_000)

    def _note(self, message) -> None:
        # the 3D viewer tries WebGPU, says so when there is none, and takes WebGL
        if message.type == "error" and "WebGPU" not in message.text:
            self.errors.append(message.text)

    def quiet(self) -> bool:
        """No complaint, and nothing asked of another machine."""
        return not self.errors and self.hosts <= {"127.0.0.1", "inline"}


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


def open_tab(page: Page, name: str) -> None:
    """Opens a tab; on a narrow page it may lie in the menu beside the tabs."""
    tab = page.get_by_role("tab", name=name)
    if tab.count() == 0:
        page.locator(".overflow-menu > button").click()
        tab = page.locator(".overflow-dropdown button").filter(has_text=name)
    tab.click()


def toast(page: Page, words: str) -> None:
    """Waits for an error message with these words, and closes it."""
    message = page.get_by_test_id("toast-body").filter(has_text=words)
    expect(message).to_be_visible(timeout=20_000)
    expect(message).not_to_contain_text("Traceback")
    message.get_by_test_id("toast-close").click()


def test_the_first_page_shows_a_result(page):
    expect(page.locator("#parts img")).to_have_count(7)
    expect(page.locator("#facts")).to_contain_text("1 found")
    expect(page.locator("#viewer canvas")).to_be_visible(timeout=20_000)


def test_an_example_is_reconstructed(page):
    before = source(page, "#parts")
    page.locator("#examples button").nth(6).click()
    changed(page, "#parts", before)


def test_sliders_draw_at_once_and_reset_brings_the_photo_back(page):
    slider = page.locator("#yaw input[type=range]")
    own, before = slider.input_value(), source(page, "#live")
    slider.focus()
    for _ in range(20):
        slider.press("ArrowRight")
    changed(page, "#live", before)
    expect(slider).to_have_value(str(float(own) + 10).removesuffix(".0"))
    page.locator("#reset").click()
    expect(slider).to_have_value(own)


def test_an_upload_with_two_faces_offers_the_choice(page, photos):
    before = source(page, "#parts")
    page.locator("#photo").get_by_label("Remove Image").click()
    page.locator("#photo input[type=file]").set_input_files(photos["two.jpg"])
    changed(page, "#parts", before)
    expect(page.locator("#facts")).to_contain_text("2 found")
    before = source(page, "#parts")
    page.locator("#which label").nth(1).click()
    changed(page, "#parts", before)


def test_a_bad_upload_says_why_and_the_last_result_stays(page, photos):
    before = source(page, "#parts")
    for name, words in (("text.jpg", "not a photo"), ("noise.png", "No face was found")):
        page.locator("#photo").get_by_label("Remove Image").click()
        page.locator("#photo input[type=file]").set_input_files(photos[name])
        toast(page, words)
        assert source(page, "#parts") == before
        expect(page.locator("#notice")).to_contain_text("No new face")
    page.locator("#examples button").nth(3).click()
    changed(page, "#parts", before)
    expect(page.locator("#notice .stale")).to_have_count(0)


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
    toast(page, "face-alignment")
    expect(page.locator("#detector input").nth(0)).to_be_checked(timeout=20_000)


def test_nothing_was_asked_of_other_machines_and_nothing_complained(desktop):
    assert desktop.quiet(), (desktop.errors, desktop.hosts)


def test_another_visitor_on_a_phone_sees_their_own_face_and_every_tab_without_sideways_scrolling(app, browser):
    phone = Watched(browser, app.url, PHONE)
    own = source(phone.page, "#live")
    phone.page.locator("#reset").click()
    phone.page.wait_for_timeout(500)
    assert source(phone.page, "#live") == own  # not the face that the other visitor is looking at
    for tab in TABS:
        open_tab(phone.page, tab.name)
        phone.page.wait_for_timeout(300)
        assert phone.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), tab.name
    parts = "[...document.querySelectorAll('#map select, #map canvas')]"
    wide = f"{parts}.every(e => e.getBoundingClientRect().right <= innerWidth)"
    assert phone.page.evaluate(wide)
    assert phone.quiet(), (phone.errors, phone.hosts)
    phone.page.context.close()
