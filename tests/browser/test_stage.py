"""The stage of Reconstruct: what it draws is what Python draws, and hands, keys and numbers agree."""

import base64
import io
import re
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from playwright.sync_api import Page, expect

from app.components.downloads import FILES
from app.session import Model, Shown, load
from latentface.outline import cut_out
from tests.browser.watched import DESKTOP, PHONE, Watched

pytestmark = pytest.mark.browser

EXAMPLE = 6
"""A face that looks at the camera."""
AIR, TOUCHED, LEFT = 0.88, 3, 12  # as in stage.js


@pytest.fixture(scope="module")
def model() -> Model:
    return load()


@pytest.fixture(scope="module")
def shown(model) -> Shown:
    return model.example(EXAMPLE)


@pytest.fixture(scope="module")
def desktop(app, browser) -> Watched:
    return Watched(browser, app.url, DESKTOP)


@pytest.fixture
def page(desktop) -> Page:
    """The example on the stage, at its photo's view, all of the frame showing the rebuilt face."""
    page = desktop.page
    example(page, EXAMPLE)
    page.locator('#stage [data-layer="rebuilt"]').click()
    page.locator("#stage .wipe").evaluate("wipe => { wipe.hidden = false; wipe.focus(); }")
    page.locator("#stage .wipe").press("Home")
    home = page.locator("#stage .home")
    if home.is_visible():
        home.click()
    expect(home).to_be_hidden()
    page.locator("#stage details").evaluate_all("all => all.forEach((one) => { one.open = true; })")
    return page


def example(page: Page, number: int) -> None:
    page.locator("#photo .examples button").nth(number).click()
    expect(page.locator("#stage .face")).to_have_attribute(
        "aria-label", re.compile(f"^Example {number + 1},"), timeout=30_000
    )


def put(page: Page, **numbers: float) -> None:
    """Moves number sliders as a hand does: yaw, pitch, roll, ambient, diffuse, light_x, light_y."""
    for name, value in numbers.items():
        page.locator(f'#stage [data-number="{name.replace("_", "-")}"] input[type=range]').evaluate(
            "(slider, value) => { slider.value = value; slider.dispatchEvent(new Event('input')); }", str(value)
        )


def value(page: Page, name: str) -> float:
    return float(page.locator(f'#stage [data-number="{name}"] input[type=range]').input_value())


def canvas(page: Page) -> np.ndarray:
    """What the stage shows: RGBA in [0, 1], colours times opacity."""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    data = page.locator("#stage .face").evaluate("canvas => canvas.toDataURL('image/png')")
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(data.split(",")[1]))).convert("RGBA")) / 255
    return np.concatenate([pixels[..., :3] * pixels[..., 3:], pixels[..., 3:]], -1)


def drawn(shown: Shown, size: int, angles: list[float], light: list[float]) -> np.ndarray:
    """The same by Python; NaN beside its picture, which is smaller than the stage once the face has left its photo."""
    own = shown.face.codes.view[0, :3].tolist()
    away = max(abs(a - b) for a, b in zip(angles, own, strict=True))
    t = min(max((away - TOUCHED) / (LEFT - TOUCHED), 0), 1)
    share = t * t * (3 - 2 * t)
    inside = round(size * (1 + (AIR - 1) * share))
    picture, opacity = cut_out(shown.scene.turned(angles, light), inside, share)
    colours = (picture.clamp(-1, 1) + 1) / 2 * opacity
    found = torch.cat([colours, opacity], 1)[0].permute(1, 2, 0).numpy()
    edge = (size - inside) // 2
    return np.pad(found, ((edge, size - inside - edge), (edge, size - inside - edge), (0, 0)), constant_values=np.nan)


