"""The Diffusion tab in a browser, on the bundled model with a prior of random numbers."""

import base64
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from io import BytesIO
from urllib.error import URLError
from urllib.request import urlopen

import numpy as np
import pytest
import torch
from PIL import Image
from playwright.sync_api import Browser, Page, ViewportSize, expect

from latentface.checkpoints import load_pipeline
from latentface.pipeline import LatentFacePipeline
from latentface.prior import Prior
from tests.browser.watched import DESKTOP, PHONE, Watched, open_tab
from tests.helpers import ROOT

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def url(tmp_path_factory) -> Iterator[str]:
    """An app on the bundled model with a random prior."""
    folder = tmp_path_factory.mktemp("diffusion")
    torch.manual_seed(0)
    bundled = load_pipeline("explorer")
    prior = Prior(code=512, identity_axes=24, expression_axes=8, width=32, blocks=1)
    for part in prior.parameters():
        torch.nn.init.normal_(part, std=0.1)
    parts = (bundled.autoencoder, bundled.denoiser, bundled.scheduler, prior)
    LatentFacePipeline(*parts).save_pretrained(folder / "checkpoint")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "GRADIO_TEMP_DIR": str(folder / "gradio")}
    command = [sys.executable, "app.py", "--port", str(port), "--checkpoint", str(folder / "checkpoint")]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
    address = f"http://127.0.0.1:{port}/"
    try:
        for _ in range(1000):
            try:
                urlopen(address, timeout=5).close()
                break
            except (URLError, OSError):
                assert process.poll() is None, (folder / "log").read_text()
                time.sleep(0.2)
        yield address
    finally:
        process.terminate()
        process.wait(10)


def opened(browser: Browser, url: str, viewport: ViewportSize) -> Watched:
    watched = Watched(browser, url, viewport)
    open_tab(watched.page, "Diffusion")
    expect(watched.page.locator("#walk .lane img")).to_be_visible()
    return watched


@pytest.fixture(scope="module")
def watched(browser, url) -> Watched:
    return opened(browser, url, DESKTOP)


@pytest.fixture
def page(watched) -> Page:
    return watched.page


def source(page: Page) -> str:
    return page.locator("#walk .lane img").first.get_attribute("src") or ""


def pixels(address: str) -> np.ndarray:
    """Decode a picture that the page holds as a data address."""
    with Image.open(BytesIO(base64.b64decode(address.partition(",")[2]))) as image:
        return np.asarray(image.convert("RGB"), np.float32)


def changed(page: Page, before: str) -> None:
    expect(page.locator("#walk .lane img").first).not_to_have_attribute("src", before, timeout=60_000)


def test_the_way_from_noise_is_played_and_scrubbed_without_the_server(page):
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    slider = page.locator("#walk .bar input")
    last = int(slider.get_attribute("max"))
    expect(page.locator("#walk .caption")).to_have_text("The end: no noise left")
    end = source(page)
    slider.fill("0")
    expect(page.locator("#walk .caption")).to_have_text("Step 1 of 50")
    assert source(page) != end
    page.locator("#walk .play").click()
    expect(page.locator("#walk .caption")).to_have_text("The end: no noise left", timeout=30_000)
    assert source(page) == end and last == page.locator("#walk .film img").count() - 1
    assert [url for url in asked if "gradio_api" in url and "heartbeat" not in url] == []
    drawn = "c => c.getContext('2d').getImageData(0, 0, c.width, c.height).data.some((v) => v && v !== 255)"
    assert page.locator("#walk .lane canvas").evaluate(drawn), "the strip of the noisy code"


def test_dice_and_guidance_draw_others(page):
    before, third = source(page), page.locator("#walk-more button img").nth(2)
    listed = third.get_attribute("src")
    page.locator("#walk-dice").click()
    changed(page, before)
    expect(third).not_to_have_attribute("src", listed or "")  # the list follows the stage
    ends = [pixels(image.get_attribute("src") or "") for image in page.locator("#walk-more button img").all()]
    before = source(page)
    page.locator("#walk-more button").nth(2).click()
    changed(page, before)
    # one person drawn alone and among others: equal but for rounding
    apart = [float(np.abs(end - pixels(source(page))).mean()) for end in ends]
    assert apart[2] < 1 < sorted(apart)[1], apart
    before = source(page)
    page.locator("#guidance .marks button").first.click()
    changed(page, before)
    expect(page.locator("#guidance .range")).to_have_value("0")


def test_two_faces_walk_side_by_side(page):
    page.locator("#walk-other input").click()
    page.get_by_role("option", name="Example 3").click()
    expect(page.locator("#walk .lane")).to_have_count(2, timeout=60_000)
    assert page.locator("#walk .lane figcaption").all_inner_texts() == ["Anyone", "Anyone"]  # guidance is 0 still
    page.locator("#guidance .marks button").nth(1).click()
    names = page.locator("#walk .lane figcaption")
    expect(names).to_have_text(["Somebody like Example 1", "Somebody like Example 3"], timeout=60_000)
    page.locator("#walk .bar input").fill("0")
    alts = [image.get_attribute("alt") for image in page.locator("#walk .lane img").all()]
    assert alts == ["Somebody like Example 1, Step 1 of 50", "Somebody like Example 3, Step 1 of 50"]


def test_it_can_be_broken(page, watched):
    page.locator("#walk-break button").first.click()
    page.locator("#walk-steps").get_by_text("1", exact=True).click()
    expect(page.locator("#walk .caption")).to_have_text("The end: no noise left", timeout=60_000)
    expect(page.locator("#walk .bar input")).to_have_attribute("max", "1", timeout=60_000)
    page.locator("#guidance .marks button").nth(1).click()
    before = source(page)
    page.locator("#walk-told").get_by_text("Its code, shuffled").click()
    changed(page, before)
    page.locator("#walk-kind").get_by_text("An expression").click()
    expect(page.locator("#walk h3")).to_have_text("From noise to an expression", timeout=60_000)
    assert watched.quiet(), watched.errors


def test_who_comes_out_can_be_kept(page):
    page.locator("#walk-use-keep").click()
    expect(page.locator("#chips .chip")).to_have_count(1, timeout=20_000)


def test_on_a_phone_picture_and_dial_are_seen_together(browser, url):
    page = opened(browser, url, PHONE).page
    page.locator("#walk h3").evaluate("title => title.scrollIntoView({block: 'start'})")
    for part in ("#walk .lane img", "#guidance .range", "#walk-dice"):
        expect(page.locator(part)).to_be_in_viewport(ratio=0.99)
    page.close()
