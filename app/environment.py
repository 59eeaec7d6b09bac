"""Settings of the environment that must be right before gradio is imported, which reads them as it loads."""

from __future__ import annotations

import importlib.util
import os

PORT = "GRADIO_SERVER_PORT"


def bad_port() -> str | None:
    """Say in one line what is wrong with GRADIO_SERVER_PORT; None when it is unset or a port."""
    value = os.environ.get(PORT)
    if value is None or (value.strip().isascii() and value.strip().isdigit() and 0 < int(value) < 2**16):
        return None
    return f"{PORT} is {value!r}, not a port: a number from 1 to {2**16 - 1}"


MCP = "GRADIO_MCP_SERVER"


def bad_mcp() -> str | None:
    """Say in one line that MCP is asked for and its package is missing; None otherwise."""
    if os.environ.get(MCP, "").lower() != "true" or importlib.util.find_spec("mcp") is not None:
        return None
    return f"{MCP} asks for MCP, whose package is missing: pip install 'gradio[mcp]'"


LOG = "LATENTFACE_LOG"
"""How requests are logged: one of LOG_FORMS."""
LOG_FORMS = ("json", "text", "off")


def bad_log() -> str | None:
    """Say in one line what is wrong with LATENTFACE_LOG; None when it is unset or one of LOG_FORMS."""
    value = os.environ.get(LOG)
    return None if value is None or value in LOG_FORMS else f"{LOG} is {value!r}: use {', '.join(LOG_FORMS)}"


LANES = 2
"""Visitors who are served at the same time."""


def share_cores() -> None:
    """Give each lane its share of the cores, and let threads that wait leave theirs to others."""
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // LANES)))


KEEP = "LATENTFACE_KEEP_SECONDS"
"""For how long uploads and downloads are kept, an hour at most."""
HOUR = 3600


def bad_keep() -> str | None:
    """Say in one line what is wrong with LATENTFACE_KEEP_SECONDS; None when it is unset or fine."""
    value = os.environ.get(KEEP)
    if value is None or (value.isascii() and value.isdigit() and 60 <= int(value) <= HOUR):
        return None
    return f"{KEEP} is {value!r}: use a whole number from 60 to {HOUR}"


def keep_seconds() -> int:
    """Give the seconds for which uploads and downloads are kept."""
    return int(os.environ.get(KEEP, HOUR))


PROXIES = ("http_proxy", "https_proxy", "all_proxy")
LOOPBACK = "localhost,127.0.0.1,::1"


def unproxy_loopback() -> None:
    """Keep proxies away from this machine itself: gradio asks its own page whether it is there as it starts.

    A SOCKS proxy that the installed packages cannot speak to would stop the app altogether: it is left out.
    """
    for name in (*PROXIES, *map(str.upper, PROXIES)):
        if os.environ.get(name, "").startswith("socks") and importlib.util.find_spec("socksio") is None:
            del os.environ[name]
    for name in ("no_proxy", "NO_PROXY"):
        os.environ[name] = ",".join(filter(None, (os.environ.get(name), LOOPBACK)))
