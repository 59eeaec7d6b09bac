"""The process in which strangers' bytes are decoded, under limits that the system enforces; it imports no torch.

It reads requests from its input and writes answers to its output until the input ends. A request is a line of JSON
{"job", "bytes", ...} and so many bytes; an answer is a line of JSON {"bytes", ...} or {"error"} and so many bytes.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import BinaryIO

from latentface.intake.decode import DAMAGED, HUNGRY, Refused, decode
from latentface.intake.limits import KEPT_MEMORY, MEMORY, PROCESSOR_SECONDS

try:
    import resource
except ImportError:  # not everywhere; the clock holds there
    resource = None


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


def answer(request: dict, data: bytes) -> tuple[dict, memoryview]:
    """Do one job.

    Args:
        request: with "job": "photo", or "clip" with "path" and "limit".
        data: of the photo.

    Raises:
        Refused: it cannot be done; one line says why.
    """
    if request["job"] == "photo":
        found = decode(data)
        height, width = found.pixels.shape[:2]
        return {"shape": [height, width], "size": [found.width, found.height]}, found.pixels.data.cast("B")
    raise Refused("there is no such job")


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer requests until there are no more, or until the memory of one does not come back."""
    idle = address_space()
    confine(idle)
    while line := requests.readline():
        request = json.loads(line)
        signal.setitimer(signal.ITIMER_PROF, PROCESSOR_SECONDS)  # its signal ends the process, whatever it does
        try:
            data = requests.read(request["bytes"])
            head, body = answer(request, data)
        except Refused as error:
            head, body = {"error": str(error)}, memoryview(b"")
        except MemoryError:
            head, body = {"error": HUNGRY}, memoryview(b"")
        except Exception:  # whatever else hostile bytes bring about
            head, body = {"error": DAMAGED}, memoryview(b"")
        signal.setitimer(signal.ITIMER_PROF, 0)
        data = b""
        last = address_space() > idle + KEPT_MEMORY + len(body)
        answers.write(json.dumps({**head, "bytes": len(body), "last": last}).encode() + b"\n")
        answers.write(body)
        answers.flush()
        if last:
            return


if __name__ == "__main__":
    serve(sys.stdin.buffer, sys.stdout.buffer)
