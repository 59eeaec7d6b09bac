"""Settings of the environment that must be right before gradio is imported, which reads them as it loads."""

from __future__ import annotations

import os

PORT = "GRADIO_SERVER_PORT"


def bad_port() -> str | None:
    """Say in one line what is wrong with GRADIO_SERVER_PORT; None when it is unset or a port."""
    value = os.environ.get(PORT)
    if value is None or (value.strip().isascii() and value.strip().isdigit() and 0 < int(value) < 2**16):
        return None
    return f"{PORT} is {value!r}, not a port: a number from 1 to {2**16 - 1}"
