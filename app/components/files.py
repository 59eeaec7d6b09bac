"""Files that the page shows, and its own style sheets, markup and scripts, kept as files of their kind in app/web/."""

from pathlib import Path
from urllib.parse import quote

WEB = Path(__file__).parent / "web"


def text(name: str) -> str:
    """The text of one file of app/web/."""
    return (WEB / name).read_text(encoding="utf-8")


def address(path: str | Path) -> str:
    """Where the page finds a file below a static path (gr.set_static_paths), relative, so that a proxy may prefix it."""
    return "gradio_api/file=" + quote(Path(path).resolve().as_posix())
