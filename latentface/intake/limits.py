"""All limits of what strangers bring, in one table, and how files are told apart by their first bytes."""

from __future__ import annotations

from dataclasses import dataclass

MAX_BYTES = 64 * 2**20
"""Of a file."""
MAX_FRAME_PIXELS = 4096 * 2304
"""Of one picture of a clip: with those that a decoder must keep, about what MEMORY holds."""
LEAST_CLIP_SIDE, MAX_CLIP_SIDE = 32, 8192
"""Sides of a clip's pictures in pixels."""
MAX_CLIP_SECONDS = 600.0
"""Length of a clip that is taken apart frame by frame."""
MAX_RATE = 30.0
"""Frames a second that are taken; of a faster clip some are passed over."""
CLIP_PROCESSOR = 6.0
"""Processor seconds that reading a clip may take for each second that it may be long."""
CLIP_FORMATS = "mov,matroska,webm,avi,mpeg,mpegts,asf,flv"
"""The only containers that are opened: playlists and the like could name other files, or addresses."""
CLIP_EXTENSIONS = {".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".wmv", ".flv", ".3gp", ".mts"}
"""Endings of the files that count as clips."""
MAX_SIDE = 2048
"""Longer side of what is returned. The models see faces at 128 pixels or less: a face that fills a photo of this size
is already shrunk eight times or more, and more pixels would cost time and memory for nothing."""
SIDE_ENOUGH = 0.95
"""Share of MAX_SIDE that will do where a JPEG's decoder can halve it so far as it reads: in a quarter of the time."""
MEMORY = 285 * 2**20
"""Address space that decoding one file may take above what the idle worker has; the system enforces it."""
PROCESSOR_SECONDS = 1.9
"""Processor time that a photo, or one frame of a clip, may take; the system ends the worker after it."""
CLOCK_SECONDS = 8.0
"""The same by the clock, for a machine on which others are busy; the one who asked ends the worker after it."""
WORKERS, CLIP_WORKERS = 2, 2
"""Photos, and clips, that are decoded at once in one process of the app: more wait."""
WAIT_SECONDS = 30.0
"""How long a file waits for a worker."""
KEPT_MEMORY = 64 * 2**20
"""Address space above idle with which a worker may go on; beyond it a new one takes its place."""
MAX_PROFILE = 4 * 2**20
"""Bytes of a colour profile; a larger one is passed over."""


@dataclass(frozen=True)
class Kind:
    """One format of photos."""

    said: str
    """Its name for people."""
    endings: tuple[str, ...]
    """Of file names."""
    pixels: int
    """That a photo may have."""
    holds_all: int
    """The same where its decoder must hold all of it at once instead of shrinking as it reads."""


KINDS = {
    "JPEG": Kind("JPEG", (".jpg", ".jpeg", ".jfif"), 250_000_000, 40_000_000),
    "PNG": Kind("PNG", (".png",), 30_000_000, 30_000_000),
    "WEBP": Kind("WebP", (".webp",), 16_800_000, 16_800_000),  # its decoder has three canvases: 16 bytes a pixel
    "GIF": Kind("GIF", (".gif",), 25_000_000, 25_000_000),
    "BMP": Kind("BMP", (".bmp",), 25_000_000, 25_000_000),
    "TIFF": Kind("TIFF", (".tif", ".tiff"), 25_000_000, 25_000_000),
    "AVIF": Kind("AVIF", (".avif",), 25_000_000, 25_000_000),
    "HEIF": Kind("HEIC", (".heic", ".heif"), 25_000_000, 25_000_000),
}
"""Pillow's name of a format -> its limits. No other format is ever opened."""
EXTENSIONS = {ending for kind in KINDS.values() for ending in kind.endings}
"""Endings of the files that count as photos in a folder or an archive."""
SAID = ", ".join(kind.said for kind in list(KINDS.values())[:-1]) + f" or {list(KINDS.values())[-1].said}"
"""The formats, for people."""

_FIRST = {
    b"\xff\xd8\xff": "JPEG",
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"GIF87a": "GIF",
    b"GIF89a": "GIF",
    b"BM": "BMP",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
}
_BRANDS = {b"avif": "AVIF", b"avis": "AVIF"} | dict.fromkeys(
    (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"), "HEIF"
)


def said(seconds: float) -> str:
    """Put a length in words, such as "40 seconds" or "1:05 hours"."""
    whole = round(seconds)
    if whole < 120:
        return f"{whole} seconds"
    return f"{whole // 60} minutes" if whole < 3600 else f"{whole // 3600}:{whole % 3600 // 60:02} hours"


def kind_of(head: bytes) -> str | None:
    """Tell a photo's format by its first bytes, whatever its name says.

    Args:
        head: at least the first 64 bytes, where there are so many.

    Returns:
        A key of KINDS, or None for anything else.
    """
    for first, kind in _FIRST.items():
        if head.startswith(first):
            return kind
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    if head[4:8] == b"ftyp":
        end = min(int.from_bytes(head[:4], "big"), 64)
        brands = [head[8:12], *(head[at : at + 4] for at in range(16, end, 4))]
        known = [_BRANDS[brand] for brand in brands if brand in _BRANDS]
        return "AVIF" if "AVIF" in known else next(iter(known), None)
    return None