def wait_for(true: Callable[[], bool], seconds: float = 30) -> None:
    """Waits for something that the page does a while after it was asked."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.2)


@pytest.mark.parametrize(
    "angles, light",
    [
        (None, None),
        ((8.0, 2.0, -4.0), (0.6, 0.4, 0.3, -0.2)),
        ((25.0, -8.0, 0.0), (0.3, 0.7, -1.0, 0.5)),
        ((-40.0, 12.0, 10.0), (0.2, 0.8, 1.0, 1.0)),
    ],
)
def test_the_stage_shows_what_python_renders(page, shown, angles, light):
    codes = shown.face.codes
    if angles:
        put(page, yaw=angles[0], pitch=angles[1], roll=angles[2])
        put(page, ambient=light[0], diffuse=light[1], light_x=-light[2], light_y=light[3])
    seen = canvas(page)
    expected = drawn(
        shown, seen.shape[0], list(angles or codes.view[0, :3].tolist()), list(light or codes.light[0].tolist())
    )
    assert np.nanmean(expected[..., 3]) > 0.3
    assert np.nanmean(np.abs(seen - expected)) < 0.008  # 2 of 255; a turn of one degree makes more than twice of that
    other = drawn(
        shown, seen.shape[0], [(angles or codes.view[0, :3].tolist())[0] + 2, 0, 0], list(light or (1, 0, 0, 0))
    )
    assert np.nanmean(np.abs(seen - other)) > 0.016


def test_dragging_moves_the_sliders_and_home_brings_the_view_back(page):
    own = {name: value(page, name) for name in ("yaw", "pitch", "light-x")}
    before = canvas(page)
    box = page.locator("#stage .face").bounding_box()
    page.mouse.move(box["x"] + 250, box["y"] + 200)
    page.mouse.down()
    page.mouse.move(box["x"] + 350, box["y"] + 160, steps=4)
    page.mouse.up()
    assert value(page, "yaw") > own["yaw"] + 15 and value(page, "pitch") > own["pitch"] + 5
    lamp = page.locator("#stage .lamp").bounding_box()
    page.mouse.click(lamp["x"] + 0.85 * lamp["width"], lamp["y"] + 0.5 * lamp["height"])
    assert value(page, "light-x") > 0.8 and value(page, "diffuse") >= 0.6
    assert np.abs(canvas(page) - before).mean() > 0.02
    page.locator("#stage .home").click()
    expect(page.locator("#stage .home")).to_be_hidden()
    assert {name: value(page, name) for name in own} == own
    np.testing.assert_allclose(canvas(page), before, atol=2 / 255)


@pytest.mark.parametrize("name, low, high", [("light_x", "left", "right"), ("light_y", "below", "above")])
def test_light_comes_from_the_side_that_its_end_names(page, name, low, high):
    row = page.locator(f'#stage [data-number="{name.replace("_", "-")}"]')
    expect(row.locator(".low")).to_have_text(low)
    expect(row.locator(".high")).to_have_text(high)
    put(page, yaw=0, pitch=0, roll=0, ambient=0.2, diffuse=0.8, light_x=0, light_y=0)
    halves = []
    for end in (-1, 1):
        put(page, **{name: end})
        middle = canvas(page)
        size = middle.shape[0]
        middle = middle[size // 4 : 3 * size // 4, size // 4 : 3 * size // 4, :3].mean(-1)
        side = middle.mean(0) if name == "light_x" else middle.mean(1)[::-1]  # upwards
        halves.append(side[len(side) // 2 :].mean() - side[: len(side) // 2].mean())
    assert halves[1] > halves[0] + 0.03


@pytest.mark.parametrize("name, ends", [("yaw", ("left", "right")), ("pitch", ("down", "up"))])
def test_a_face_turns_to_the_side_that_the_end_names(page, name, ends):
    row = page.locator(f'#stage [data-number="{name}"]')
    expect(row.locator(".low")).to_have_text(ends[0])
    expect(row.locator(".high")).to_have_text(ends[1])
    put(page, **{name: 30})
    expect(page.locator("#stage .face")).to_have_attribute("aria-label", re.compile(f"30° .*{ends[1]}"))


@pytest.mark.parametrize(
    "typed, kept, word",
    [
        ("900", 60, "60 is the most."),
        ("-900", -60, "-60 is the least."),
        ("12.5", 12.5, ""),
        ("", None, "That is no number."),
    ],
)
def test_typed_numbers_are_kept_within_bounds_with_a_word(page, typed, kept, word):
    put(page, yaw=5)
    field = page.locator('#stage [data-number="yaw"] input[type=number]')
    field.fill(typed)
    field.press("Tab")
    assert value(page, "yaw") == (5 if kept is None else kept)
    expect(field).to_have_value(str(5 if kept is None else kept))
    expect(page.locator('#stage [data-number="yaw"] .stopped')).to_have_text(word)


def test_every_layer_shows_something_else_and_says_what(page):
    put(page, yaw=20)
    seen, words = {}, set()
    buttons = page.locator("#stage .layers button")
    assert buttons.all_inner_texts() == [
        "Photo", "Rebuilt", "Colour", "Depth", "Normals", "Clay", "Layout", "Neutral", "Error",
    ]  # fmt: skip
    for button in buttons.all():
        button.click()
        expect(button).to_have_attribute("aria-checked", "true")
        seen[button.inner_text()] = canvas(page)
        words.add(page.locator("#stage .meaning").inner_text())
        expect(page.locator("#stage .face")).to_have_attribute(
            "aria-label", re.compile(f", {button.inner_text().lower()}: ")
        )
    assert len(words) == 9 and page.locator('#stage [aria-checked="true"]').count() == 1
    pictures = list(seen.values())
    least = min(np.abs(a - b).mean() for i, a in enumerate(pictures) for b in pictures[:i])
    assert least > 0.004
    assert np.ptp(seen["Depth"][..., :3] - seen["Depth"][..., :1]) < 0.01  # grey


def test_the_wipe_goes_from_the_layer_to_the_photo(page):
    layer = canvas(page)
    wipe = page.locator("#stage .wipe")
    wipe.press("End")
    assert wipe.get_attribute("aria-valuenow") == "100"
    photo = canvas(page)
    wipe.press("ArrowLeft")
    for _ in range(9):
        wipe.press("ArrowLeft")
    half = canvas(page)
    middle = half.shape[1] // 2
    np.testing.assert_allclose(half[:, : middle - 2], photo[:, : middle - 2], atol=1e-6)
    np.testing.assert_allclose(half[:, middle + 2 :], layer[:, middle + 2 :], atol=1e-6)
    assert np.abs(photo - layer).mean() > 0.01
    put(page, yaw=value(page, "yaw") + 10)
    expect(wipe).to_be_hidden()  # there is no photo from that side


def test_keys_turn_zoom_and_go_back(page):
    face, yaw, pitch = page.locator("#stage .face"), value(page, "yaw"), value(page, "pitch")
    face.focus()
    face.press("ArrowRight")
    face.press("Shift+ArrowUp")
    assert value(page, "yaw") == pytest.approx(yaw + 3, abs=0.6)
    assert value(page, "pitch") == pytest.approx(pitch + 10, abs=0.6)
    before = canvas(page)
    face.press("+")
    assert np.abs(canvas(page) - before).mean() > 0.01
    expect(page.locator("#stage .said")).to_contain_text("Example 7, rebuilt: looks", timeout=5_000)
    face.press("0")
    expect(page.locator("#stage .home")).to_be_hidden()
    lamp = page.locator("#stage .lamp")
    lamp.focus()
    for _ in range(8):
        lamp.press("ArrowRight")
    expect(lamp).to_have_attribute("aria-label", re.compile("the right"))


def test_the_expression_moves_and_comes_back(page):
    before = canvas(page)
    rows = page.locator("#stage .expression .row")
    smile = rows.filter(has_text="Smile").first
    assert "people" in smile.get_attribute("title")
    smile.locator("input").evaluate("slider => { slider.value = 3; slider.dispatchEvent(new Event('input')); }")
    wait_for(lambda: np.abs(canvas(page) - before).mean() > 0.003)
    page.locator("#stage .dice").click()
    expect(smile.locator("input")).not_to_have_value("3", timeout=20_000)
    page.locator("#stage .relax").click()
    expect(smile.locator("input")).to_have_value("0")
    wait_for(lambda: np.abs(canvas(page) - before).max() < 3 / 255)


def test_files_are_handed_over(page, tmp_path):
    put(page, yaw=20)
    page.wait_for_timeout(1000)
    page.locator("#take button").first.click()
    begins = {".webp": b"RIFF", ".glb": b"glTF", ".png": b"\x89PNG", ".json": b"{"}
    for name, _ in FILES.values():
        with page.expect_download(timeout=60_000) as waiting:
            page.locator(f"#take-{name.split('.')[0]}").click()
        assert waiting.value.suggested_filename == f"example-7-{name}"
        path = tmp_path / name
        waiting.value.save_as(path)
        assert path.read_bytes().startswith(begins.get(Path(name).suffix, b"")) and path.stat().st_size > 100
        if name == "settings.json":
            assert '"yaw": 20' in path.read_text()


def test_a_new_photo_is_on_the_stage_and_a_bad_one_leaves_it(page, photos):
    before = canvas(page)
    page.locator("#photo input[type=file]").set_input_files(photos["one.jpg"])
    expect(page.locator("#stage .face")).to_have_attribute("aria-label", re.compile("^Photo 1,"), timeout=30_000)
    mine = canvas(page)
    assert np.abs(mine - before).mean() > 0.02
    page.locator("#photo input[type=file]").set_input_files(photos["text.jpg"])
    expect(page.locator("#photo .error")).to_contain_text("not a photo", timeout=30_000)
    np.testing.assert_array_equal(canvas(page), mine)


def test_nothing_was_asked_of_other_machines_and_nothing_complained(desktop):
    assert desktop.quiet(), (desktop.errors, desktop.hosts)


def test_on_a_phone_the_stage_comes_into_view_and_stays(app, browser, photos):
    phone = Watched(browser, app.url, PHONE, reduced_motion="reduce", has_touch=True)
    page = phone.page
    page.locator("#photo input[type=file]").set_input_files(photos["one.jpg"])
    expect(page.locator("#stage .face")).to_have_attribute("aria-label", re.compile("^Photo 1,"), timeout=30_000)
    page.wait_for_function("() => Math.abs(document.querySelector('#stage .face').getBoundingClientRect().top) < 80")
    page.locator("#stage details").evaluate_all("all => all.forEach((one) => { one.open = true; })")
    last = page.locator("#stage .numbers input[type=range]").last
    last.scroll_into_view_if_needed()
    edges = "part => [part.getBoundingClientRect().top, part.getBoundingClientRect().bottom]"
    top, bottom = page.locator("#stage .face").evaluate(edges)
    assert top >= -2 and bottom < last.evaluate(edges)[0] < PHONE["height"]
    small = page.locator("#stage").evaluate(
        """stage => [...stage.querySelectorAll('button, summary, input, .lamp')].filter((one) => one.offsetParent)
        .map((one) => [one.className || one.id, one.getBoundingClientRect().height])
        .filter(([, height]) => height < 40)"""
    )
    assert not small
    assert phone.quiet(), (phone.errors, phone.hosts)
    page.context.close()


def test_without_webgl_the_server_draws(app, browser):
    none = "HTMLCanvasElement.prototype.getContext = ((own) => function (kind, ...more) { return kind === 'webgl2' ? null : own.call(this, kind, ...more); })(HTMLCanvasElement.prototype.getContext);"  # noqa: E501
    plain = Watched(browser, app.url, DESKTOP, script=none)
    page = plain.page
    expect(page.locator("#stage .plain")).to_contain_text("no WebGL")
    page.locator("#stage .wipe").press("Home")
    wait_for(lambda: canvas(page)[..., 3].mean() > 0.9)
    before = canvas(page)
    page.locator('#stage [data-layer="depth"]').click()
    wait_for(lambda: np.abs(canvas(page) - before).mean() > 0.02)
    assert plain.quiet(), (plain.errors, plain.hosts)
    page.context.close()
