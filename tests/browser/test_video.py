"""The Video tab in a browser: films and curves at one moment, a clip of the visitor's own, and a driven face."""

from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, ViewportSize, expect

from tests.browser.watched import DESKTOP, PHONE, Watched
from tests.helpers import photo_of
from tests.latentface.test_video import film

pytestmark = [pytest.mark.browser, pytest.mark.slow]

DRAWN = """canvas => { const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  const grey = data.filter((_, i) => i % 4 === 1); return Math.max(...grey) - Math.min(...grey) > 60; }"""
SUM = (
    """canvas => canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.reduce((a, b) => a + b)"""
)


def opened(browser: Browser, url: str, viewport: ViewportSize) -> Watched:
    watched = Watched(browser, url, viewport)
    page = watched.page
    tab = page.get_by_role("tab", name="Video")
    if tab.is_visible():
        tab.click()
    else:
        page.locator(".overflow-menu > button").click()
        page.locator(".overflow-dropdown button", has_text="Video").click()
    expect(page.locator("#clip-player canvas")).to_have_count(4)
    wait_drawn(page)
    return watched


def wait_drawn(page: Page) -> None:
    for canvas in page.locator("#clip-player canvas").all():
        for _ in range(100):
            if canvas.evaluate(DRAWN):
                break
            page.wait_for_timeout(100)
        assert canvas.evaluate(DRAWN)


def scrub(page: Page, second: float) -> None:
    slider = page.locator("#clip-player .bar input")
    slider.evaluate("(e, second) => { e.value = second; e.dispatchEvent(new Event('input')); }", second)
    expect(page.locator("#clip-player .time")).to_contain_text(f"0:{second:04.1f} of")


@pytest.fixture(scope="module")
def watched(browser, app) -> Watched:
    return opened(browser, app.url, DESKTOP)


@pytest.fixture
def page(watched) -> Page:
    return watched.page


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> Path:
    pictures = [Image.fromarray(photo_of((100 + 3 * k, 60, 160))) for k in range(10)]
    return film(tmp_path_factory.mktemp("clip") / "walk.mp4", pictures, "libx264")


def send(page: Page, path: Path) -> None:
    with page.expect_file_chooser() as chooser:
        page.locator("#clip-box .upload").click()
    chooser.value.set_files(path)


def test_films_line_and_numbers_show_one_moment(page):
    scrub(page, 1.0)
    early = [canvas.evaluate(SUM) for canvas in page.locator("#clip-player canvas").all()]
    line, values = page.locator("#clip-curves .moment"), page.locator("#clip-curves-values output")
    at, words = line.bounding_box(), values.all_inner_texts()
    marks = page.locator("#clip-curves-maps canvas")
    places = [canvas.get_attribute("data-at") for canvas in marks.all()]
    scrub(page, 4.0)
    page.wait_for_timeout(300)
    late = [canvas.evaluate(SUM) for canvas in page.locator("#clip-player canvas").all()]
    assert all(one != two for one, two in zip(early, late, strict=True))
    assert line.get_attribute("data-second") == "4.00"
    assert len(places) == 2 and all(places) and marks.nth(1).get_attribute("data-at") not in ("", places[1])
    assert all(canvas.evaluate(DRAWN) for canvas in marks.all())
    moved = line.bounding_box()
    assert at and moved and moved["x"] - at["x"] > 200
    assert len(words) == 17 and sum(one != two for one, two in zip(words, values.all_inner_texts(), strict=True)) > 8
    box = page.locator("#clip-curves .plot").bounding_box()
    assert box
    page.mouse.click(at["x"] + 1, box["y"] + 60)  # on the chart, where the line was
    expect(page.locator("#clip-player .time")).to_contain_text("0:01.0 of")


def test_films_play_and_a_curve_can_be_hidden(page):
    scrub(page, 0.5)
    play = page.locator("#clip-player .play")
    play.click()
    expect(play).to_have_text("Pause")
    page.wait_for_function("document.querySelector('#clip-player .own').currentTime > 1.2")
    play.click()
    expect(play).to_have_text("Play")
    name = page.locator("#clip-curves-values button").first
    name.click()
    expect(name).to_have_attribute("aria-pressed", "false")
    assert page.evaluate("document.querySelector('#clip-curves .plot').data[0].visible") is False
    name.click()


def test_a_face_makes_the_movements_of_a_visitors_clip(page, clip):
    expect(page.locator("#clip-box .hint")).to_contain_text("20 seconds and 64 MB")  # said before anything is sent
    send(page, clip)
    expect(page.locator("#clip-box .stop")).to_be_visible()
    expect(page.locator("#clip-box .status")).to_have_text("Your clip: 10 frames.", timeout=120_000)
    expect(page.locator("#clip-box .stop")).to_be_hidden()
    expect(page.locator("#clip-player .files a")).to_have_count(3)
    wait_drawn(page)
    page.locator("#clip-drive").click()
    expect(page.locator("#clip-box .status")).to_contain_text("makes the movements", timeout=120_000)
    expect(page.locator("#clip-player canvas")).to_have_count(5)
    wait_drawn(page)
    with page.expect_download() as loading:
        page.locator("#clip-player .files a", has_text="Driven face").click()
    assert Path(loading.value.path()).stat().st_size > 2000


def test_a_clip_that_cannot_be_used_leaves_the_one_before(page, tmp_path):
    text = tmp_path / "text.mp4"
    text.write_text("no video")
    send(page, text)
    expect(page.locator("#clip-box .error")).to_contain_text("cannot be read", timeout=60_000)
    expect(page.locator("#clip-box .stop")).to_be_hidden()
    expect(page.locator("#clip-player canvas")).to_have_count(5)


def test_stopping_frees_the_lane_and_leaves_nothing(page, app, tmp_path):
    page.locator("#clip-box .example").click()
    expect(page.locator("#clip-box .status")).to_have_text("Example clip: 100 frames.", timeout=60_000)
    pictures = [Image.fromarray(photo_of((100 + k, 60, 160))) for k in range(150)]
    long = film(tmp_path / "long.mp4", pictures, "libx264", rate=25)
    send(page, long)
    page.locator("#clip-box .stop").click()  # while it is sent or waits
    expect(page.locator("#clip-box .status")).to_have_text("Stopped.")
    send(page, long)
    expect(page.locator("#clip-box .status")).to_contain_text("apart: frame", timeout=60_000)
    page.locator("#clip-box .stop").click()
    expect(page.locator("#clip-box .status")).to_have_text("Stopped.")
    page.locator("#clip-box .example").click()
    expect(page.locator("#clip-box .status")).to_have_text("Example clip: 100 frames.", timeout=60_000)
    for _ in range(100):
        if not list((app.log.parent / "gradio").glob("clip-*/parts")):
            break
        page.wait_for_timeout(200)
    assert not list((app.log.parent / "gradio").glob("clip-*/parts"))


def test_nothing_was_asked_elsewhere(watched, app):
    assert watched.quiet(), (watched.errors, watched.hosts)
    assert "Traceback" not in app.log.read_text()


def test_the_tab_fits_a_phone(browser, app):
    watched = opened(browser, app.url, PHONE)
    page = watched.page
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    scrub(page, 2.0)
    line = page.locator("#clip-curves .moment").bounding_box()
    assert line and 0 < line["x"] < PHONE["width"]
    for button in page.locator("#clip-box .box > .tools button, #clip-player .bar button").all():
        box = button.bounding_box()
        assert box and box["height"] >= 40
    assert watched.quiet(), watched.errors
