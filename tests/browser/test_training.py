"""Tab Training in a browser: a run's page follows its folder while it is in view, and rests when it is not."""

from collections.abc import Iterator
from pathlib import Path

import gradio as gr
import pytest
from PIL import Image
from playwright.sync_api import expect

from app.components.run_view import run_view
from app.run_folder import RunFolder
from app.session import load
from tests.app.test_run_folder import write_run

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def served(tmp_path) -> Iterator[tuple[str, Path]]:
    """A page with the view of a run and another tab, and the run's folder."""
    run = tmp_path / "run"
    write_run(run)
    for seen in (32, 64):
        Image.new("RGB", (40, 20), "red").save(run / f"sheet_{seen:07d}.png")
    with gr.Blocks() as demo, gr.Tabs():
        with gr.Tab("Run"):
            run_view(load(), [RunFolder(run)])
        with gr.Tab("Other"):
            gr.Markdown("nothing")
    _, url, _ = demo.launch(prevent_thread_lock=True, quiet=True, server_name="127.0.0.1", ssr_mode=False)
    yield url, run
    demo.close()


def test_what_is_new_comes_by_itself_and_only_in_view(browser, served):
    url, run = served
    page = browser.new_page()
    page.goto(url)
    status, sheet = page.locator("#run-status"), page.locator("#run-sheet figcaption")
    expect(status).to_contain_text("64 of 256 images", timeout=30_000)
    expect(sheet).to_have_text("Contact sheet after 64 images")
    with (run / "curves.jsonl").open("a") as file:
        file.write('{"images": 96, "loss": 0.5, "rate": 8.0}\n')
    Image.new("RGB", (40, 20), "blue").save(run / "sheet_0000096.png")
    expect(status).to_contain_text("96 of 256 images", timeout=30_000)
    expect(sheet).to_have_text("Contact sheet after 96 images")  # who was at the newest stays there
    page.locator("#run-at input[type=range]").focus()
    page.keyboard.press("ArrowLeft")
    expect(sheet).to_have_text("Contact sheet after 64 images")
    page.get_by_role("tab", name="Other").press("Enter")
    expect(status).to_be_hidden()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.wait_for_timeout(5000)
    assert not [url for url in asked if "queue/join" in url]
    page.get_by_role("tab", name="Run").press("Enter")
    with page.expect_request("**/queue/join*", timeout=30_000):
        pass
    page.close()
