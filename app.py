"""The web app: `python app.py`, then open the address it prints. Hugging Face Spaces starts this file too.

GRADIO_SERVER_NAME and GRADIO_SERVER_PORT are honoured; see `python app.py --help` for the rest.
"""

import os
import sys

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # nothing is sent anywhere
os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # before torch: threads that wait must not spin

from app.environment import bad_log, bad_mcp, bad_port, unproxy_loopback  # noqa: E402
from app.own_folder import NoFolder, OwnFolder  # noqa: E402

unproxy_loopback()
if problem := bad_port() or bad_mcp() or bad_log():
    print(f"error: {problem}", file=sys.stderr)
    raise SystemExit(2)
try:
    OwnFolder().use()  # before gradio is imported
except NoFolder as error:
    print(f"error: {error}", file=sys.stderr)
    raise SystemExit(2) from None

from app.ui import main  # noqa: E402

if __name__ == "__main__":
    raise SystemExit(main())
