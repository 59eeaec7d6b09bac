"""Photos made to cost a reader time or memory: `python -m tests.attacks.hostile_photos` prints what each does."""

import io
import struct
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

MEGABYTE = 2**20
FACE = Path(__file__).parent.parent / "data" / "imagined_face.png"


def encoded(image: Image.Image, kind: str, **options) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int, height: int, *more: bytes, pixels: bytes = b"\0" * 100, depth: int = 8, colour: int = 2) -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    end = chunk(b"IDAT", zlib.compress(pixels)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(more) + end


def png_text(kind: bytes) -> bytes:
    packed = zlib.compress(b" " * MEGABYTE)
    bodies = (b"key%d\0\0" % i + (b"\0\0\0\0" if kind == b"iTXt" else b"") + packed for i in range(2000))
    if kind == b"iTXt":
        bodies = (b"key%d\0\1\0\0\0" % i + packed for i in range(2000))
    return png(8, 8, *(chunk(kind, body) for body in bodies))


def png_profile() -> bytes:
    return png(8, 8, chunk(b"iCCP", b"icc\0\0" + zlib.compress(b"\0" * 200 * MEGABYTE)))


def webp_exif() -> bytes:
    one = encoded(Image.new("RGB", (8, 8)), "WEBP", exif=b"Exif\0\0" + b"\0" * MEGABYTE)
    at = one.index(b"EXIF")
    piece = one[at:]
    body = one[12:] + piece * 55
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def tiff_tags(count: int, each: int) -> bytes:
    """A TIFF of so many tags that all point to the same values."""
    shared = b"\0" * each
    known = [(256, 3, 1, 1), (257, 3, 1, 1), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1), (273, 4, 1, 8),
             (277, 3, 1, 1), (278, 3, 1, 1), (279, 4, 1, 1)]  # fmt: skip
    start = 8 + each
    tags = known + [(300 + i, 1, each, 8) for i in range(count - len(known))]
    listing = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", *tag) for tag in tags) + b"\0\0\0\0"
    return b"II*\0" + struct.pack("<I", start) + shared + listing


def bmp_rle(width: int, height: int) -> bytes:
    """A BMP whose run-length code jumps to its end at once."""
    code = b"\0\2\xff\xff" * 1000 + b"\0\1"
    header = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 8, 1, len(code), 0, 0, 256, 0)
    palette = b"".join(bytes((i, i, i, 0)) for i in range(256))
    offset = 14 + len(header) + len(palette)
    return b"BM" + struct.pack("<IHHI", offset + len(code), 0, 0, offset) + header + palette + code


def gif_comments(megabytes: int) -> bytes:
    whole = encoded(Image.new("P", (8, 8)), "GIF")
    at = 13 + 3 * 2 ** ((whole[10] & 7) + 1) if whole[10] & 128 else 13
    block = b"\x21\xfe" + b"\x01x" * 2000 + b"\0"
    return whole[:at] + block * (megabytes * MEGABYTE // len(block)) + whole[at:]


def jpeg_scans(scans: int) -> bytes:
    """A progressive JPEG that refines the same coefficients again and again."""
    whole = encoded(Image.effect_noise((900, 900), 80).convert("RGB"), "JPEG", progressive=True, quality=60)
    last = whole.rindex(b"\xff\xda")
    return whole[:last] + whole[last:-2] * scans + b"\xff\xd9"


def tiff_of(mode: str, side: int) -> bytes:
    array = np.zeros((side, side), {"F": np.float32, "I;16": np.uint16, "I": np.int32}[mode])
    return encoded(Image.fromarray(array), "TIFF", compression="tiff_adobe_deflate")


HOSTILE: dict[str, Callable[[], bytes]] = {
    "PNG: 2,000 zTXt of 1 MB": lambda: png_text(b"zTXt"),
    "PNG: 2,000 iTXt of 1 MB": lambda: png_text(b"iTXt"),
    "PNG: colour profile of 200 MB": png_profile,
    "PNG: 100 x 100 with 100 MB of pixels": lambda: png(100, 100, pixels=bytes(100 * MEGABYTE)),
    "PNG: 5,400 x 5,400, 16-bit RGBA, empty": lambda: png(5400, 5400, depth=16, colour=6),
    "PNG: 65,000 x 65,000": lambda: png(65_000, 65_000),
    "WebP: 56 EXIF of 1 MB": webp_exif,
    "TIFF: 2,000 tags of 1 MB, all the same": lambda: tiff_tags(2000, MEGABYTE),
    "TIFF: 65,535 tags of 60 MB, all the same": lambda: tiff_tags(65_200, 60 * MEGABYTE),
    "TIFF: 7,071 x 7,071 of floats": lambda: tiff_of("F", 7071),
    "TIFF: 4,900 x 4,900 of floats": lambda: tiff_of("F", 4900),
    "TIFF: 4,900 x 4,900 of 32 bits": lambda: tiff_of("I", 4900),
    "BMP: run length, 12 M x 1": lambda: bmp_rle(12_000_000, 1),
    "BMP: run length, 1 x 12 M": lambda: bmp_rle(1, 12_000_000),
    "BMP: run length, 5,000 x 5,000": lambda: bmp_rle(5000, 5000),
    "GIF: 60 MB of comments": lambda: gif_comments(60),
    "JPEG: 300 scans": lambda: jpeg_scans(300),
}
"""What it is -> its bytes."""


def main() -> None:
    from latentface.intake import door
    from latentface.intake.limits import MAX_BYTES
    from latentface.photo import PhotoError, read_photo

    read_photo(FACE)
    print("| photo | MB | seconds | worker's peak, MB above idle | answer |\n|---|---|---|---|---|")
    for name, make in HOSTILE.items():
        data = make()[: MAX_BYTES + 1]
        (worker, *_) = door.door.workers() or [None]
        idle = peak_of(worker)
        began = time.perf_counter()
        try:
            said = "read, {} x {}".format(*read_photo(data).shape[1::-1])
        except PhotoError as error:
            said = str(error)
        seconds = time.perf_counter() - began
        peak = peak_of(worker)
        grown = "ended" if peak is None or idle is None else f"{peak - idle:.0f}"
        print(f"| {name} | {len(data) / MEGABYTE:.1f} | {seconds:.1f} | {grown} | {said} |", flush=True)
        read_photo(FACE)


def peak_of(worker) -> float | None:
    """The most memory that a worker ever held, in MB; None when it has ended."""
    try:
        status = Path(f"/proc/{worker.process.pid}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) / 1024
    except (OSError, AttributeError, IndexError):
        return None


if __name__ == "__main__":
    main()
