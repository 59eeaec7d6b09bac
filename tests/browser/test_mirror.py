"""The mirror, before a camera that plays a film of a person who does not exist."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect, sync_playwright

from tests.browser.watched import DESKTOP, FLAGS, Watched
from tests.conftest import face_picture

WAIT = 60_000
SHOWN = "document.querySelector('#mirror .result img').src"


def film(path: Path) -> Path:
    """Write a film for chromium's false camera: a face, and for a moment nobody."""
    with path.open("wb") as file:
        file.write(b"YUV4MPEG2 W320 H240 F10:1 Ip A1:1 C420jpeg\n")
        for number in range(60):
            image = Image.new("RGB", (320, 240), (90, 110, 100))
            if number < 45:
                image.paste(face_picture(36, number // 12).resize((200, 200)), (60, 20))
            y, cb, cr = (np.asarray(channel) for channel in image.convert("YCbCr").split())
            file.write(b"FRAME\n" + y.tobytes() + cb[::2, ::2].tobytes() + cr[::2, ::2].tobytes())
    return path


@pytest.fixture(scope="module")
def mirror(app, tmp_path_factory) -> Iterator[Watched]:
    camera = film(tmp_path_factory.mktemp("camera") / "camera.y4m")
    flags = ["--use-fake-device-for-media-stream", f"--use-file-for-fake-video-capture={camera}"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=[*FLAGS, *flags])
        watched = Watched(browser, app.url, DESKTOP)
        watched.page.get_by_role("tab", name="Mirror").click()
        yield watched
        browser.close()


@pytest.fixture
def page(mirror) -> Page:
    return mirror.page


def test_a_refused_camera_is_said(page):
    page.context.clear_permissions()
    page.locator("#mirror .start").click()
    expect(page.locator("#mirror .said")).to_contain_text("camera was refused", timeout=WAIT)
    expect(page.locator("#mirror .start")).to_have_text("Start the camera")


def test_it_shows_rests_and_lets_somebody_else_wear_it(page):
    page.context.grant_permissions(["camera"])
    page.locator("#mirror .start").click()
    page.wait_for_function(f"{SHOWN}.startsWith('data:image')", timeout=WAIT)
    expect(page.locator("#mirror .said")).to_contain_text("Rest your face")
    for show, words in (("rest", "You, without expression"), ("other", "Somebody else")):
        page.locator(f"#mirror [data-show={show}]").click()
        expect(page.locator("#mirror .what")).to_contain_text(words)
        before = page.evaluate(SHOWN)
        page.wait_for_function(f"before => {SHOWN} !== before", arg=before, timeout=WAIT)
    expect(page.locator("#mirror .wearers button")).to_have_count(12)


def test_a_lost_face_is_said(page):
    expect(page.locator("#mirror .said")).to_contain_text("No face is seen", timeout=WAIT)
    expect(page.locator("#mirror .said")).not_to_contain_text("No face is seen", timeout=WAIT)


def test_it_turns_by_keys_and_stops(page):
    page.locator("#mirror .result").focus()
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#mirror .home")).to_be_visible()
    page.locator("#mirror .start").click()
    expect(page.locator("#mirror .off")).to_be_visible()
    assert page.evaluate("document.querySelector('#mirror video').srcObject") is None


def test_nothing_complained(mirror):
    assert mirror.quiet(), (mirror.errors, mirror.hosts)
