"""Every file of the corpus by every way in: `python -m tests.attacks --out TABLE.md`; some twenty minutes.

Prints and writes one row a call: file, way in, seconds, MB above idle, outcome. A row that is not a right result or one
clear line within SECONDS and MB makes the exit code 1. Times are right on a quiet machine only.
"""

import argparse
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

from gradio_client import Client, handle_file

from tests.attacks.corpus import ARGUMENTS, CLIP, GROUPS, NUMBERS, PHOTO, clip, corpus, face
from tests.attacks.ways import MB, SECONDS, WAYS, Outcome, Peak, called, library
from tests.helpers import FACE, ROOT, tiny_pipeline


@contextmanager
def running(folder: Path) -> Iterator[tuple[str, int]]:
    """The app of a small checkpoint: its address and process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "GRADIO_TEMP_DIR": str(folder / "uploads"), "LATENTFACE_ADDRESS_UPLOADS": "100000",
                   "LATENTFACE_ADDRESS_MB": "100000"}  # fmt: skip
    with (folder / "app.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "app.py", "--port", str(port)], cwd=ROOT, stdout=log, stderr=log, env=environment
        )
    try:
        while True:
            try:
                urlopen(f"http://127.0.0.1:{port}/config", timeout=5).close()
                break
            except OSError:
                if process.poll() is not None:
                    raise SystemExit((folder / "app.log").read_text()) from None
                time.sleep(1)
        yield f"http://127.0.0.1:{port}/", process.pid
    finally:
        process.terminate()
        process.wait(60)


class App:
    """The app's endpoints, asked by a program."""

    def __init__(self, url: str, pid: int, folder: Path):
        self.client, self.pid = Client(url, verbose=False, download_files=False), pid
        (folder / "good.jpg").write_bytes(face())
        (folder / "good.mp4").write_bytes(clip())
        self.files = {PHOTO: handle_file(folder / "good.jpg"), CLIP: handle_file(folder / "good.mp4")}
        self.ask("reconstruct", [PHOTO, 0])
        self.ask("video", [CLIP, 0])  # both kinds of workers are there

    def ask(self, endpoint: str, arguments: list) -> Outcome:
        given = [self.files.get(one, one) if isinstance(one, str) else one for one in arguments]
        began = time.perf_counter()
        with Peak(self.pid) as peak:
            try:
                self.client.predict(*given, api_name=f"/{endpoint}")
                code, said = 0, "answered"
            except Exception as error:
                code, said = 2, f"error: {error}"
        return Outcome(code, said, time.perf_counter() - began, peak.mb)

    def bring(self, group: str, path: Path) -> Outcome:
        endpoint = {"photo": "reconstruct", "clip": "video"}[group]
        return self.ask(endpoint, [handle_file(path), 0])


def rows(groups: list[str], folder: Path, app: App | None) -> Iterator[tuple[str, str, str, Outcome]]:
    """Group, name, way and outcome of every call."""
    small = folder / "small"
    tiny_pipeline().save_pretrained(small)
    called(lambda: library(["reconstruct", str(FACE), "--out", str(folder / "warm"), "--checkpoint", str(small)]))
    for number, item in enumerate(item for item in corpus() if item.group in groups):
        own = folder / f"{number}"
        own.mkdir()
        path = item.make(own)
        for way, enter in WAYS[item.group].items():
            yield item.group, item.name, way, enter(item.group, path, own / f"out-{way}".replace(" ", "-"), small)
        if app is not None and item.group in ("photo", "clip") and path.is_file():
            yield item.group, item.name, "app", app.bring(item.group, path)
        shutil.rmtree(own, ignore_errors=True)
    if "arguments" not in groups:
        return
    (folder / "good.mp4").write_bytes(clip())
    files = {"swap": ["--identity", str(FACE), "--expression", str(FACE)], "video": [str(folder / "good.mp4")]}
    for words in NUMBERS:
        command = [words[0], *files.get(words[0], [str(FACE)]), *words[1:], "--out", str(folder / "numbers")]
        yield "arguments", words[1], "command line", called(lambda c=command: library([*c, "--checkpoint", str(small)]))
    if app is None:
        return
    for endpoint, arguments in ARGUMENTS:
        shown = json.dumps(arguments, default=str)[:60]
        yield "arguments", f"{endpoint} {shown}", "app", app.ask(endpoint, arguments)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", action="append", choices=[*GROUPS, "arguments"])
    parser.add_argument("--no-app", action="store_true", help="leave the app out")
    parser.add_argument("--out", type=Path, help="write the table there too")
    args = parser.parse_args()
    groups = args.only or [*GROUPS, "arguments"]
    faults = slow = large = count = 0
    lines = ["| kind | file or argument | way in | seconds | MB above idle | outcome |", "|---|---|---|---|---|---|"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with running(folder) if not args.no_app else open(os.devnull) as found:
            app = App(*found, folder) if isinstance(found, tuple) else None
            print("\n".join(lines))
            for group, what, way, made in rows(groups, folder, app):
                count, faults = count + 1, faults + bool(made.fault)
                slow, large = slow + (made.seconds > SECONDS), large + (made.mb > MB)
                said = " ".join((made.said.splitlines() or ["nothing"])[-1].replace(name, "").split()).replace("|", "/")
                mark = f"**{made.fault}** " if made.fault else ""
                printable = "".join(letter if letter.isprintable() else "?" for letter in f"{what} | {way}")
                line = f"| {group} | {printable} | {made.seconds:.1f} | {made.mb:.0f} | {mark}{said[:160]} |"
                lines.append(line)
                print(line, flush=True)
            said = (folder / "app.log").read_text() if app else ""
    lines.append(
        f"\n{count} calls: {faults} without a clear line or result, {slow} over {SECONDS:g} s, {large} over {MB:g} MB, "
        f"{said.count('Traceback')} tracebacks in the app's log."
    )
    print(lines[-1])
    if args.out:
        args.out.write_text("\n".join(lines) + "\n")
    return int(bool(faults or slow or large or "Traceback" in said))


if __name__ == "__main__":
    sys.exit(main())
