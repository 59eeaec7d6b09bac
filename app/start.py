"""What must be set before torch and gradio are imported, which read the environment as they load."""

from __future__ import annotations

import os
import sys

from app.environment import bad_keep, bad_log, bad_mcp, bad_port, share_cores, unproxy_loopback
from app.memory import give_back
from app.own_folder import NoFolder, OwnFolder
from app.stubs import leave_out


def prepare() -> None:
    """Set the environment of this process, and give it a folder of its own for what visitors send.

    Raises:
        SystemExit: 2, where a setting cannot be; one line on standard error says which.
    """
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # nothing is sent anywhere
    share_cores()
    give_back()
    unproxy_loopback()
    leave_out()
    problem = bad_port() or bad_mcp() or bad_log() or bad_keep()
    try:
        if problem is None:
            OwnFolder().use()
            return
    except NoFolder as error:
        problem = str(error)
    print(f"error: {problem}", file=sys.stderr)
    raise SystemExit(2)
