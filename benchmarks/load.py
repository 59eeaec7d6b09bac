"""Many visitors at once: errors, mixed-up answers, how long they wait, and what the server keeps of them.

    OMP_NUM_THREADS=1 python -m benchmarks.load [--visitors 20] [--seconds 300] [--burst 100] [--out load.json]

Starts the app on the bundled checkpoint. First every task is done alone: its answer, with all files it names, is
what each later answer must equal, bit for bit. Then the visitors work, each with a session and an address of their
own, one task after another; then --burst of them ask at the same moment, which is more than the queue takes. Memory,
threads, handles and temporary files are counted before, meanwhile and after; the app keeps files for two minutes here
instead of an hour.
"""

import argparse
import hashlib
import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from typing import Any

import httpx
import numpy as np
import psutil
from PIL import Image

from latentface.gallery import Gallery
from train.common.run import record

KEPT = 120
"""Seconds for which the app keeps files here."""
PEOPLE = 8
"""Photos that visitors bring."""
EVERY = 5.0
"""Seconds between two looks at the server."""
PATIENCE = 300.0
"""Seconds after which an answer is given up and counts as an error."""


class Refused(Exception):
    """The server said in words that it will not take the task now."""


@dataclass(frozen=True)
class Task:
    """What a visitor asks for."""

    name: str
    """Of the endpoint."""
    photos: tuple[int, ...]
    more: tuple[Any, ...] = ()

    def __str__(self) -> str:
        return f"{self.name}{self.photos}{self.more}"


TASKS = [
    *(Task("reconstruct", (i,), (0,)) for i in range(PEOPLE)),
    *(Task("swap", (i, (i + 3) % PEOPLE), (strength, 0, "AABB")) for i in range(4) for strength in (1, 1.5)),
    *(Task("place", (i,), (0,)) for i in range(4)),
    *(Task("pose_swap", (i, i + 1)) for i in range(4)),
]


@dataclass
class Server:
    """A running app and what it holds."""

    url: str
    process: psutil.Process
    temp: Path
    looks: list[dict[str, float]] = field(default_factory=list)

    def look(self) -> dict[str, float]:
        """Count memory in MB, threads, handles, files and children."""
        family = [self.process, *self.process.children(recursive=True)]
        return {
            "memory": sum(one.memory_info().rss for one in family if one.is_running()) / 1e6,
            "own_memory": self.process.memory_info().rss / 1e6,
            "threads": self.process.num_threads(),
            "handles": self.process.num_fds(),
            "children": len(family) - 1,
            "files": sum(path.is_file() for path in self.temp.rglob("*")),
        }

    def watch(self, ended: Event) -> None:
        """Look every few seconds until told."""
        while not ended.wait(EVERY):
            self.looks.append(self.look())


class Visitor:
    """One visitor: a session, an address, and the photos that were uploaded."""

    def __init__(self, server: Server, number: int, photos: list[bytes], functions: dict[str, int]):
        self.http = httpx.Client(
            base_url=f"{server.url}gradio_api/", timeout=PATIENCE,
            headers={"X-Forwarded-For": f"198.51.100.{number % 250 + 1}"},
        )  # fmt: skip
        self.session, self.photos, self.functions = uuid.uuid4().hex, photos, functions
        self.places: list[int] = []
        """Places in line that were said."""

    def upload(self, photo: int) -> dict[str, Any]:
        """Upload a photo and give what names it in a request."""
        answer = self.http.post("upload", files={"files": ("photo.jpg", self.photos[photo], "image/jpeg")})
        answer.raise_for_status()  # a limit on uploads that ends a visitor here would end others too
        return {"path": answer.json()[0], "meta": {"_type": "gradio.FileData"}}

    def ask(self, task: Task) -> str:
        """Do a task as the page would, and digest its answer with all files it names.

        Raises:
            Refused: the queue is full.
            RuntimeError: anything else went wrong.
        """
        data = [*map(self.upload, task.photos), *task.more]
        asked = {"data": data, "fn_index": self.functions[task.name], "session_hash": self.session}
        answer = self.http.post("queue/join", json=asked)
        if answer.status_code == 503:
            raise Refused(answer.json()["detail"])
        answer.raise_for_status()
        with self.http.stream("GET", "queue/data", params={"session_hash": self.session}) as stream:
            for line in stream.iter_lines():
                if not line.startswith("data:"):
                    continue
                said = json.loads(line.removeprefix("data:"))
                if said["msg"] == "estimation" and said.get("rank") is not None:
                    self.places.append(said["rank"])
                elif said["msg"] == "process_completed":
                    if not said["success"]:
                        raise RuntimeError(str(said["output"].get("error")))
                    return self.digest(said["output"]["data"])
        raise RuntimeError("the answer broke off")

    def digest(self, answer: object) -> str:
        """Digest an answer: its values, and the bytes of the files it names; file names count nothing."""
        found = hashlib.sha256()

        def walk(value: object) -> None:
            """Add a value, and all that is in it."""
            if isinstance(value, dict) and value.get("url"):
                file = self.http.get(str(value["url"]))
                file.raise_for_status()
                found.update(file.content)
            elif isinstance(value, dict):
                for name in sorted(value):
                    found.update(name.encode())
                    walk(value[name])
            elif isinstance(value, list):
                for one in value:
                    walk(one)
            else:
                found.update(repr(value).encode())

        walk(answer)
        return found.hexdigest()


