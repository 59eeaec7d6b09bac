"""The process in which strangers' bytes are decoded, under limits that the system enforces; it imports no torch.

It reads requests from its input and writes answers to its output until the input ends. A request is a line of JSON
{"job", "bytes", ...} and so many bytes. An answer has parts, each a line of JSON {"bytes", ...} and so many bytes; its
last one is {"end", "error"}. Photos and clips have workers of their own: see the jobs below.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from latentface.intake.decode import Refused, decode
from latentface.intake.limits import KEPT_MEMORY, MAX_BYTES, MEMORY, PROCESSOR_SECONDS

try:
    import resource
except ImportError:  # not everywhere; the clock holds there
    resource = None

DAMAGED = "the file is damaged or cut off: save it again, and try that"
UNREADABLE = "the file cannot be read: check its path and its permissions"
HUNGRY = "the file takes too much memory to read: save it again, smaller, and try that"


def address_space() -> int:
    """Tell how many bytes of address space this process has; 0 where the system does not say."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return 0


def confine(idle: int) -> None:
    """Take from this process what it does not need: memory, files, programs' dumps, Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the one who asks decides when it ends
    if resource is not None:
        if idle:
            resource.setrlimit(resource.RLIMIT_AS, (idle + MEMORY, idle + MEMORY))
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


Part = tuple[dict[str, Any], memoryview]
"""A piece of an answer: what it says, and bytes."""
Job = Callable[[dict[str, Any], bytes], Iterator[Part]]
"""Takes a request and the bytes with it; raises Refused, with one line, where it cannot be done."""


def photo(request: dict[str, Any], data: bytes) -> Iterator[Part]:
    """Decode a photo, its bytes or those at a path: one part."""
    if "path" in request:
        try:
            with Path(request["path"]).open("rb") as file:
                data = file.read(MAX_BYTES + 1)
        except OSError as error:
            raise Refused(UNREADABLE) from error
    found = decode(data)
    height, width = found.pixels.shape[:2]
    yield {"shape": [height, width], "size": [found.width, found.height]}, found.pixels.data.cast("B")


def clip_jobs() -> dict[str, Job]:
    """Name the jobs of a worker for clips. PyAV is loaded here, before the memory of the idle worker is measured."""
    from latentface.intake import clip_decode, clip_sound

    def about(request: dict[str, Any], data: bytes) -> Iterator[Part]:
        yield clip_decode.about(Path(request["path"]), request["limit"], request["longest"]), memoryview(b"")

    def frames(request: dict[str, Any], data: bytes) -> Iterator[Part]:
        return _pictures(clip_decode.frames(Path(request["path"]), request["limit"], request["longest"]))

    def spread(request: dict[str, Any], data: bytes) -> Iterator[Part]:
        return _pictures(clip_decode.spread_frames(Path(request["path"]), request["count"], request["longest"]))

    def sound(request: dict[str, Any], data: bytes) -> Iterator[Part]:
        return (({}, memoryview(piece)) for piece in clip_sound.sound(Path(request["path"])))

    return {"about": about, "frames": frames, "spread": spread, "sound": sound}


def _pictures(source: Iterator[tuple[float, np.ndarray]]) -> Iterator[Part]:
    for second, picture in source:
        height, width = picture.shape[:2]
        yield {"second": second, "shape": [height, width]}, picture.data.cast("B")


def serve(requests: BinaryIO, answers: BinaryIO, jobs: dict[str, Job]) -> None:
    """Answer requests until there are no more, or until the memory of one does not come back."""
    idle = address_space()
    confine(idle)
    while line := requests.readline():
        request = json.loads(line)
        _clock(PROCESSOR_SECONDS)
        problem: str | None = None
        try:
            for head, body in jobs[request["job"]](request, requests.read(request["bytes"])):
                _clock(0)
                answers.write(json.dumps({**head, "bytes": len(body)}).encode() + b"\n")
                answers.write(body)
                answers.flush()
                _clock(PROCESSOR_SECONDS)
                del body
        except Refused as error:
            problem = str(error)
        except MemoryError:
            problem = HUNGRY
        except BrokenPipeError:  # nobody listens any more
            return
        except Exception:  # whatever else hostile bytes bring about
            problem = DAMAGED
        _clock(0)
        last = address_space() > idle + KEPT_MEMORY
        answers.write(json.dumps({"end": True, "error": problem, "bytes": 0, "last": last}).encode() + b"\n")
        answers.flush()
        if last:
            return


def _clock(seconds: float) -> None:
    """Have the system end this process after so much of its processor time, whatever it does; 0 lifts that."""
    signal.setitimer(signal.ITIMER_PROF, seconds)


if __name__ == "__main__":
    serve(sys.stdin.buffer, sys.stdout.buffer, clip_jobs() if sys.argv[1:] == ["clips"] else {"photo": photo})
