"""Tab Disentangle in a browser: by keyboard, the files it hands over, and toy codes."""

import csv
import json

import pytest

from app.components.files import text
from latentface.checkpoints import ASSETS
from tests.browser.watched import DESKTOP, Watched

MATRIX = json.loads((ASSETS / "explorer" / "leakage_test.json").read_text())
CELLS = 9 * 12
"""Factors times blocks, chance among them."""

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_a_cell_of_a_csv_is_no_formula_and_its_caption_is_one_cell(browser):
    script = text("export.js")
    function = script[script.index("function csv") : script.index("function save(")]
    rows = [["a", "-1+cmd|' /C calc'!A0", "=1", "+1", "@x", "-2.5", "-3 %", "−4°", "-x", -7]]
    page = browser.new_page()
    props = "const props = { value: { caption: 'b, c' } };"
    made = page.evaluate(f"rows => {{ {props} {function} return csv(rows); }}", rows)
    page.close()
    caption, cells = csv.reader(made.splitlines())
    assert caption == ["# b, c"]
    assert cells == ["a", "'-1+cmd|' /C calc'!A0", "'=1", "'+1", "'@x", "-2.5", "-3 %", "−4°", "'-x", "-7"]


def test_a_cell_its_files_and_toy_codes(browser, app, tmp_path):
    page = Watched(browser, app.url, DESKTOP).page
    page.get_by_role("tab", name="Disentangle").click()
    page.locator("#matrix .heatmaplayer image").wait_for()
    read = page.locator("#block-examples")
    read.locator("h4", has_text="Who it is read off the expression part: 1,589 of 2,400 right").wait_for()
    assert read.locator("img").count() == 9 and "taken for" in str(read.text_content())
    before = page.locator("#block-live img").nth(1).get_attribute("src")
    page.get_by_role("combobox", name="Block").focus()
    page.keyboard.press("ArrowDown")
    page.get_by_role("option", name="identity part").click()
    page.locator("#block-cell h3", has_text="Identity part: who it is").wait_for()
    page.wait_for_function(
        "before => document.querySelectorAll('#block-live img')[1].src !== before", arg=before, timeout=20_000
    )
    files = {}
    for kind in ("csv", "json", "png", "svg", "plotly"):
        with page.expect_download() as download:
            page.locator(f"#matrix-export [data-kind={kind}]").click()
        files[kind] = tmp_path / download.value.suggested_filename
        download.value.save_as(files[kind])
    caption, head, *rows = csv.reader(files["csv"].open(encoding="utf-8"))
    assert len(caption) == 1 and ", " in caption[0]
    assert (
        caption[0].startswith("# What each block tells") and head == ["trace", "x", "y", "value"] and len(rows) == CELLS
    )
    assert ["0", "who", "expression part", "0.6621"] in rows
    assert len(json.loads(files["json"].read_text())["rows"]) == CELLS
    assert files["png"].read_bytes()[:4] == b"\x89PNG" and f"commit: {MATRIX['commit']}" in files["svg"].read_text()
    assert set(json.loads(files["plotly"].read_text())) == {"data", "layout"}
    page.locator("#matrix-choice").get_by_text("perfect").click()
    page.locator("#matrix-words strong", has_text="lie apart").wait_for()
    page.locator("#block-live", has_text="Toy codes are numbers alone").wait_for()
