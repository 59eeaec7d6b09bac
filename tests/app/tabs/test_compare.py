"""The comparison: its table, what is behind a cell, its charts, the README's version, and the tab in a browser."""

import json
import re
import shutil
from typing import Any

import gradio as gr
import numpy as np
import plotly.graph_objects as go
import pytest
from PIL import Image

from app.components import charts
from app.components.comparison_table import is_cell, table
from app.components.evidence import behind
from app.session import load
from app.tabs import compare
from app.ui import build
from latentface.results import markdown, methods_of, read_comparison, takeaway
from train.release import tables

RESULT = {
    "suite": "probes",
    "seeds": [0, 1, 2],
    "commit": "abc1234",
    "hardware": "2 CPU cores",
    "command": "python -m train evaluate --suite probes",
    "published": {
        "source": "FaceCycle's README",
        "rows": {
            "FaceCycle": {"fer2013_linear": 0.4876, "lfw_similarity": 0.7372},
            "Poser": {"aflw2000_yaw": 11.7, "aflw2000_pitch": 12.7, "aflw2000_roll": 13.0},
        },
    },
    "methods": {
        "explorer": {
            "about": "LatentFace <64 px>",
            "fer2013_linear": 0.44,
            "fer2013_linear_spread": 0.004,
            "fer2013_linear_block": "codes",
            "fer2013_linear_shape": 0.43,
            "fer2013_linear_shape_spread": 0.01,
            "fer2013_linear_texture": 0.36,
            "fer2013_linear_validation": 0.5,
            "fer2013_knn": 0.33,
            "fer2013_chance": 0.249,
            "fer2013_n": 3589,
            "fer2013_shown": "64 px, crop fixed",
            "fer2013_classes": ["sad", "<happy>"],
            "fer2013_confusion": [[30, 10], [5, 55]],
            "lfw_similarity": 0.66,
            "lfw_similarity_spread": 0.01,
            "lfw_similarity_block": "id_texture, centred",
            "lfw_chance": 0.5,
            "lfw_n": 3000,
            "lfw_folds": 5,
            "lfw_shown": "64 px, crop found",
            "lfw_histogram": {"edges": [-1, -0.5, 0, 0.5], "same": [0, 1, 9], "different": [8, 2, 0]},
            "pose_mae": 6.25,
            "pose_chance": 13.1,
            "pose_n": 100,
            "pose_block": "view",
            "pose_shown": "64 px, crop standard",
            "pose_sheet": "sheet.webp",
            "pose_examples": [
                {"kind": k, "true": {"yaw": 10.4, "pitch": 0.0}, "said": {"yaw": -2.6, "pitch": 1.0}}
                for k in ["right"] * 8 + ["wrong"] * 8
            ],
            "aflw2000_mae": 14.2,
            "aflw2000_chance": 20.0,
            "aflw2000_n": 1969,
            "aflw2000_shown": "x",
        },
        "hog": {
            "fer2013_linear": 0.47,
            "fer2013_chance": 0.249,
            "fer2013_n": 3589,
            "fer2013_shown": "96 px",
            "pose_mae": 7.0,
            "pose_chance": 13.1,
            "pose_n": 100,
            "pose_shown": "64 px",
            "actions_correlation": 0.41,
            "actions_chance": 0.2,
            "actions_chance_correlation": 0.0,
            "actions_n": 100,
            "actions_f1": 0.5,
        },
    },
}


@pytest.fixture
def comparison(tmp_path):
    (tmp_path / "probes.json").write_text(json.dumps(RESULT))
    sheet = np.zeros((160, 640, 3), np.uint8)
    sheet[:80, :80] = (200, 0, 0)
    Image.fromarray(sheet).save(tmp_path / "sheet.webp", lossless=True)
    return read_comparison(tmp_path / "probes.json")


def test_rows_in_order_with_their_chance_and_what_others_published(comparison):
    assert [(row.task, row.measure) for row in comparison.rows] == [
        ("fer2013", "linear"),
        ("fer2013", "knn"),
        ("lfw", "similarity"),
        ("pose", "mae"),
        ("actions", "f1"),
        ("actions", "correlation"),
        ("aflw2000", "mae"),
    ]
    linear, knn, pairs, pose, f1, correlation, aflw = comparison.rows
    assert linear.best == "hog" and pose.best == "explorer"  # of angles, less is better
    assert (
        linear.published == {"FaceCycle": 0.4876}
        and knn.published == {}
        and aflw.published["Poser"] == pytest.approx(12.4667, abs=1e-3)
    )
    assert correlation.chance == 0 and f1.chance == 0.2 and pairs.n == 3000
    assert linear.text(0.44, 0.004) == "44.0 ± 0.4" and pose.text(6.25) == "6.2°" and correlation.text(0.413) == "0.41"


