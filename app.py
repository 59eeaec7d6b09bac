"""The web app: `python app.py`, then open the address it prints.

GRADIO_SERVER_NAME and GRADIO_SERVER_PORT are honoured; see `python app.py --help` for the rest.
"""

from app.start import prepare
from latentface.garbage import without_collection

prepare()

with without_collection():
    from app.ui import main

if __name__ == "__main__":
    raise SystemExit(main())
