"""Tab How it works in a browser: all scenes by keyboard alone, on a desktop and on a phone, and the toy that trains."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from app.components.files import text
from app.how.scenes import SCENES
from tests.browser.watched import DESKTOP, PHONE, Watched

pytestmark = [pytest.mark.browser, pytest.mark.slow]
PATIENCE = 60_000


def focus_by_tab(page: Page, selector: str) -> None:
    """Press Tab until an element has the focus."""
    for _ in range(120):
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
        page.keyboard.press("Tab")
    pytest.fail(f"Tab does not reach {selector}")


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_all_scenes_by_keyboard(browser, app, viewport):
    watched = Watched(browser, app.url + "#tab=how", viewport, reduced_motion="reduce")
    page = watched.page
    scenes = page.locator("#how")
    expect(scenes.locator("h3")).to_have_text(SCENES[0].title, timeout=PATIENCE)
    focus_by_tab(page, "#how .next")
    for number, scene in enumerate(SCENES):
        expect(scenes.locator("h3")).to_have_text(scene.title)
        expect(scenes.locator(".chapter")).to_have_text(scene.chapter)
        expect(scenes.locator(".visual > *").first).to_be_visible(timeout=PATIENCE)
        expect(scenes.locator(".lacks")).to_have_count(0)
        width = page.evaluate("document.scrollingElement.scrollWidth - innerWidth")
        assert width <= 0, f"{scene.id} scrolls sideways by {width} pixels"
        assert scenes.locator("[aria-current]").get_attribute("data-index") == str(number)
        page.keyboard.press("Enter" if number % 2 else "ArrowRight")
    page.keyboard.press("ArrowLeft")
    expect(scenes.locator("h3")).to_have_text(SCENES[-2].title)
    assert page.url.endswith(f"scene={SCENES[-2].id}")
    page.keyboard.press("Shift+Tab")  # from Next to the last dot
    page.keyboard.press("Enter")
    expect(scenes.locator("h3")).to_have_text(SCENES[-1].title)
    if viewport is DESKTOP:
        check_depths(page)
    assert watched.quiet(), watched.errors
    page.context.close()


def check_depths(page: Page) -> None:
    """Blocks and formulas of a scene, chosen by keyboard, and a slider that moves no scene."""
    scenes = page.locator("#how")
    scenes.locator(".dots button").nth(5).press("Enter")
    expect(scenes.locator("dt").first).to_have_text("Code")
    scenes.locator(".depths input").first.press("ArrowRight")
    expect(scenes.locator(".block-row")).to_have_count(2)
    expect(scenes.locator(".block-row small").first).to_have_text("3 × 64 × 64")
    scenes.locator(".depths input").nth(1).press("ArrowRight")
    expect(scenes.locator(".symbols math")).to_have_count(2)
    dial = scenes.locator(".dial input")
    dial.press("Home")
    expect(scenes.locator(".pane.main figcaption")).to_have_text("0 numbers: the average face")
    dial.press("ArrowRight")
    expect(scenes.locator(".pane.main figcaption")).to_contain_text("1 number:")
    expect(scenes.locator("h3")).to_have_text("Its colours in a few numbers")


def test_a_link_opens_a_scene_and_another_face_replaces_it(browser, app):
    watched = Watched(browser, app.url + "#tab=how&scene=shading", DESKTOP, reduced_motion="reduce")
    page = watched.page
    expect(page.locator("#how h3")).to_have_text("Put the light back", timeout=PATIENCE)
    expect(page.locator("#how .who span")).to_have_text("On this face: Example 1")
    expect(page.locator("#how .visual canvas")).to_be_visible(timeout=PATIENCE)
    page.wait_for_function(PAINTED)
    page.get_by_role("tab", name="Reconstruct").click()
    page.locator("#photo .examples button").nth(4).click()
    page.get_by_role("tab", name="How it works").click()
    expect(page.locator("#how .who span")).not_to_have_text("On this face: Example 1", timeout=PATIENCE)
    expect(page.locator("#how .visual canvas")).to_be_visible(timeout=PATIENCE)
    assert watched.quiet(), watched.errors
    page.context.close()


PAINTED = """() => {
  const pen = document.createElement("canvas").getContext("2d");
  pen.drawImage(document.querySelector("#how .visual canvas"), 0, 0, 60, 60);
  return pen.getImageData(0, 0, 60, 60).data.some((value) => value && value !== 255);
}"""
GRADIENTS = """() => {
  const network = makeNetwork([INPUTS, 7, 5, 2], 4), { uniform, normal } = dice(9), worst = [];
  const rows = Array.from({ length: 6 }, (_, i) => ({
    x: normal(), y: normal(), time: Math.floor(uniform() * T), group: i % 3 - 1, clean: [normal(), normal()],
  }));
  const { gradients } = lossOf(network, rows);
  network.forEach((layer, l) => ["weight", "bias"].forEach((name) => layer[name].forEach((value, i) => {
    layer[name][i] = value + 1e-5;
    const up = lossOf(network, rows).loss;
    layer[name][i] = value - 1e-5;
    const slope = (up - lossOf(network, rows).loss) / 2e-5, found = gradients[l][name][i];
    layer[name][i] = value;
    worst.push(Math.abs(slope - found) / (1e-3 + Math.abs(found)));
  })));
  return { worst: Math.max(...worst), some: gradients[0].weight.filter((g) => Math.abs(g) > 1e-4).length };
}"""
LEARNING = """() => {
  const points = preset("moons"), training = makeTraining(points, 1);
  const off = (group, guidance) => {
    const ends = walks(training.network, 80, 20, group, guidance, 5).map((way) => training.scaled.back(way[20]));
    return distance(ends, points.filter((point) => group < 0 || point.group === group));
  };
  const before = [off(-1, 1), off(0, 1)];
  for (let k = 0; k < 260; k++) training.step(6e-3 * (1 - k / 300));
  const alphas = [ALPHAS[0], ALPHAS[500], ALPHAS[999]];
  return { before, after: [off(-1, 1), off(0, 1)], unheeded: off(0, 0), alphas, times: timesOf(5) };
}"""


@pytest.fixture
def mathematics(browser) -> Iterator[Page]:
    """A blank page with the toy's mathematics."""
    page = browser.new_page()
    page.add_script_tag(content=text("toy_math.js"))
    yield page
    page.close()


