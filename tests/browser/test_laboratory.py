"""Maps and Compare as a researcher uses them: lasso by hand, what is taken along, terms, two checkpoints."""

import csv
import json
import re
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import FloatRect, Locator, Page, expect

from latentface.gallery import Gallery
from latentface.glossary import glossary
from tests.browser.watched import DESKTOP, PHONE, Watched, open_tab

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def desktop(app, browser) -> Watched:
    return Watched(browser, app.url, DESKTOP, accept_downloads=True)


@pytest.fixture(scope="module")
def page(desktop) -> Page:
    return desktop.page


def taken(page: Page, source: str, kind: str) -> Path:
    """The file that a button of a chart hands over."""
    with page.expect_download(timeout=60_000) as download:
        page.locator(f"#{source}-export [data-kind={kind}]").click()
    return download.value.path()


def box_of(part: Locator) -> FloatRect:
    """Where a part lies on the page."""
    box = part.bounding_box()
    assert box is not None
    return box


def drag(page: Page, canvas: Locator, corners: list[tuple[float, float]]) -> None:
    """Draw on a map by the mouse, along corners in shares of its sides."""
    canvas.scroll_into_view_if_needed()
    box = box_of(canvas)
    x, y = zip(*((box["x"] + a * box["width"], box["y"] + b * box["height"]) for a, b in corners), strict=True)
    page.mouse.move(x[0], y[0])
    page.mouse.down()
    for at in zip(x, y, strict=True):
        page.mouse.move(*at, steps=4)
    page.mouse.up()


def test_a_lasso_by_the_pointer_selects_what_lies_in_it_and_its_codes_are_taken_along(page):
    open_tab(page, "Maps")
    canvas, said = page.locator("#map canvas").nth(1), page.locator("#map .said")
    page.locator("#map .panel select").nth(1).select_option("pcl_pose")
    expect(page.locator("#map .panel p").nth(1)).to_contain_text("PCL draws nothing here")
    page.locator("#map .lasso").click()
    low, high = 0.3, 0.55
    drag(page, canvas, [(low, low), (high, low), (high, high), (low, high)])
    expect(said).to_contain_text(re.compile(r"^\d+ pictures of \d+ people selected"))
    count = int(said.inner_text().split()[0])
    expect(page.locator("#map-viewer .face")).to_have_attribute(
        "aria-label", re.compile(f"^Average of {count} pictures"), timeout=30_000
    )
    rows = list(csv.DictReader(taken(page, "map", "csv").read_text().splitlines()[1:]))
    assert len(rows) == count
    for row in rows:  # a dot at 0 lies 24 pixels from the edge
        edge = 24 / box_of(canvas)["width"]
        x, y = (edge + float(row[f"umap pcl_pose {axis}"]) * (1 - 2 * edge) for axis in "xy")
        assert low - 0.01 < x < high + 0.01 and low - 0.01 < 1 - y < high + 0.01
    found = np.load(taken(page, "map", "npz"))
    assert found["row"].tolist() == [int(row["row"]) for row in rows]
    assert np.allclose(found["shape"], Gallery().codes.shape[found["row"]], atol=1e-2)
    figure = json.loads(taken(page, "map", "plotly").read_text())
    assert len(figure["data"]) == 6 and "commit" in figure["layout"]["annotations"][-1]["text"]
    before, drawn = said.inner_text(), canvas.evaluate("canvas => canvas.toDataURL()")
    page.locator("#map .pan").click()
    drag(page, canvas, [(0.5, 0.5), (0.6, 0.6)])
    assert said.inner_text() == before  # the map has moved, and nothing else
    page.wait_for_function("before => document.querySelectorAll('#map canvas')[1].toDataURL() !== before", arg=drawn)
    page.keyboard.down("Shift")
    drag(page, canvas, [(0.05, 0.05), (0.95, 0.05), (0.95, 0.95), (0.05, 0.95)])
    page.keyboard.up("Shift")
    expect(said).not_to_have_text(before)
    page.locator("#map .clear").click()
    expect(said).to_be_empty()


