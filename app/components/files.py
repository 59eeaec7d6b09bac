"""Files that the page shows, and its own style sheets, markup and scripts, kept as files of their kind in web/."""

from pathlib import Path
from urllib.parse import quote

WEB = Path(__file__).parent / "web"


def text(name: str) -> str:
    """Read one file of web/."""
    return (WEB / name).read_text(encoding="utf-8")


def address(path: str | Path) -> str:
    """Give the page's address of a file below a static path, relative so that a proxy may prefix it.

    Args:
        path: A file or folder below one that gr.set_static_paths was told.
    """
    return "gradio_api/file=" + quote(Path(path).resolve().as_posix())
