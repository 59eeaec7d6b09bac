"""The page that waits for the model opens by itself, at the place in the page that its link names."""

from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
from playwright.sync_api import expect

from app.waiting import WaitingServer

pytestmark = pytest.mark.browser


class There(BaseHTTPRequestHandler):
    """What is served once the model is there."""

    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<h1>There</h1>")

    def log_message(self, format, *args):
        pass


def test_it_opens_by_itself_at_its_link(browser):
    waiting = WaitingServer(None, ("127.0.0.1",))
    page = browser.new_page()
    page.goto(f"http://127.0.0.1:{waiting.port}/#tab=maps")
    expect(page.locator("h1")).to_have_text("One moment")
    page.evaluate("window.kept = true")
    page.wait_for_timeout(4000)  # asked at least once, and not loaded anew
    assert page.evaluate("window.kept")
    waiting.close()
    page.wait_for_timeout(4000)  # asked where nobody answers
    server = HTTPServer(("127.0.0.1", waiting.port), There)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        expect(page.locator("h1")).to_have_text("There", timeout=20_000)
        assert page.url.endswith("#tab=maps")
    finally:
        server.shutdown()
        server.server_close()
        page.close()