def photos() -> list[bytes]:
    """Photos of people who do not exist, as a camera would have them."""
    gallery, made = Gallery(), []
    with tempfile.TemporaryDirectory() as folder:
        for row in sorted(gallery.singles)[:PEOPLE]:
            page = Image.new("RGB", (1200, 900), (120, 130, 125))
            page.paste(Image.open(gallery.picture(row)).convert("RGB").resize((600, 600)), (300, 150))
            file = Path(folder) / "photo.jpg"
            page.save(file, quality=92)
            made.append(file.read_bytes())
    return made


def started(folder: Path, port: int) -> tuple[Server, subprocess.Popen, float]:
    """Start the app and wait until it can serve."""
    began = time.monotonic()
    environment = {
        **os.environ, "GRADIO_TEMP_DIR": str(folder / "temp"), "LATENTFACE_KEEP_SECONDS": str(KEPT),
        "LATENTFACE_LOG": "off",
    }  # fmt: skip
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "app.py", "--port", str(port)], stdout=log, stderr=log, env=environment
        )
    server = Server(f"http://127.0.0.1:{port}/", psutil.Process(process.pid), folder / "temp")
    while True:
        try:
            if httpx.get(f"{server.url}healthz").status_code == 200:
                return server, process, time.monotonic() - began
        except httpx.HTTPError:
            if process.poll() is not None:
                raise RuntimeError((folder / "log").read_text()) from None
        time.sleep(0.3)


def work(
    visitor: Visitor, expected: dict[Task, str], until: float, seed: int, found: list[tuple[str, str, float]]
) -> None:
    """Let a visitor do one task after another; collects (endpoint, outcome, seconds)."""
    rng = random.Random(seed)
    while time.monotonic() < until:
        task = rng.choice(TASKS)
        found.append(outcome(visitor, task, expected))


def together(visitors: list[Visitor], expected: dict[Task, str], seconds: float) -> list[tuple[str, str, float]]:
    """Let visitors work side by side; raises what none of them can count as an outcome."""
    found: list[tuple[str, str, float]] = []
    until = time.monotonic() + seconds
    with ThreadPoolExecutor(max(1, len(visitors))) as pool:
        ends = [pool.submit(work, visitor, expected, until, n, found) for n, visitor in enumerate(visitors)]
    for end in ends:
        end.result()
    return found


def faults(found: list[tuple[str, str, float]]) -> int:
    """Count the answers that are mixed up, and the errors; a full queue is none."""
    return sum(how == "mixed" or how.startswith("error") for _, how, _ in found)


def outcome(visitor: Visitor, task: Task, expected: dict[Task, str]) -> tuple[str, str, float]:
    """Do a task and say how it ended: ok, mixed, refused, or an error's words."""
    began = time.monotonic()
    try:
        how = "ok" if visitor.ask(task) == expected[task] else "mixed"
    except Refused as error:
        how = f"refused: {error}"
    except (httpx.HTTPError, RuntimeError, KeyError, ValueError) as error:
        how = f"error: {type(error).__name__} {error}"[:200]
    return task.name, how, time.monotonic() - began


