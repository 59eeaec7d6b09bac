"""The page: title, tabs, footer; and how it is served."""

from __future__ import annotations

import argparse
import sys

import gradio as gr
from starlette.middleware import Middleware

from app import api
from app.hosts import VARIABLE, AllowedHosts, allowed_hosts
from app.session import Model, load
from app.tabs import compare, maps, pose, reconstruct, swap
from app.theme import css, theme
from latentface.detection import DETECTORS
from latentface.photo import MAX_BYTES
from latentface.checkpoints import DEFAULT, CheckpointError
from latentface.results import RESULTS

HOUR = 3600
TITLE = """# LatentFace
What a model has understood about faces from plain pictures alone: shape, identity and expression."""
FOOTER = """Checkpoint `{checkpoint}`, {size} × {size} pixels, trained without labels; its card (the README.md beside the weights) names its data and terms. The
example faces are drawn by a generator whose own training photos carry research terms: treat them, and what comes out
here, as research material. Reconstructions look sharper than they are true: hair, skin and teeth are the model's idea; they
say nothing about who someone is or how they feel, and are **not for identifying people**. Your photos stay on the
machine that runs this page and are deleted after at most two hours."""


def build(model: Model) -> gr.Blocks:
    """The whole app on a loaded model; nothing is launched."""
    gr.set_static_paths([model.gallery.folder.resolve()])
    with gr.Blocks(title="LatentFace", analytics_enabled=False, delete_cache=(HOUR // 2, HOUR)) as demo:
        gr.Markdown(TITLE, elem_id="title")
        with gr.Tab("Reconstruct", id="reconstruct"):
            reconstructed = reconstruct.build(model)
        with gr.Tab("Swap", id="swap"):
            swap.build(model)
        if model.pcl is not None:  # tabs come with what they show
            with gr.Tab("Pose", id="pose"):
                pose.build(model)
        with gr.Tab("Maps", id="maps"):
            maps.build(model, reconstructed)
        if RESULTS.exists():
            with gr.Tab("Compare", id="compare"):
                compare.build()
        gr.Markdown(FOOTER.format(checkpoint=model.checkpoint, size=model.pipeline.size), elem_id="footer")
        api.build(model)
    return demo.queue(default_concurrency_limit=2, max_size=64)


def main(argv: list[str] | None = None) -> int:
    """Loads the model, builds the page, serves it until stopped. Returns the exit code, 2 for a bad checkpoint."""
    parser = argparse.ArgumentParser(prog="python app.py", description="The LatentFace web app.")
    parser.add_argument("--checkpoint", default=DEFAULT, metavar="NAME|DIR|HUB_ID", help=f"default: {DEFAULT}, bundled")
    parser.add_argument("--detector", default=DETECTORS[0], choices=DETECTORS)
    parser.add_argument("--port", type=int, help="default: GRADIO_SERVER_PORT, or the first free one from 7860")
    parser.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help=f"a host name to answer to, beside localhost and {VARIABLE}",
    )
    args = parser.parse_args(argv)
    try:
        model = load(args.checkpoint, args.detector)
    except CheckpointError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    build(model).launch(
        server_port=args.port, theme=theme(), css=css(), footer_links=["api"], max_file_size=MAX_BYTES, ssr_mode=False,
        state_session_capacity=2000, app_kwargs={"middleware": [Middleware(AllowedHosts, allowed=allowed_hosts(args.allow_host))]},
    )  # fmt: skip
    return 0
