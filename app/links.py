"""Links: the address of the page holds tab, examples and sliders, never a photo; and arrow keys move between tabs."""

from __future__ import annotations

import gradio as gr

from app.components.files import text
from app.session import Session


def links(session: Session, tabs: list[str]) -> None:
    """Keep the page's address and its controls in step, in the page alone; call it after the tabs are built.

    A tab registers an input by `session.links["strength"] = "#strength input[type=range]"`. A part that draws itself
    sends the event `linked` {key, value} when it changes (None leaves the key out), and takes `restore` {values, done}:
    what it has set from values it names to done(key). An anchor such as `#tab=limits`, and the event `follow`
    {tab, ...}, open a tab and hand the other values on in the same way.

    Args:
        session: Whose `links` are the registered inputs.
        tabs: Ids of the tabs, the first one open.
    """
    page = gr.HTML(
        None, html_template="", js_on_load=text("links.js"), apply_default_css=False, elem_id="links",
        controls=session.links, tabs=tabs,
    )  # fmt: skip

    def open_tab(event: gr.EventData) -> object:
        """Open the tab that the address names."""
        asked = getattr(event, "index", None)
        return gr.Tabs(selected=asked) if asked in tabs else gr.skip()

    page.select(open_tab, None, session.tabs, api_visibility="private", show_progress="hidden", queue=False)
