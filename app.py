"""The web app: `python app.py`, then open the address it prints.

GRADIO_SERVER_NAME and GRADIO_SERVER_PORT are honoured; see `python app.py --help` for the rest.
"""

from app.start import prepare
from latentface.unswept import unswept

prepare()

with unswept():
    from app.ui import main

if __name__ == "__main__":
    raise SystemExit(main())
