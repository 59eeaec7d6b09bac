"""A page of the running app in chromium, with what it asked for and complained about."""

from urllib.parse import urlparse

from playwright.sync_api import Browser, Page, ViewportSize, expect

FLAGS = [
    "--no-sandbox", "--disable-gpu", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
DESKTOP, PHONE = ViewportSize(width=1280, height=900), ViewportSize(width=390, height=844)


def open_tab(page: Page, name: str) -> None:
    """Opens a tab; on a narrow page it may lie in the menu beside the tabs."""
    tab = page.get_by_role("tab", name=name)
    if tab.count() == 0:
        page.locator(".overflow-menu > button").click()
        tab = page.locator(".overflow-dropdown button").filter(has_text=name)
    tab.click()


class Watched:
    """A new visitor's page, opened and drawn."""

    def __init__(self, browser: Browser, url: str, viewport: ViewportSize, script: str = "", **options):
        """Open the page; `script` runs before any of its own, further options are those of a browser context."""
        context = browser.new_context(viewport=viewport, **options)
        context.add_init_script(script)
        self.page: Page = context.new_page()
        self.hosts: set[str] = set()
        self.errors: list[str] = []
        self.page.on("request", lambda request: self.hosts.add(urlparse(request.url).hostname or "inline"))
        self.page.on("console", self._note)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.goto(url)
        # a link may open another tab before the first one is ever drawn
        drawn = "#footer" if "#tab=" in url else "#stage .layers button"
        expect(self.page.locator(drawn).first).to_be_visible(timeout=60_000)

    def _note(self, message) -> None:
        # the 3D viewer tries WebGPU, says so when there is none, and takes WebGL
        if message.type == "error" and "WebGPU" not in message.text:
            self.errors.append(message.text)

    def quiet(self) -> bool:
        """No complaint, and nothing asked of another machine."""
        return not self.errors and self.hosts <= {"127.0.0.1", "inline"}
