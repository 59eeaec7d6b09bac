"""How fast the maps are: panning 20,000 points beside plotly's scattergl, the card, a lasso to its average face.

python -m benchmarks.atlas --url http://127.0.0.1:7860        a running app; prints one JSON object
"""

import argparse
import json
import shutil
from pathlib import Path

import numpy as np
import plotly
import plotly.graph_objects as go
from playwright.sync_api import Page, sync_playwright

from app.components.atlas import PARTS, packed
from app.components.files import text
from latentface.gallery import MAPS

FLAGS = ["--no-sandbox", "--disable-gpu", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]


def summary(times: list[float]) -> dict[str, float]:
    """Give median and 95th percentile in milliseconds."""
    return {"median_ms": round(float(np.median(times)), 1), "p95_ms": round(float(np.percentile(times, 95)), 1)}


def atlas_page(count: int, seed: int) -> str:
    """Write a page with the atlas alone, of random points."""
    rng = np.random.default_rng(seed)
    places = {name: packed(rng.random((count, 2))) for name in MAPS}
    points = {
        "methods": {"umap": places, "pca": places}, "titles": {name: [name, ""] for name in MAPS}, "trust": {},
        "factors": {"person": {"low": 0, "high": 1, "shares": packed(rng.random(count))}},
        "people": (np.arange(count) // 8).tolist(), "frames": (np.arange(count) % 8).tolist(), "caption": "",
        "sheets": {"thumb": {"files": [], "side": 48, "columns": 16, "rows": 16}},
    }  # fmt: skip
    script = "".join(text(f"atlas_{part}.js") for part in PARTS) + text("atlas.js")
    props = json.dumps({"points": points, "start": 0, "shown": ["whole", "identity", "expression"], "value": {}})
    body = f"""<body style="width:1240px"><div id="map">{text("atlas.html")}</div>"""
    return f"""<style>{text("atlas.css")}</style>{body}<script>
      const element = document.querySelector("#map"), props = {props}, trigger = () => {{}}, watch = () => {{}};
      {script}; window.panels = panels; window.drawNow = drawNow;</script>"""


def plotly_page(count: int, seed: int) -> str:
    """Write a page with as many points by plotly's scattergl."""
    xy = np.random.default_rng(seed).random((count, 2))
    marker = {"size": 4, "color": np.arange(count) // 8, "colorscale": "Viridis"}
    figure = go.Figure(go.Scattergl(x=xy[:, 0], y=xy[:, 1], mode="markers", marker=marker))
    figure.update_layout(width=400, height=400, dragmode="pan")
    script = (Path(plotly.__file__).parent / "package_data" / "plotly.min.js").read_text()
    drawn = f"<div id=p></div><script>Plotly.newPlot('p', {figure.to_json()})</script>"
    return f"<script>{script}</script>{drawn}"


def pan(page: Page, selector: str) -> list[float]:
    """Drag a chart by the mouse and measure the time between drawn frames."""
    box = page.locator(selector).first.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.evaluate("""() => {
      let last = null;
      window.times = [];
      (function each(now) {
        if (last !== null) times.push(now - last);
        last = now;
        if (!window.halted) requestAnimationFrame(each);
      })(performance.now());
    }""")
    for k in range(120):
        page.mouse.move(x + 60 * np.sin(k / 9), y + 40 * np.cos(k / 7))
    page.mouse.up()
    return page.evaluate("window.halted = true, times")[5:]


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--url", help="of a running app; without it only panning is measured")
    options.add_argument("--points", type=int, default=20_000)
    options.add_argument("--seed", type=int, default=0)
    args = options.parse_args()
    found: dict = {"points": args.points, "seed": args.seed}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        for name, html, selector in (
            ("atlas", atlas_page(args.points, args.seed), "canvas"),
            ("scattergl", plotly_page(args.points, args.seed), ".nsewdrag"),
        ):
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            page.set_content(html)
            page.wait_for_selector(selector)
            page.wait_for_timeout(2500)
            found[f"pan_{name}"] = summary(pan(page, selector))
            if name == "atlas":
                script = """() => Array.from({ length: 60 }, () => {
                  const began = performance.now();
                  panels[0].view.x += 1;
                  drawNow(panels[0]);
                  return performance.now() - began;
                })"""
                found["draw_atlas"] = summary(page.evaluate(script))
            page.close()
        if args.url:
            found |= live(browser.new_page(viewport={"width": 1280, "height": 900}), args.url)
        browser.close()
    print(json.dumps(found, indent=1))


def live(page: Page, url: str) -> dict:
    """Measure the card at a dot, and a lasso of 1,000 pictures to its average face, on a running app."""
    page.goto(url)
    page.get_by_role("tab", name="Maps").click()
    page.wait_for_timeout(4000)
    page.locator("#map canvas").first.focus()
    hover = []
    for k in range(40):
        script = """(key) => new Promise((done) => {
          const canvas = document.querySelector('#map canvas'), began = performance.now();
          canvas.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }));
          requestAnimationFrame(() => setTimeout(() => done(performance.now() - began), 0));
        })"""
        hover.append(page.evaluate(script, ["ArrowLeft", "ArrowDown", "ArrowRight", "ArrowUp"][k % 4]))
    lasso = []
    for count in (1000, 999, 998, 997, 996, 995):
        page.locator("#map .many").fill(str(count))
        script = """(count) => new Promise((done) => {
          const face = document.querySelector('#map-viewer .face'), began = performance.now();
          new MutationObserver((_, watcher) => {
            if (!face.getAttribute('aria-label').startsWith(`Average of ${count} `)) return;
            watcher.disconnect();
            done(performance.now() - began);
          }).observe(face, { attributes: true });
          document.querySelector('#map .near').click();
        })"""
        lasso.append(page.evaluate(script, count))
        page.wait_for_timeout(2500)
    return {"hover": summary(hover[5:]), "lasso_1000_to_average": summary(lasso)}


if __name__ == "__main__":
    main()
