"""Starting the app where its port can't be had: one line, exit code 2."""

import os
import resource
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from app.environment import PORT, bad_port, share_cores
from app.ui import main

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("value, good", [("7860", True), ("abc", False), ("", False), ("-1", False), ("99999", False)])
def test_ports_of_the_environment(monkeypatch, value, good):
    monkeypatch.setenv(PORT, value)
    assert (bad_port() is None) == good


def test_a_bad_port_in_the_environment_is_one_line():
    done = subprocess.run(
        [sys.executable, "app.py"], cwd=ROOT, env={**os.environ, PORT: "abc"}, capture_output=True, text=True
    )
    assert done.returncode == 2 and done.stderr == f"error: {PORT} is 'abc', not a port: a number from 1 to 65535\n"


@pytest.mark.parametrize("cores, threads", [(1, "1"), (2, "1"), (8, "4")])
def test_lanes_share_the_cores_and_waiting_threads_do_not_spin(monkeypatch, cores, threads):
    for name in ("OMP_NUM_THREADS", "OMP_WAIT_POLICY"):
        monkeypatch.setenv(name, "")  # so that it is put back
        monkeypatch.delenv(name)
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    share_cores()
    assert os.environ["OMP_NUM_THREADS"] == threads and os.environ["OMP_WAIT_POLICY"] == "passive"
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    share_cores()
    assert os.environ["OMP_NUM_THREADS"] == "3"


def test_a_taken_port_is_one_line(capsys):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        assert main(["--port", str(other.getsockname()[1])]) == 2
    error = capsys.readouterr().err.strip()
    assert error.startswith("error: the page can't be served") and len(error.splitlines()) == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    "environment, said",
    [
        ({"GRADIO_MCP_SERVER": "True"}, "error: GRADIO_MCP_SERVER asks for MCP, whose package is missing: pip install"),
        ({"LATENTFACE_LOG": "xml"}, "error: LATENTFACE_LOG is 'xml': use json, text, off"),
        ({"LATENTFACE_KEEP_SECONDS": "5"}, "error: LATENTFACE_KEEP_SECONDS is '5': use a whole number from 60 to 3600"),
        ({"GRADIO_TEMP_DIR": "/proc/here"}, "error: uploads cannot be kept in /proc/here"),
    ],
)
def test_an_environment_that_cannot_be_is_one_line(environment, said):
    done = subprocess.run(
        [sys.executable, "app.py"], cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True
    )
    assert done.returncode == 2 and done.stderr.startswith(said) and len(done.stderr.splitlines()) == 1


def test_no_temporary_folder_at_all_is_one_line():
    def nothing_can_be_written() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))

    environment = {name: value for name, value in os.environ.items() if name != "GRADIO_TEMP_DIR"}
    done = subprocess.run(
        [sys.executable, "app.py"], cwd=ROOT, env={**environment, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True, text=True, preexec_fn=nothing_can_be_written,
    )  # fmt: skip
    assert done.returncode == 2 and done.stderr.startswith("error: uploads cannot be kept in the temporary folder")
    assert len(done.stderr.splitlines()) == 1