def told(found: list[tuple[str, str, float]], title: str) -> dict[str, Any]:
    """Print and give a table: requests, outcomes, median and 95th percentile by endpoint."""
    kinds = Counter(how.partition(":")[0] for _, how, _ in found)
    print(
        f"{title}: {len(found)} requests, {kinds['error']} errors, {kinds['mixed']} mixed, {kinds['refused']} refused"
    )
    table: dict[str, Any] = {"requests": len(found), **kinds}
    for name in sorted({task.name for task in TASKS}):
        seconds = [took for task, how, took in found if task == name and how == "ok"]
        if seconds:
            table[name] = {"count": len(seconds), **{f"p{p}": float(np.percentile(seconds, p)) for p in (50, 95)}}
            print(f"  {name:12} {len(seconds):5}   p50 {table[name]['p50']:6.2f} s   p95 {table[name]['p95']:6.2f} s")
    for words, count in Counter(how for _, how, _ in found if how not in ("ok", "mixed")).most_common(5):
        print(f"  {count} times: {words}")
    return table


def main() -> int:
    """Run all of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--visitors", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--burst", type=int, default=100, help="visitors who ask at the same moment; 0 leaves it out")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--out", type=Path, help="JSON with all figures")
    args = parser.parse_args()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", args.port))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as made:
        folder, brought = Path(made), photos()
        server, process, start = started(folder, port)
        try:
            config = httpx.get(f"{server.url}config", timeout=60).json()
            functions = {d["api_name"]: d["id"] for d in config["dependencies"] if d["api_name"]}
            alone = Visitor(server, 0, brought, functions)
            expected = {task: alone.ask(task) for task in TASKS}
            took = [outcome(alone, task, expected) for task in TASKS]
            before, ended = server.look(), Event()
            figures: dict[str, Any] = {"start": start, "load": os.getloadavg(), "alone": told(took, "alone")}
            watcher = Thread(target=server.watch, args=(ended,))
            watcher.start()
            visitors = [Visitor(server, n + 1, brought, functions) for n in range(max(args.visitors, args.burst))]
            found = together(visitors[: args.visitors], expected, args.seconds)
            burst: list[tuple[str, str, float]] = []
            figures["together"] = told(found, f"{args.visitors} visitors")
            places = [place for visitor in visitors for place in visitor.places]
            print(f"  places in line said: {len(places)}, the last of them {max(places, default=0)}")
            if args.burst:
                with ThreadPoolExecutor(len(visitors)) as pool:
                    asked = [TASKS[n % PEOPLE] for n in range(args.burst)]
                    burst = list(pool.map(lambda v, t: outcome(v, t, expected), visitors, asked))
                figures["burst"] = told(burst, f"{args.burst} at the same moment")
            ended.set()
            watcher.join()
            for visitor in (alone, *visitors):
                visitor.http.close()
            time.sleep(1.7 * KEPT)
            after = server.look()
            figures |= {
                "before": before,
                "after": after,
                "looks": server.looks,
                "most": max(n["memory"] for n in server.looks),
            }
            print(f"{'':12} {'before':>10} {'most':>10} {'after':>10}")
            for name in before:
                most = max(one[name] for one in server.looks)
                print(f"{name:12} {before[name]:10.0f} {most:10.0f} {after[name]:10.0f}")
        finally:
            process.terminate()
            process.wait(60)
        left = [str(path.relative_to(folder / "temp")) for path in (folder / "temp").rglob("*")]
        log = (folder / "log").read_text()
        traced = "Traceback" in log
        print(f"after the end: {len(left)} files; tracebacks in its log: {'yes' if traced else 'none'}")
        if traced:
            print(log[-4000:])
        if args.out:
            args.out.write_text(json.dumps(record(vars(args) | {"out": str(args.out)}, **figures, left=left), indent=1))
    return 1 if faults([*took, *found, *burst]) or left or traced else 0


if __name__ == "__main__":
    sys.exit(main())