def test_the_table_marks_the_best_and_leaves_what_was_not_run_empty(comparison):
    page = table(comparison, (0, "explorer"))
    cells = re.findall(r'<button type=button class="cell([^"]*)" data-row=(\d+) data-method="(\w+)"', page)
    assert len(cells) == sum(len(row.values) for row in comparison.rows)
    assert (
        (" chosen", "0", "explorer") in cells and (" best", "0", "hog") in cells and (" best", "3", "explorer") in cells
    )
    assert "FaceCycle 48.8" in page and "<64 px>" not in page and "&lt;64 px&gt;" in page


def test_the_takeaway_counts_who_leads_and_arrows_say_which_way_is_better(comparison):
    said, first = takeaway(comparison), comparison.methods[0]
    won = [row for row in comparison.rows if row.best == first]
    assert f"Of {len(comparison.rows)} measures `{first}` leads {len(won)}**" in said and "hog" in said
    comparison.rows[0].values[first] = 1.0  # the best that can be
    assert f"leads {len(won) + 1}**" in takeaway(comparison)
    page = table(comparison, (0, first))
    assert page.count("less is better") == sum(row.unit == "°" for row in comparison.rows) > 0
    assert page.count("more is better") == sum(row.unit != "°" for row in comparison.rows) > 0
    assert methods_of(comparison)[first].endswith("(LatentFace <64 px>)")


def test_behind_a_cell(comparison):
    linear, _, pairs, pose, *_ = comparison.rows
    first = behind(comparison, linear, "explorer")
    assert "44.0 ± 0.4" in first and "3 seeds" in first and "block <code>codes</code>" in first and "abc1234" in first
    assert "each of 5 folds once" in behind(comparison, pairs, "explorer")
    assert "3,000 pairs" in behind(comparison, pairs, "explorer")
    seen = behind(comparison, pose, "explorer")
    assert seen.count("<img") == 16 and "Read worst of all" in seen and "yaw 10°, said -3°" in seen
    assert "No pictures were kept" in behind(comparison, pose, "hog")


def traces(figure: go.Figure | None) -> list[Any]:
    assert figure is not None
    return list(figure.data)


def test_the_confusion_as_shares_of_the_true_class(comparison):
    linear = comparison.rows[0]
    right, wrong = traces(charts.chart(comparison, linear, "explorer"))
    assert np.allclose(np.diag(right.z), [75, 100 * 55 / 60]) and np.isnan(right.z[0][1])
    assert np.isclose(wrong.z[0][1], 25) and list(right.y) == ["sad", "<happy>"]
    assert charts.chart(comparison, linear, "hog") is None
    said = charts.say(comparison, linear, "explorer", (1, 0, 1))
    assert said == "Of 40 pictures that are sad, 10 were called <happy>."
    assert "30 were named rightly" in charts.say(comparison, linear, "explorer", (0, 0, 0))
    for mark in ((), (0, 1), (0, 2, 0), (0, 0, 9)):
        assert charts.say(comparison, linear, "explorer", mark) == ""


def test_the_histogram_and_what_another_threshold_would_do(comparison):
    pairs = comparison.rows[2]
    two, one = traces(charts.chart(comparison, pairs, "explorer"))
    assert list(two.y) == [8, 2, 0] and list(one.y) == [0, 1, 9] and np.allclose(one.x, [-0.75, -0.25, 0.25])
    said = charts.say(comparison, pairs, "explorer", (0, 1))
    assert "moved by -0.50" in said and "100 % of the pairs of one person and 20 % of" in said
    assert charts.say(comparison, pairs, "explorer", (0, 3)) == ""


def test_the_bars_of_each_block_best_first(comparison):
    (bars,) = traces(charts.blocks(comparison, comparison.rows[0], "explorer"))
    assert (
        list(bars.y) == ["shape", "texture"] and np.allclose(bars.x, [43, 36]) and list(bars.text) == ["43.0", "36.0"]
    )
    assert charts.blocks(comparison, comparison.rows[0], "hog") is None


