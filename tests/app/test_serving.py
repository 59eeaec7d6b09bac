"""Starting the app where its port can't be had: one line, exit code 2."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from app.environment import PORT, bad_port
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


def test_a_taken_port_is_one_line(capsys):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        assert main(["--port", str(other.getsockname()[1])]) == 2
    error = capsys.readouterr().err.strip()
    assert error.startswith("error: the page can't be served") and len(error.splitlines()) == 1
