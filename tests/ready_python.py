"""A Python that has imported what training needs: every program that it runs is a fork of it, and begins at once.

    with ready_python(folder) as python:  # a file that is called as `python` is
        subprocess.run([python, "-m", "train", "rdm", "--help"])

It takes `-m MODULE WORDS...`, `FILE WORDS...`, and `- WORDS...` with the program on stdin. Folder, environment, files
and signals are the caller's, and so is the exit code.
"""

import atexit
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).parent.parent
IMPORTED = [
    *(f"train.commands.{name}" for name in ("autoencoder", "rdm", "evaluate", "people")),
    "train.evaluation.depth", "train.evaluation.leakage", "torch.distributed.run", "torch.distributed.tensor",
]  # fmt: skip
"""What trainers, suites and those who start several of them import."""
CALLER = """#!{python} -SE
import json, os, signal, socket, sys
server = socket.socket(socket.AF_UNIX)
server.connect({address!r})
socket.send_fds(server, [b"1"], [0, 1, 2])
server.sendall(json.dumps([sys.argv[1:], os.getcwd(), dict(os.environ)]).encode())
server.shutdown(socket.SHUT_WR)
answer = server.makefile()
number = int(answer.readline())
for one in (signal.SIGINT, signal.SIGTERM):
    signal.signal(one, lambda sent, _: os.kill(number, sent))
sys.exit(int(answer.readline()))
"""


@contextmanager
def ready_python(folder: Path, modules: Sequence[str] = IMPORTED) -> Iterator[str]:
    """Start such a Python, and end it.

    Args:
        folder: for its socket and the file to call.
        modules: what it imports.
    """
    address, caller = str(folder / "socket"), folder / "python"
    caller.write_text(CALLER.format(python=sys.executable, address=address))
    caller.chmod(0o755)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    words = [sys.executable, str(Path(__file__)), address, *modules]
    process = subprocess.Popen(words, env=environment, stdin=subprocess.DEVNULL)
    try:
        while not Path(address).exists():
            assert process.poll() is None
            time.sleep(0.05)
        yield str(caller)
    finally:
        process.terminate()
        process.wait(10)


def serve(address: str, modules: Sequence[str]) -> None:
    """Import modules, then run a program for every caller."""
    for module in modules:
        import_module(module)
    server = socket.socket(socket.AF_UNIX)
    server.bind(f"{address}.new")
    server.listen()
    os.rename(f"{address}.new", address)

    def ended(*_: object) -> None:
        """Take the exit codes of those that ended."""
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass

    signal.signal(signal.SIGCHLD, ended)
    while True:
        caller, _ = server.accept()
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            server.close()
            keep(caller)
            os._exit(0)
        caller.close()


def keep(caller: socket.socket) -> None:
    """Run one caller's program in a process of its own, and tell its number and exit code."""
    files = socket.recv_fds(caller, 1, 3)[1]
    words, folder, environment = json.loads(caller.makefile().read())
    number = os.fork()
    if number == 0:
        caller.close()
        for own, given in enumerate(files):
            os.dup2(given, own)
            os.close(given)
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environment)
        os._exit(program(words))
    caller.sendall(f"{number}\n".encode())
    _, status = os.waitpid(number, 0)
    caller.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())


def program(words: list[str]) -> int:
    """Run a program as Python does; returns its exit code."""
    sys.path[:0] = ["", *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    code: object = 0
    try:
        if words[0] == "-u":  # as torchrun asks for it
            sys.stdout.reconfigure(write_through=True)  # type: ignore[union-attr]
            words = words[1:]
        if words[0] == "-m":
            sys.argv = words[1:]
            runpy.run_module(words[1], run_name="__main__", alter_sys=True)
        elif words[0] != "-":
            sys.argv = words
            sys.path[0] = str(Path(words[0]).parent)
            runpy.run_path(words[0], run_name="__main__")
        else:
            sys.argv = words
            with open(0) as stdin:
                exec(compile(stdin.read(), "<stdin>", "exec"), {"__name__": "__main__"})
    except SystemExit as stop:
        code = stop.code
        if isinstance(code, str):
            print(code, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
        code = 1
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    return code if isinstance(code, int) else int(code is not None)


if __name__ == "__main__":
    serve(sys.argv[1], sys.argv[2:])