@pytest.mark.parametrize(
    "index", [None, 3, [0], [99, "hog"], [-1, "hog"], [0, "nobody"], [True, "hog"], ["0", "hog"], [0, ["hog"]], [0, {}]]
)
def test_what_is_no_cell_is_refused(comparison, index):
    assert not is_cell(comparison, index)


def test_every_cell_has_something_behind_it(comparison):
    for number, row in enumerate(comparison.rows):
        for method, value in row.values.items():
            assert is_cell(comparison, [number, method]) and row.text(value) in behind(comparison, row, method)


def test_the_readme_table_is_put_between_its_markers_and_only_there(comparison, tmp_path):
    lines = markdown(comparison).splitlines()
    assert lines[0].count("|") == lines[1].count("|") == lines[2].count("|") == 7
    assert "| 44.0 ± 0.4 | **47.0** | FaceCycle 48.8 |" in lines[2] and "`abc1234`" in lines[-1]
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{tables.TABLE[0]}\nold\n{tables.TABLE[1]}\nafter\n")
    for _ in range(2):  # a second time changes nothing
        assert tables.write_table(readme, tmp_path / "probes.json")
        assert readme.read_text() == f"before\n{tables.TABLE[0]}\n{markdown(comparison)}\n{tables.TABLE[1]}\nafter\n"
    readme.write_text("no markers\n")
    assert not tables.write_table(readme, tmp_path / "probes.json") and readme.read_text() == "no markers\n"


def test_results_that_are_not_there_or_not_ours(tmp_path):
    assert read_comparison(tmp_path / "none.json") is None
    for content in ("no json", "[]", '{"methods": {}}'):
        (tmp_path / "other.json").write_text(content)
        with pytest.raises(ValueError, match="no result of"):
            read_comparison(tmp_path / "other.json")


def test_the_bundled_results_are_whole():
    """Every sheet that the bundled file names is there, and all of it is small."""
    comparison = read_comparison()
    assert comparison is not None
    sheets = [found[key] for found in comparison.results["methods"].values() for key in found if key.endswith("_sheet")]
    assert all((comparison.folder / sheet).exists() for sheet in sheets)
    assert sum(file.stat().st_size for file in comparison.folder.glob("probes*")) < 1.5 * 2**20
    for row in comparison.rows:
        for method in row.values:
            assert behind(comparison, row, method)


def test_the_tab_comes_with_its_results(monkeypatch, tmp_path):
    def names() -> list[str]:
        page = build(model)
        return [str(block.label) for block in page.blocks.values() if isinstance(block, gr.Tab)]

    model = load()
    assert "Compare" in names()
    monkeypatch.setattr(compare, "RESULTS", tmp_path / "none.json")
    assert "Compare" not in names() and "Maps" in names()


def test_a_click_shows_what_is_behind_and_a_click_on_its_chart_says_more(comparison):
    from playwright.sync_api import expect, sync_playwright

    from tests.browser.watched import FLAGS

    with gr.Blocks() as demo:
        compare.build_comparison(comparison)
    _, url, _ = demo.launch(prevent_thread_lock=True, quiet=True, ssr_mode=False)
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=shutil.which("chromium") or shutil.which("google-chrome"), args=FLAGS
            )
            page = browser.new_page()
            page.goto(url)
            title = page.locator("#evidence h3")
            expect(title).to_have_text("explorer: Head pose, mean error on parametric people", timeout=60_000)
            expect(page.locator("#errors .plot")).to_be_hidden()
            page.locator('#compare button[data-row="0"][data-method="explorer"]').click()
            expect(title).to_have_text("explorer: Expression, linear probe on FER2013", timeout=20_000)
            expect(page.locator("#compare button.chosen")).to_have_count(1)
            expect(page.locator("#blocks .plot")).to_have_attribute("aria-label", "Each block alone", timeout=20_000)
            page.locator("#errors").scroll_into_view_if_needed()  # a click by coordinates needs it in the window
            box = page.locator("#errors .nsewdrag").bounding_box()
            assert box is not None
            page.mouse.click(box["x"] + 0.25 * box["width"], box["y"] + 0.25 * box["height"])
            expect(page.locator("#said")).to_have_text(
                "Of 40 pictures that are sad, 30 were named rightly.", timeout=20_000
            )
            browser.close()
    finally:
        demo.close()
