"""Your own faces into shards: `python -m train import SOURCE --out SHARDS`.

SOURCE is a folder of images (each its own person), a folder of folders (one a person, read as one clip), or a tar
archive laid out either way; a .jsonl of the same name beside it may hold factors, one line an image with "file".
"""

import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from PIL import Image

from latentface.alignment import NoFaceError, align
from latentface.photo import EXTENSIONS, PhotoError, read_photo

from .run import Progress
from .shards import MARGIN, ShardsError, write_shards

SIDE = 160
"""Side of a stored frame in pixels: the standard crop at 128 px, with margin."""


def _images(source: Path) -> Iterator[tuple[str, bytes]]:
    """(name inside the source, file's bytes) of all images, in order of name."""
    if source.is_dir():
        for path in sorted(p for p in source.rglob("*") if p.suffix.lower() in EXTENSIONS):
            yield path.relative_to(source).as_posix(), path.read_bytes()
        return
    with tarfile.open(source) as archive:
        members = (m for m in archive.getmembers() if m.isfile() and Path(m.name).suffix.lower() in EXTENSIONS)
        for member in sorted(members, key=lambda m: m.name):
            yield member.name, archive.extractfile(member).read()


def _frame(data: bytes, aligned: bool) -> bytes:
    """One stored frame, WebP. An aligned image that is stored as it should be passes untouched."""
    if aligned:
        with Image.open(io.BytesIO(data)) as image:
            if image.format == "WEBP" and image.size == (SIDE, SIDE):
                return data
        picture = Image.fromarray(read_photo(data)).resize((SIDE, SIDE), Image.Resampling.LANCZOS)
    else:
        picture = Image.fromarray(align(read_photo(data), SIDE, margin=MARGIN).image)
    buffer = io.BytesIO()
    picture.save(buffer, "WEBP", quality=92, method=4)
    return buffer.getvalue()


def import_source(source: Path, out: Path, aligned: bool = False, about: dict | None = None) -> dict:
    """Writes the faces of `source` as shards; returns the manifest, with what was dropped and why.

    aligned: the images are standard crops with margin already (as `train imagined` draws them); nothing is detected.
    Raises ShardsError where there is no source, no image in it, or no face in any image.
    """
    if not source.exists():
        raise ShardsError(f"{source} does not exist")
    if source.is_file() and not tarfile.is_tarfile(source):
        raise ShardsError(f"{source} is neither a folder nor a tar archive")
    lines = source.with_suffix(".jsonl")
    factors = {}
    if lines.exists():
        factors = {row["file"]: row for row in map(json.loads, lines.read_text().splitlines())}
    total = sum(1 for _ in _images(source)) if source.is_dir() else sum(m.isfile() for m in tarfile.open(source))
    progress, dropped = Progress(total), []

    def clips() -> Iterator[tuple[str, list[bytes], list[dict]]]:
        key, frames, rows = None, [], []
        for done, (name, data) in enumerate(_images(source), 1):
            parent = PurePosixPath(name).parent.as_posix()
            person = parent if parent != "." else PurePosixPath(name).stem
            if person != key and frames:
                yield key.replace("/", "_"), frames, rows
                frames, rows = [], []
            key = person
            try:
                frames.append(_frame(data, aligned))
                rows.append({"person": person, "frame": len(frames) - 1, **factors.get(name, {}), "file": name})
            except (PhotoError, NoFaceError, OSError) as error:
                dropped.append({"file": name, "reason": str(error)})
            progress(done, f"{len(dropped)} dropped", line=done % 1000 == 0 or done == total)
        if frames:
            yield key.replace("/", "_"), frames, rows

    manifest = write_shards(clips(), out, {"source": source.name, **(about or {})})
    if not manifest["frames"]:
        raise ShardsError(f"no face found in {source}" if dropped else f"no images in {source}")
    (out / "dropped.json").write_text(json.dumps(dropped, indent=1))
    return {**manifest, "dropped": len(dropped)}