def test_backpropagation_agrees_with_finite_differences(mathematics):
    found = mathematics.evaluate(GRADIENTS)
    assert found["worst"] < 1e-3 and found["some"] > 50


def test_points_end_nearer_to_the_drawn_ones_the_more_is_learned(mathematics):
    found = mathematics.evaluate(LEARNING)
    assert all(after < 0.6 * before for before, after in zip(found["before"], found["after"], strict=True)), found
    assert found["unheeded"] > 1.5 * found["after"][1], "without guidance the colour says nothing"
    product, alphas = 1.0, []
    for t in range(1000):
        product *= 1 - (1e-4 + (0.02 - 1e-4) * t / 999)
        alphas.append(product)
    assert found["alphas"] == pytest.approx([alphas[0], alphas[500], alphas[999]], rel=1e-9)
    assert found["times"] == [800, 600, 400, 200, 0]  # as the RDM's


def test_the_toy_is_drawn_trained_and_walked(browser, app):
    watched = Watched(browser, app.url + "#tab=how", PHONE, reduced_motion="reduce", has_touch=True)
    page, toy = watched.page, watched.page.locator("#toy")
    said = toy.locator(".said")
    toy.locator(".walk").press("Enter")
    expect(said).to_contain_text("Train first")
    toy.get_by_role("button", name="Clear").press("Enter")
    toy.locator(".train").press("Enter")
    expect(said).to_have_text("Draw at least 10 points first.")
    board = toy.locator(".stage canvas")
    board.evaluate("board => { board.parentElement.style.width = '280px'; }")
    page.wait_for_function("document.querySelector('#toy .stage canvas').height === 280")
    # as new, on a phone of 390 pixels: right in width alone
    board.evaluate("board => { [board.width, board.height] = [300, 150]; board.parentElement.style.width = '300px'; }")
    page.wait_for_function("document.querySelector('#toy .stage canvas').height === 300")
    board.tap(position={"x": 90, "y": 120})
    expect(said).to_have_text("3 points.")
    for key in ("ArrowRight", "Space", "c", "ArrowDown", "Space"):
        board.press(key)
    expect(said).to_have_text("9 points.")
    toy.get_by_role("button", name="Two moons").press("Enter")
    toy.locator(".train").press("Enter")
    page.wait_for_function("Number(document.querySelector('#toy .train').dataset.round) > 200", timeout=120_000)
    toy.locator(".train").press("Enter")
    expect(said).to_contain_text("Stopped after")
    toy.locator(".walk").press("Enter")
    expect(said).to_contain_text("220 points walked 20 steps")
    assert (
        float(
            page.locator("#toy").evaluate(
                "e => (e.matches('[data-off]') ? e : e.querySelector('[data-off]')).dataset.off"
            )
        )
        < 0.15
    )
    toy.locator(".told input").nth(1).press("ArrowRight")
    toy.locator(".steps").press("ArrowRight")
    expect(said).to_contain_text("walked 50 steps")
    assert page.evaluate("document.scrollingElement.scrollWidth - innerWidth") <= 0
    assert watched.quiet(), watched.errors
    page.context.close()
