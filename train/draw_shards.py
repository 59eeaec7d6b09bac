"""Shards of clips that an engine draws by number: in parallel, and to be killed and continued.

Clip i does not depend on who draws it or when, so the same arguments give the same bytes whatever the number of
workers. A shard is written under another name and renamed when complete; a second start skips what is complete.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
from collections.abc import Callable
from pathlib import Path

import webdataset

from .run import Progress
from .shards import MARGIN, ShardsError

Clip = tuple[str, dict[str, bytes], list[dict]]
"""Key, files by extension ("00.webp", "00.npz", ...), one factor dictionary a frame."""


def draw_shards(
    clip: Callable[[int], Clip], count: int, frames: int, out: Path, arguments: dict, about: dict,
    workers: int = 1, clips_a_shard: int = 100, name: str = "%05d.tar",
) -> dict:  # fmt: skip
    """Writes clips 0 ... count - 1, each of another person, and a manifest; returns the manifest.

    arguments: what the bytes depend on; a folder that was begun with others is refused with ShardsError. about: what
    the manifest says of the data ("source", "licence", ...). name: of a shard, with its number. Processes are forked,
    so what `clip` has loaded before is shared.
    """
    out.mkdir(parents=True, exist_ok=True)
    begun = out / "arguments.json"
    if begun.exists():
        before = json.loads(begun.read_text())
        other = [f"{k} {before.get(k)!r}" for k in sorted({*before, *arguments}) if before.get(k) != arguments.get(k)]
        if other:
            raise ShardsError(f"{out} was begun with other arguments ({', '.join(other)}); choose another --out")
    elif any(out.glob("*.tar")):
        raise ShardsError(f"{out} holds other shards already; choose another --out")
    begun.write_text(json.dumps(arguments, indent=1))
    jobs = []
    for number, start in enumerate(range(0, count, clips_a_shard)):
        path = out / (name % number)
        if not path.exists():
            jobs.append((path, range(start, min(count, start + clips_a_shard))))
    left = sum(len(numbers) for _, numbers in jobs)
    progress = Progress(count * frames, (count - left) * frames)
    context = multiprocessing.get_context("fork")
    drawn = context.Value("q", count - left)

    def write(path: Path, numbers: range) -> None:
        partial = path.with_name(path.name + ".partial")
        with webdataset.TarWriter(str(partial), mtime=0) as writer:
            for number in numbers:
                key, files, factors = clip(number)
                writer.write({"__key__": key.replace(".", "_"), **files, "json": json.dumps(factors).encode()})
                with drawn.get_lock():
                    drawn.value += 1
        os.replace(partial, path)

    def work(queue, failures) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        while (job := queue.get()) is not None:
            try:
                write(*job)
            except Exception as error:  # told to the parent, which stops everything
                failures.put(f"{type(error).__name__}: {error}")
                return

    queue, failures = context.Queue(), context.Queue()
    for job in [*jobs, *[None] * workers]:
        queue.put(job)
    processes = [
        context.Process(target=work, args=(queue, failures), daemon=True) for _ in range(min(workers, len(jobs)))
    ]
    try:
        for process in processes:
            process.start()
        ticks = 0
        while any(process.is_alive() for process in processes):
            for process in processes:
                process.join(0.25)
            ticks += 1
            progress(drawn.value * frames, line=ticks % 80 == 0)
        if not failures.empty():
            raise RuntimeError(failures.get())
        if any(process.exitcode for process in processes):
            raise RuntimeError("a worker was killed; start the command again to continue")
    finally:
        for process in processes:
            if process.is_alive():
                process.terminate()
    progress(count * frames)
    manifest = {
        **about,
        "arguments": arguments,
        "clips": count,
        "frames": count * frames,
        "persons": count,
        "margin": MARGIN,
    }
    (out / "manifest.json").write_text(json.dumps(manifest, indent=1))
    return manifest
