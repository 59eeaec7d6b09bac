"""The page, built from the list of tabs; and how it is served."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

import gradio as gr
from starlette.middleware import Middleware

from app import api
from app.components.face_chips import face_chips
from app.hosts import VARIABLE, AllowedHosts, allowed_hosts
from app.links import links
from app.preview import head
from app.session import Model, load, open_session
from app.tabs import TABS, Tab
from app.theme import css, theme
from app.uploads import UploadsOnly
from latentface.checkpoints import DEFAULT, CheckpointError
from latentface.detection import DETECTORS
from latentface.photo import MAX_BYTES

HOUR = 3600
VISITORS = 500
"""Visitors whose faces are remembered, about a megabyte a face; the longest idle are forgotten first."""
TITLE = """# LatentFace
What a model has understood about faces from plain pictures alone: shape, identity and expression."""
FOOTER = """Checkpoint `{checkpoint}`, {size} × {size} pixels, trained without labels; its card (the README.md beside
the weights) names its data and terms. The example faces are drawn by a generator whose own training photos carry
research terms: treat them, and what comes out here, as research material. Reconstructions look sharper than they are
true: hair, skin and teeth are the model's idea; they say nothing about who someone is or how they feel, and are **not
for identifying people**. Your photos stay on the machine that runs this page and are deleted after at most two
hours."""


def build(model: Model, tabs: Sequence[Tab] = TABS) -> gr.Blocks:
    """Build the whole app on a loaded model; nothing is launched.

    Args:
        model: The checkpoint and its gallery.
        tabs: The page's tabs, in order.
    """
    gr.set_static_paths([model.gallery.folder.resolve()])
    with UploadsOnly(title="LatentFace", analytics_enabled=False, delete_cache=(HOUR // 2, HOUR)) as demo:
        gr.Markdown(TITLE, elem_id="title")
        session = open_session(model)
        face_chips(session)
        session.tabs.render()
        with session.tabs:
            shown = [tab for tab in tabs if tab.is_shown(session)]
            for tab in shown:
                with gr.Tab(tab.name, id=tab.id):
                    gr.HTML(f"<h2>{tab.name}</h2>", elem_classes="unseen")  # for those who listen to the page
                    tab.build(session)
        links(session, [tab.id for tab in shown])
        gr.Markdown(FOOTER.format(checkpoint=model.checkpoint, size=model.pipeline.size), elem_id="footer")
        api.build(model)
    return demo.queue(default_concurrency_limit=2, max_size=64)


def parser() -> argparse.ArgumentParser:
    """Declare the options of `python app.py`."""
    options = argparse.ArgumentParser(prog="python app.py", description="The LatentFace web app.")
    options.add_argument(
        "--checkpoint", default=DEFAULT, metavar="NAME|DIR|HUB_ID", help=f"default: {DEFAULT}, bundled"
    )
    options.add_argument("--detector", default=DETECTORS[0], choices=DETECTORS)
    options.add_argument("--port", type=int, help="default: GRADIO_SERVER_PORT, or the first free one from 7860")
    options.add_argument(
        "--allow-host", action="append", default=[], metavar="NAME",
        help=f"a host name to answer to, beside localhost and {VARIABLE}",
    )  # fmt: skip
    return options


def main(argv: list[str] | None = None) -> int:
    """Load the model, build the page, serve it until stopped.

    Args:
        argv: Options; those of the command line where None.

    Returns:
        The exit code: 2 for a bad checkpoint or a port that is taken.
    """
    args = parser().parse_args(argv)
    try:
        model = load(args.checkpoint, args.detector)
    except CheckpointError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    hosts = Middleware(AllowedHosts, allowed=allowed_hosts(args.allow_host))
    try:
        build(model).launch(
            server_port=args.port, theme=theme(), css=css(), head=head(), footer_links=["api"], max_file_size=MAX_BYTES,
            ssr_mode=False, state_session_capacity=VISITORS, app_kwargs={"middleware": [hosts]},
        )  # fmt: skip
    except OSError as error:  # gradio's words for a port that is taken
        print(f"error: the page can't be served: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    return 0
