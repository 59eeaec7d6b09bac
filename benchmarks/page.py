"""How long a visitor waits: start, photo, example, sliders, swap, measured in a headless browser.

    python -m benchmarks.page PHOTO... [--out page.json]

Starts the app on the bundled checkpoint and drives it in Debian's chromium, which draws WebGL on the CPU here, so the
numbers hold server, page and drawing together. Prints median and 95th percentile, and the server's memory.
"""

import argparse
import json
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from playwright.sync_api import Page, sync_playwright

from train.common.run import record

FLAGS = ["--no-sandbox", "--disable-gpu", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
WATCH = """
for (const name of ["texImage2D", "drawArrays", "drawElements"]) {
  const own = WebGL2RenderingContext.prototype[name];
  WebGL2RenderingContext.prototype[name] = function (...all) {
    (window.calls ??= {})[name] = performance.now();
    return own.apply(this, all);
  };
}"""
"""Notes when WebGL was last given a picture and last drew."""
MOVE = """([selector, value, calls]) => new Promise((done) => {
  const slider = document.querySelector(selector), began = performance.now();
  slider.value = value;
  slider.dispatchEvent(new Event("input", { bubbles: true }));
  const after = (name) => (window.calls?.[name] ?? 0) > began;
  const look = () => calls.some(after) ? done(performance.now() - began) : setTimeout(look, 2);
  look();
})"""
"""Moves a slider and waits until WebGL has done one of the calls."""
DRAWN, GIVEN = ["drawArrays", "drawElements"], ["texImage2D"]


def percentiles(milliseconds: list[float]) -> dict[str, float]:
    """Give the median, the 95th percentile and the count."""
    return {
        "median_ms": round(float(np.median(milliseconds))),
        "p95_ms": round(float(np.percentile(milliseconds, 95))),
        "times": len(milliseconds),
    }


def until(page: Page, act: Callable[[], object], expression: str) -> float:
    """Do something and wait until a JavaScript expression holds; milliseconds."""
    began = time.perf_counter()
    act()
    page.wait_for_function(expression, timeout=60_000, polling=10)
    return 1000 * (time.perf_counter() - began)


def memory(process: int) -> float:
    """Give the resident memory of a process in megabytes."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


def on_stage(name: str) -> str:
    """Whether the stage and the words beside it show a face."""
    label = f"document.querySelector('#stage canvas').getAttribute('aria-label').startsWith('{name},')"
    return f"{label} && document.querySelector('#photo .status').textContent.startsWith('{name}.')"


def measure(page: Page, photos: list[Path], times: int) -> dict[str, dict[str, float]]:
    """Use the page as a visitor does.

    Args:
        page: The page, opened.
        photos: Photos of one face each.
        times: How often everything is done.
    """
    found: dict[str, list[float]] = {}
    for turn in range(times):
        photo = photos[turn % len(photos)]
        bring = lambda photo=photo: page.locator("#photo input[type=file]").set_input_files(photo)  # noqa: E731
        found.setdefault("photo to everything", []).append(until(page, bring, on_stage(f"Photo {turn + 1}")))
    for turn in range(times):
        number = turn % 12
        click = page.locator("#photo .examples button").nth(number).click
        found.setdefault("example to everything", []).append(until(page, click, on_stage(f"Example {number + 1}")))
    page.locator("#stage .expression summary").click()
    page.locator("#stage .numbers summary").click()
    sliders = (
        ("turn and light (drawn in the page)", '#stage [data-number="yaw"] input[type=range]', DRAWN, 20),
        ("expression slider to picture", '#stage [data-expression="smile"] input', GIVEN, 1),
    )
    for name, selector, calls, step in sliders:
        for turn in range(3 * times):
            page.wait_for_timeout(150)
            found.setdefault(name, []).append(page.evaluate(MOVE, [selector, step * (1 + turn % 2), calls]))
    page.get_by_role("tab", name="Swap", exact=True).click()
    image = "document.querySelector('#swapped img').src"
    page.wait_for_function(f"document.querySelector('#swapped img') && {image}")
    for name, act in (
        ("swap: another B to picture", lambda turn: page.locator("#photo-b .examples button").nth(turn % 12).click),
        ("swap: strength to picture", lambda turn: lambda: page.evaluate(STRENGTH, 0.5 + 0.25 * (turn % 3))),
    ):
        for turn in range(times):
            page.wait_for_timeout(1000)  # until the numbers below are there
            page.evaluate(f"window.before = {image}")
            found.setdefault(name, []).append(until(page, act(turn), f"{image} !== window.before"))
    return {name: percentiles(values) for name, values in found.items()}


STRENGTH = """(value) => {
  const slider = document.querySelector("#strength .range");
  slider.value = value;
  slider.dispatchEvent(new Event("input", { bubbles: true }));
}"""


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path, nargs="+")
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--browser", default="chromium", help="name or path of the browser")
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    began = time.perf_counter()
    process = subprocess.Popen([sys.executable, "app.py", "--port", str(port)], stdout=subprocess.DEVNULL)
    try:
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                time.sleep(0.02)
        served = time.perf_counter() - began
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=shutil.which(args.browser), args=FLAGS)
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            page.add_init_script(WATCH)
            opened = until(
                page,
                lambda: page.goto(f"http://127.0.0.1:{port}/"),
                "window.calls?.drawElements || window.calls?.drawArrays",
            )
            start = {
                "served_s": round(served, 1),
                "page_drawn_s": round(served + opened / 1000, 1),
                "memory_mb": round(memory(process.pid)),
            }
            waits = measure(page, args.photos, args.times)
            start["memory_after_mb"] = round(memory(process.pid))
            browser.close()
    finally:
        process.terminate()
        process.wait()
    result = {
        "start": start,
        "waits": waits,
        "run": record({"photos": len(args.photos), "times": args.times}, command="python -m benchmarks.page"),
    }
    print(json.dumps(result, indent=2))
    if args.out:
        args.out.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
