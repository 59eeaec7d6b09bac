"""The page, built from the list of tabs; and how it is served."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from threading import Thread
from typing import Any

import gradio as gr
from starlette.middleware import Middleware

from app import api, whole_files
from app.components.checkpoint_choice import Choice, checkpoint_choice
from app.components.face_chips import face_chips
from app.components.fairness_note import fairness_note
from app.components.language_choice import language_choice
from app.components.stage import warm
from app.environment import LANES, keep_seconds
from app.health import Health
from app.hosts import VARIABLE, AllowedHosts, allowed_hosts
from app.language.first import LanguageFirst
from app.links import links
from app.pages import OtherPages
from app.pipelines import PIPELINES
from app.plain_uploads import PlainUploads
from app.preview import head
from app.request_log import LoggedPage, LoggedRequests
from app.run_folder import RunFolder
from app.run_pages import address_of, further_pages, is_empty, run_folders, shown_runs
from app.session import Model, load, open_session
from app.tabs import TABS, Tab
from app.theme import css, theme
from app.tour import limits_link, tour
from app.upload_limits import MeteredUploads, UploadLimits
from app.waiting import WaitingServer
from latentface.checkpoints import DEFAULT, CheckpointError, bundled, resolved, shown_name, summary_of
from latentface.detection import DETECTORS
from latentface.fairness import read_fairness
from latentface.garbage import without_collection
from latentface.moving import EncodeAndSplit
from latentface.photo import MAX_BYTES

VISITORS = 500
"""Visitors whose faces are remembered, about a megabyte a face; the longest idle are forgotten first."""
TITLE = """# LatentFace
What a model has understood about faces from plain pictures alone: shape, identity and expression."""
FOOTER = """Checkpoint `{checkpoint}`, {size} × {size} pixels, trained without labels; its card (the README.md beside
the weights) names its data and terms. The example faces are drawn by a generator whose own training photos carry
research terms: treat them, and what comes out here, as research material. Reconstructions look sharper than they are
true: hair, skin and teeth are the model's idea; they say nothing about who someone is or how they feel, and are **not
for identifying people**. Your photos and clips stay on the machine that runs this page, without the place, time and
names that cameras write into files, and are deleted after at most two hours, and when the page is shut down."""


def build(
    model: Model, tabs: Sequence[Tab] = TABS, choices: Sequence[Choice] = (), runs: Sequence[RunFolder] = ()
) -> LoggedPage:
    """Build the page of a loaded model; nothing is launched.

    Args:
        model: The checkpoint and its gallery.
        tabs: The page's tabs, in order.
        choices: The checkpoints that the visitor can choose, this one among them.
        runs: Training runs that are shown as they grow.
    """
    gr.set_static_paths([model.gallery.folder.resolve(), model.atlas.folder.resolve()])
    whole_files.use()
    keep = keep_seconds()
    with LoggedPage(title="LatentFace", analytics_enabled=False, delete_cache=(keep // 2, keep)) as demo:
        demo.state_session_capacity = VISITORS
        session = open_session(model, runs)
        shown = [tab for tab in tabs if tab.is_shown(session)]
        with gr.Row(elem_id="top"):
            gr.Markdown(TITLE, elem_id="title")
            tour([tab.id for tab in shown])
            checkpoint_choice(list(choices))
            language_choice()
        face_chips(session)
        session.tabs.render()
        with session.tabs:
            for tab in shown:
                with gr.Tab(tab.name, id=tab.id):
                    gr.HTML(f"<h2>{tab.name}</h2>", elem_classes="unseen")  # for those who listen to the page
                    tab.build(session)
        links(session, [tab.id for tab in shown])
        limits_link([tab.id for tab in shown])
        gr.Markdown(FOOTER.format(checkpoint=model.name, size=model.pipeline.size), elem_id="footer")
        fairness_note(read_fairness(model.folder))
        api.build(model)
    demo.queue(default_concurrency_limit=LANES, max_size=64)
    return demo


def look() -> dict[str, Any]:
    """Give what every page is served with."""
    return {
        "theme": theme(), "css": css(), "head": head(), "footer_links": ["api"], "max_file_size": MAX_BYTES,
        "ssr_mode": False, "run_history": False,
    }  # fmt: skip


def offered(asked: Sequence[str], runs: Sequence[str] = ()) -> list[str]:
    """List the checkpoints to choose from, each once: those asked for, the bundled ones, then those of runs.

    Args:
        asked: Names, folders, Hub ids; the first opens.
        runs: Folders of runs, whether they hold a checkpoint yet or not.
    """
    names: dict[str, str] = {}
    for name in [*([*asked, *bundled()] or [DEFAULT]), *runs]:
        names.setdefault(resolved(name), name)
    return list(names.values())


def choices(first: str, others: dict[str, str], here: str) -> list[Choice]:
    """Link the pages of all checkpoints from one of them.

    Args:
        first: The checkpoint whose page is at /.
        others: Slug -> checkpoint of the rest.
        here: The checkpoint whose page it is.
    """
    up = "./" if here == first else "../../"
    below = {name: address_of(slug, up) for slug, name in others.items() if name != first and not is_empty(name)}
    pages = {first: up, **below}.items()
    return [Choice(shown_name(name), address, summary_of(name), name == here) for name, address in pages]


def parser() -> argparse.ArgumentParser:
    """Declare the options of `python app.py`."""
    options = argparse.ArgumentParser(prog="python app.py", description="The LatentFace web app.")
    options.add_argument(
        "--checkpoint", action="append", default=[], metavar="NAME|DIR|HUB_ID",
        help=f"what the page shows (default: {DEFAULT}); again for more to choose from, beside the bundled ones",
    )  # fmt: skip
    options.add_argument(
        "--run", action="append", default=[], metavar="DIR",
        help="a training run to show as it trains; again for more. Its checkpoint can be chosen too once it has one",
    )  # fmt: skip
    options.add_argument("--detector", default=DETECTORS[0], choices=DETECTORS)
    options.add_argument("--port", type=int, help="default: GRADIO_SERVER_PORT, or the first free one from 7860")
    options.add_argument(
        "--allow-host", action="append", default=[], metavar="NAME",
        help=f"a host name to answer to, beside localhost and {VARIABLE}",
    )  # fmt: skip
    return options


def main(argv: list[str] | None = None, on_gpu: EncodeAndSplit | None = None) -> int:
    """Load the model, build the page, serve it until stopped.

    Args:
        argv: Options; those of the command line where None.
        on_gpu: Encodes and splits the crops of clips on a lent GPU, for the first checkpoint.

    Returns:
        The exit code: 2 for a port that is taken, and for a bad checkpoint once the page that says so is stopped.
    """
    args = parser().parse_args(argv)
    if bad := next((run for run in args.run if Path(run).exists() and not Path(run).is_dir()), None):
        print(f"error: --run {bad} is a file: give a run's folder", file=sys.stderr)
        return 2
    runs = shown_runs(args.run, args.checkpoint)
    checkpoints = offered(args.checkpoint, runs)
    others = further_pages(checkpoints, runs)
    PIPELINES.offered = [name for name in checkpoints if not is_empty(name)]

    other: list[LoggedPage] = []

    def page(checkpoint: str) -> gr.Blocks:
        """Load a further checkpoint and build its page."""
        model = load(checkpoint, args.detector)
        Thread(target=warm, args=(model,)).start()
        known = run_folders(runs, others, "../../")
        built = build(model, choices=choices(checkpoints[0], others, checkpoint), runs=known)
        other[:] = [built]  # of the page before nobody waits any more
        return built

    allowed = allowed_hosts(args.allow_host)
    try:
        limits, waiting = UploadLimits.from_environment(), WaitingServer(args.port, allowed)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"error: the page can't be served: {error}", file=sys.stderr)
        return 2
    try:
        model = replace(load(checkpoints[0], args.detector), on_gpu=on_gpu)
    except CheckpointError as error:
        print(f"error: {error}; port {waiting.port} says so until this is stopped", file=sys.stderr, flush=True)
        waiting.fail(error)
        return 2
    known = run_folders(runs, others, "./")
    with without_collection():
        first = build(model, choices=choices(checkpoints[0], others, checkpoints[0]), runs=known)
    middleware = [
        Middleware(Health, checkpoint=checkpoints[0], pages=lambda: [first, *other]),
        Middleware(LoggedRequests),
        Middleware(AllowedHosts, allowed=allowed),
        Middleware(MeteredUploads, limits=limits),
        Middleware(PlainUploads),
        Middleware(LanguageFirst),
        Middleware(OtherPages, first=checkpoints[0], others=others, page=page, options=look()),
    ]
    waiting.close()
    try:
        first.launch(
            server_port=waiting.port, state_session_capacity=VISITORS, app_kwargs={"middleware": middleware},
            prevent_thread_lock=True, **look(),
            _frontend=False,  # else gradio asks for the page, and gives up if 3 s are too short, as among visitors
        )  # fmt: skip
    except OSError as error:  # gradio's words for a port that somebody else took meanwhile
        print(f"error: the page can't be served: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    Thread(target=warm, args=(model,)).start()  # beside the first visitors
    first.block_thread()
    return 0
