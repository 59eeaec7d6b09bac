"""Draw the README's picture: the Reconstruct tab of the running app, as assets/pictures/app.webp.

Start `python app.py --port 7871`, then `python tools/screenshot.py --url http://127.0.0.1:7871`. The face is the first
of the app's examples, who does not exist.
"""

import argparse
import io
import shutil
from pathlib import Path

from PIL import Image
from playwright.sync_api import expect, sync_playwright

OUT = Path(__file__).parent.parent / "assets" / "pictures" / "app.webp"
WIDTH, HEIGHT = 1280, 760
FLAGS = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]


def main(argv: list[str] | None = None) -> int:
    """Take the picture and return the exit code."""
    parser = argparse.ArgumentParser(description="Draw the README's picture of the app.")
    parser.add_argument("--url", default="http://127.0.0.1:7860")
    parser.add_argument("--wait", type=int, default=10, help="seconds for the 3D viewer to draw its first picture")
    parser.add_argument("--out", type=Path, default=OUT)
    args = parser.parse_args(argv)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
        page.goto(args.url)
        expect(page.locator("#parts img").first).to_be_visible(timeout=60_000)
        expect(page.locator("#viewer canvas")).to_be_visible(timeout=60_000)
        page.wait_for_timeout(1000 * args.wait)
        picture = Image.open(io.BytesIO(page.screenshot()))
        browser.close()
    picture.convert("RGB").save(args.out, quality=82, method=6)
    print(f"{args.out}: {args.out.stat().st_size // 1000} kB")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
