"""A folder of this process's own for all that visitors send: gone when the app ends, swept when it was killed.

Standard library only: it is opened before gradio is imported, which reads GRADIO_TEMP_DIR as it loads.
"""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path
from types import FrameType

from app.environment import HOUR, keep_seconds

try:
    import fcntl
except ImportError:  # not everywhere; nothing is swept there
    fcntl = None

VARIABLE = "GRADIO_TEMP_DIR"
"""Environment variable with the folder in which the own one is made; unset, the system's temporary folder."""
PREFIX, LOCK = "latentface-uploads-", "in-use"
"""How own folders are named, and the file in each that its process holds locked: a killed one holds nothing."""
OLD, EVERY = 6000, 600
"""Seconds after which what was left behind while the app runs is deleted, and between two looks for it."""


class NoFolder(OSError):
    """No folder can be made. The message is one line that says what to do."""


class OwnFolder:
    """The folder, from now to the end of this process."""

    def __init__(self, base: Path | None = None):
        """Make it, readable by this user alone, and delete those of processes that were killed.

        Args:
            base: where; see VARIABLE.

        Raises:
            NoFolder: nothing can be written there.
        """
        self._process = os.getpid()
        asked = os.environ.get(VARIABLE)
        try:
            self.base = base or Path(asked or tempfile.gettempdir())
            self.base.mkdir(parents=True, exist_ok=True)
            self.path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=self.base)).resolve()
            self._lock = (self.path / LOCK).open("w")
        except OSError as error:
            where, why = base or asked or "the temporary folder", error.strerror or error
            raise NoFolder(f"uploads cannot be kept in {where} ({why}): set {VARIABLE} to your own folder") from error
        if fcntl is not None:
            fcntl.flock(self._lock, fcntl.LOCK_EX)
        sweep_killed(self.base)

    def use(self) -> None:
        """Have gradio, and every temporary file of this process, use it; delete it at exit, and at SIGTERM."""
        os.environ[VARIABLE] = os.environ["TMPDIR"] = tempfile.tempdir = str(self.path)
        atexit.register(self.delete)
        signal.signal(signal.SIGTERM, self._terminated)
        threading.Thread(target=self._keep_sweeping, daemon=True).start()

    def delete(self) -> None:
        """Delete it with all that is in it; a copy of this process that ends deletes nothing."""
        if os.getpid() == self._process:
            shutil.rmtree(self.path, ignore_errors=True)

    def _terminated(self, number: int, frame: FrameType | None) -> None:
        self.delete()  # at once: threads that still work may hold up the exit
        sys.exit(128 + number)

    def _keep_sweeping(self) -> None:
        while True:
            time.sleep(min(EVERY, keep_seconds() / 2))
            sweep_old(self.path, OLD * keep_seconds() / HOUR)


def sweep_killed(base: Path) -> None:
    """Delete the folders whose processes have ended without doing so."""
    for folder in base.glob(f"{PREFIX}*"):
        try:
            with (folder / LOCK).open("r+") as lock:
                if fcntl is None:
                    continue
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # raises where its process lives
                shutil.rmtree(folder, ignore_errors=True)
        except OSError:  # in use, another user's, or just being made
            continue


def sweep_old(folder: Path, age: float = OLD) -> None:
    """Delete what visitors who are gone have left.

    gradio deletes uploads and downloads too, and sooner, but its sweeper ends for good when one comes while it looks.

    Args:
        folder: the own one.
        age: in seconds.
    """
    for left in (*folder.glob("clip-*"), *folder.glob("tmp*")):
        try:
            if time.time() - left.stat().st_mtime > age:
                shutil.rmtree(left) if left.is_dir() else left.unlink()
        except OSError:  # somebody was faster
            continue
    for left in (file for file in folder.glob("*/*") if file.is_file() and not file.parent.name.startswith("clip-")):
        try:
            if time.time() - left.stat().st_mtime > age:
                left.unlink()
                left.parent.rmdir()
        except OSError:  # somebody was faster, or more lies there
            continue
