"""The layout of a source of faces: its files, in a folder or a tar, and the people and clips they make.

photo.jpg               images    each its own person
person/photo.jpg        people    photos of one person: one clip
person/clip/0001.jpg    clips     frames of a video of one person
talk.mp4                videos, beside any of these: a clip each, of the person whose folder they lie in
"""

import json
import lzma
import os
import re
import shutil
import tarfile
import zlib
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath

from latentface import video
from latentface.photo import EXTENSIONS, MAX_BYTES, PhotoError
from train.common.places import is_url, reached
from train.common.tar_slices import members, read_slice
from train.data.shards import ShardsError

LAYOUTS = ("auto", "images", "people", "clips")


@dataclass(frozen=True, slots=True)
class Source:
    """One file of a folder, a tar (`size` bytes at `offset`) or an object store (`size` bytes)."""

    name: str
    """Its path inside the source, with /."""
    path: str
    offset: int | None = None
    size: int = 0

    @property
    def suffix(self) -> str:
        """Extension in small letters, with the dot."""
        return PurePosixPath(self.name).suffix.lower()

    @property
    def is_video(self) -> bool:
        """Whether it is a video, by its name."""
        return self.suffix in video.EXTENSIONS

    @property
    def is_photo(self) -> bool:
        """Whether it is a photo, by its name."""
        return self.suffix in EXTENSIONS

    @property
    def folders(self) -> tuple[str, ...]:
        """Folders it lies in, outermost first."""
        return PurePosixPath(self.name).parts[:-1]

    def read(self) -> bytes | Path:
        """Return the argument of read_photo: the path, or the file's bytes; raises PhotoError if too large."""
        if self.offset is None and not is_url(self.path):
            return Path(self.path)
        if self.is_photo and self.size > MAX_BYTES:
            raise PhotoError(f"the file is too large: {self.size / 2**20:.0f} MB")
        return read_slice(self.path, (self.offset or 0, self.size))


def list_files(source: Path, unpacked: Path) -> tuple[list[Source], list[dict]]:
    """List all files of a source that are not hidden, in natural order (2 before 10).

    Args:
        source: a folder, a tar archive (compressed or not), a video or a photo; in an object store, a folder or a tar
            that is not compressed.
        unpacked: where a compressed tar is laid down uncompressed, so that every process can read any file of it.

    Returns:
        The files, and {"file", "reason"} of a tar that is cut off.

    Raises:
        ShardsError: the source is none of these, or missing.
    """
    dropped: list[dict] = []
    if is_url(source):
        files, dropped = _stored_files(source)
    elif source.is_dir():
        paths = [Path(folder) / name for folder, _, names in os.walk(source) for name in names]
        files = [Source(path.relative_to(source).as_posix(), str(path)) for path in paths]
    elif not source.exists():
        raise ShardsError(f"{source} does not exist")
    elif source.suffix.lower() in video.EXTENSIONS | EXTENSIONS:
        files = [Source(source.name, str(source))]
    elif not tarfile.is_tarfile(source):
        raise ShardsError(f"{source} is neither a folder nor a tar archive nor a video")
    else:
        files, whole = _tar_files(source, unpacked)
        if not whole:
            reason = "the archive is damaged or cut off: what follows is missing"
            dropped = [{"file": source.name, "reason": reason}]
    shown = {file.name: file for file in files if not _hidden(file)}
    return sorted(shown.values(), key=lambda file: _natural(file.name)), dropped


def _stored_files(source: Path) -> tuple[list[Source], list[dict]]:
    """List the files of a folder, or of an uncompressed tar, in an object store, and what is wrong with the tar."""
    if source.suffix in (".tar", ".tgz", ".gz", ".xz", ".bz2"):
        try:
            return [Source(name, str(source), *where) for name, where in members(source)], []
        except tarfile.TarError as error:
            raise ShardsError(f"{source} is no whole tar, or compressed: store it as it is, or unpacked") from error
    with reached(source):
        found = source.fs.find(source.path, detail=True)  # type: ignore[attr-defined]  # of a UPath
    if not found:
        raise ShardsError(f"{source} does not exist, or holds no files")
    scheme, above = str(source).partition("://")[0], source.path.rstrip("/")  # type: ignore[attr-defined]
    names = {path: path.removeprefix(above).lstrip("/") or source.name for path in found}
    return [Source(names[path], f"{scheme}://{path}", None, about["size"] or 0) for path, about in found.items()], []