def test_a_term_is_explained_to_the_pointer_the_keyboard_and_a_tap(page):
    open_tab(page, "Compare")
    note, term = page.locator("#term-note"), page.locator("#compare .term").filter(has_text="whitened cosine")
    words = glossary()["whitened cosine"]
    term.hover()
    expect(note).to_have_text(words)
    page.mouse.move(5, 5)
    expect(note).to_be_hidden()
    term.focus()
    expect(note).to_have_text(words)
    expect(term).to_have_attribute("aria-describedby", "term-note")
    term.press("Escape")
    expect(note).to_be_hidden()
    for tab in ("Disentangle", "Maps", "Compare"):
        open_tab(page, tab)
        some = page.locator(".about:visible .term").first
        some.click()
        expect(note).to_be_visible()
        page.locator("#title h1").click()
        expect(note).to_be_hidden()


def test_evidence_stands_beside_the_table_and_two_checkpoints_below_each_other(page):
    open_tab(page, "Compare")
    table, words = page.locator("#compare"), page.locator("#evidence")
    expect(words.locator("img")).to_have_count(24)
    beside, behind = box_of(table), box_of(words)
    assert behind["x"] >= beside["x"] + beside["width"] and abs(behind["y"] - beside["y"]) < 40
    assert table.locator(".wide").evaluate("wide => wide.scrollWidth <= wide.clientWidth")
    page.locator("#both-ask").click()
    both = page.locator("#both")
    expect(both.locator("img")).to_have_count(12, timeout=60_000)
    assert both.locator("h4").all_inner_texts() == ["explorer", "explorer-cc0"]
    off = [float(text.split()[1]) for text in both.get_by_text(" off").all_inner_texts()]
    assert 0 < off[0] < off[1] < 0.3
    before = both.locator("img").nth(7).get_attribute("src")
    page.locator("#both-photo .examples button").nth(3).click()
    expect(both.locator("img").nth(7)).not_to_have_attribute("src", before, timeout=60_000)


def test_charts_of_other_tabs_are_taken_along_with_their_caption(page):
    for tab, source, kind, word in (
        ("Swap", "swap-numbers", "csv", "Looks like B"), ("Diffusion", "walk", "csv", "noisy code 3"),
        ("Training", "rdm-curve", "svg", "commit: bcf77ae"), ("Video", "clip-curves-maps", "csv", "expression y"),
    ):  # fmt: skip
        open_tab(page, tab)
        text = taken(page, source, kind).read_text()
        assert word in text and "explorer" in text
    open_tab(page, "Compare")
    page.locator('#compare button[data-row="0"][data-method="explorer"]').click()
    expect(page.locator("#errors-export [data-kind=csv]")).to_be_visible(timeout=20_000)
    lines = taken(page, "errors", "csv").read_text().splitlines()
    assert lines[1] == "trace,x,y,value" and len(lines) == 2 + 49  # packed numbers, unpacked: 7 classes by 7


def test_nothing_was_asked_of_other_machines_and_nothing_complained(desktop):
    assert desktop.quiet(), (desktop.errors, desktop.hosts)


def test_on_a_phone_what_is_behind_a_number_follows_the_table(app, browser):
    phone = Watched(browser, app.url, PHONE)
    open_tab(phone.page, "Compare")
    expect(phone.page.locator("#evidence img").first).to_be_visible()
    tops = [box_of(phone.page.locator(f"#{name}")) for name in ("compare", "evidence", "blocks")]
    assert tops[0]["y"] + tops[0]["height"] <= tops[1]["y"] and tops[1]["y"] + tops[1]["height"] <= tops[2]["y"]
    phone.page.locator("#compare .term").first.scroll_into_view_if_needed()
    phone.page.locator("#compare .term").first.click()
    note = box_of(phone.page.locator("#term-note"))
    assert note["x"] >= 0 and note["x"] + note["width"] <= PHONE["width"]
    assert phone.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    phone.page.context.close()
