"""Ctrl-C twice, quickly: one stop, one line, no process left; and a disk that fills up."""

import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from train.__main__ import main
from train.common import run
from train.common.run import stoppable

ROOT = Path(__file__).parents[3]
PHOTO = ROOT / "tests" / "data" / "photo.jpg"


def test_a_press_right_after_the_first_is_the_same_press_and_one_later_stops_at_once(monkeypatch):
    with stoppable() as pressed:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        assert pressed()
        monkeypatch.setattr(run, "QUICK", -1)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_a_program_that_runs_a_command_gets_its_handlers_back(capsys):
    def said() -> str:
        text = capsys.readouterr().err
        assert text.startswith("error: ") and text.count("\n") == 1 and text[:-1].isprintable()
        return text

    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    assert main(["paint"]) == 2 and "paint" in said()
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
    with ThreadPoolExecutor(1) as pool:  # where no handler can be set
        assert pool.submit(main, ["paint\x1b[31m\nit"]).result() == 2 and "\\n" in said()
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


@pytest.fixture
def photos(tmp_path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(60):
        shutil.copyfile(PHOTO, folder / f"{number}.jpg")
    return folder


def command(*words: object, **options) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", "train", *map(str, words)], cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        text=True, start_new_session=True, **options,
    )  # fmt: skip


@pytest.mark.slow
def test_two_quick_presses_end_an_import_and_its_workers(photos, tmp_path):
    process = command("import", photos, "--workers", 2, "--out", tmp_path / "out")
    try:
        while not (tmp_path / "out" / "00000.partial").exists():
            assert process.poll() is None
            time.sleep(0.01)
        for _ in range(2):
            os.killpg(process.pid, signal.SIGINT)
            time.sleep(0.04)
        error = process.communicate(timeout=60)[1]
        assert process.returncode == 130 and error.splitlines()[-1] == "stopped" and "Traceback" not in error
        for _ in range(100):  # the last of them ends by itself
            try:
                os.killpg(process.pid, 0)
            except ProcessLookupError:
                return
            time.sleep(0.1)
        pytest.fail("a process of the import lives on")
    finally:
        process.kill()


@pytest.mark.slow
def test_a_full_disk_is_one_line_and_the_same_call_goes_on(photos, tmp_path):
    def little_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    words = ("import", photos, "--out", tmp_path / "out")
    process = command(*words, preexec_fn=little_room, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
    error = process.communicate(timeout=120)[1].splitlines()[-1]
    assert process.returncode == 2 and error.startswith("error: ") and "the same call goes on" in error
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["arguments.json"]