def _tar_files(source: Path, unpacked: Path) -> tuple[list[Source], bool]:
    """The regular files of a tar, and whether it is whole."""
    whole = True
    try:
        tarfile.open(source, "r:").close()
        unpacked = source
    except tarfile.ReadError:
        unpacked.parent.mkdir(parents=True, exist_ok=True)
        with tarfile.open(source) as archive, unpacked.open("wb") as plain:
            stream = archive.fileobj
            assert stream is not None
            stream.seek(0)
            try:
                shutil.copyfileobj(stream, plain, 2**20)  # pyright: ignore[reportArgumentType]  # its stub is too narrow
            except (OSError, EOFError, zlib.error, lzma.LZMAError):
                whole = False
    files = []
    try:
        for name, (first, size) in members(unpacked):
            files.append(Source(name, str(unpacked), first, size))
    except tarfile.TarError:
        whole = False
    return files, whole


def _hidden(file: Source) -> bool:
    return any(part.startswith((".", "__MACOSX")) for part in PurePosixPath(file.name).parts)


def _natural(name: str) -> list:
    """Sorts 2 before 10, folder by folder."""
    pieces = [re.split("([0-9]+)", piece) for piece in name.split("/")]
    return [[int(part) if i % 2 else part for i, part in enumerate(piece)] for piece in pieces]


def given_factors(source: Path) -> dict[str, dict]:
    """Read factors of images by their name, from the .jsonl beside the source; raises ShardsError where it is none."""
    lines = source.with_suffix(".jsonl")
    with reached(lines):
        if not lines.is_file():
            return {}
    try:
        return {row["file"]: row for row in map(json.loads, lines.read_text().splitlines())}
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ShardsError(f'{lines} must hold one JSON object a line, each with "file"') from error


def plan(files: list[Source], layout: str, factors: dict[str, dict], frames: int) -> tuple[list[dict], str]:
    """Tell clips and people from the folders.

    Folders around the whole are neither people nor clips; but the one folder in a folder is a person, while the one in
    a tar is what the tar was made of.

    Args:
        files: in natural order, one at least.
        layout: one of LAYOUTS.
        factors: of images, by name.
        frames: most frames of a folder of frames.

    Returns:
        Clips in natural order, {"key", "person", "kind", "files", "factors"} each, and the layout. kind: "photos",
        "frames" (of a video, in order) or "video".
    """
    folders = [file.folders for file in files]
    needed = {"images": 0, "people": 1, "clips": 2, "auto": int(files[0].offset is None)}[layout]
    around = max(0, min(len(os.path.commonprefix(folders)), max(map(len, folders)) - needed))
    if layout == "auto":
        layout = ("images", "people", "clips")[min(2, max(map(len, folders)) - around)]
    stems = Counter(PurePosixPath(file.name).with_suffix("") for file in files if not file.is_video)
    clips: dict[tuple, dict] = {}
    for file in files:
        parents, name = file.folders[around:], PurePosixPath(file.name)
        alone = layout == "images" or not parents
        # 1.jpg and 1.png are two people, 1.jpg and 1.mp4 one
        own = name.stem if file.is_video or stems[name.with_suffix("")] == 1 else name.name
        person = "/".join((*parents, own)) if alone else parents[0]
        place = parents if layout == "clips" else parents[:1]
        place = (*parents, name.name) if file.is_video or alone else place
        kind = "video" if file.is_video else "frames" if len(place) > 1 and not alone else "photos"
        clips.setdefault(place, {"person": person, "kind": kind, "files": []})["files"].append(asdict(file))
    for index, (place, clip) in enumerate(clips.items()):
        if clip["kind"] == "frames":
            clip["files"] = [clip["files"][i] for i in spread(len(clip["files"]), frames)]
        clip["factors"] = [factors.get(file["name"], {}) for file in clip["files"]]
        clip["key"] = f"{index:06d}_" + re.sub(r"[^a-zA-Z0-9_-]", "_", "_".join(place))[:60]
    return list(clips.values()), layout


def spread(count: int, most: int) -> list[int]:
    """Return at most `most` of `count` places, in the middle of equal parts."""
    return list(range(count)) if count <= most else [(2 * i + 1) * count // (2 * most) for i in range(most)]
