"""Your own faces into shards: `python -m train import SOURCE --out SHARDS`.

SOURCE is a folder, or a tar archive (compressed or not), of

    photo.jpg               images    each its own person
    person/photo.jpg        people    photos of one person: one clip
    person/clip/0001.jpg    clips     frames of a video of one person
    talk.mp4                videos, beside any of these: a clip each, of the person whose folder they lie in

Which it is, is read off the folders. Of a photo the largest face is taken. Of a video, or a folder of frames, some
frames evenly spread over its length are taken, and one face is followed through them. What lies hidden (.name) is passed
over, as are links to folders. A .jsonl of the same name beside SOURCE may hold factors, one line an image with "file".
"""

import hashlib
import io
import json
import lzma
import os
import re
import shutil
import tarfile
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image

from latentface.alignment import NoFaceError
from latentface.crop import crop, standard_crop
from latentface.detection import Face, detect
from latentface.photo import EXTENSIONS, MAX_BYTES, MAX_PIXELS, MAX_SIDE, PhotoError, read_photo
from train.common.run import Progress
from train.data.engine import Drawn, draw_shards
from train.data.shards import MARGIN, ShardsError

SIDE = 160
"""Side of a stored frame in pixels: the standard crop at 128 px, with margin."""
LEAST_SIDE = 32
"""Side in pixels of the standard crop below which a face is too small to learn from."""
FRAMES = 16
"""How many frames of a video or of a folder of frames are taken; fewer where it has fewer."""
JUMP = 1.5
"""A face in the next frame is the same one if it moved by less than this many face sides and its area changed by less
than CHANGE times."""
CHANGE = 4.0
LAYOUTS = ("auto", "images", "people", "clips")
VIDEO_EXTENSIONS = {".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".wmv", ".flv", ".3gp", ".mts"}
VIDEO_FORMATS = "mov,matroska,webm,avi,mpeg,mpegts,asf,flv"
"""The only containers that are opened: playlists and the like could name other files, or addresses."""
SEEK = 5.0
"""Seconds between two wanted frames beyond which the decoder jumps instead of decoding all between them."""


@dataclass(frozen=True)
class Source:
    """One file: in a folder, or `size` bytes at `offset` of a tar."""

    name: str
    """Its path inside the source, with /."""
    path: str
    offset: int | None = None
    size: int = 0

    @property
    def suffix(self) -> str:
        return PurePosixPath(self.name).suffix.lower()

    @property
    def folders(self) -> tuple[str, ...]:
        return PurePosixPath(self.name).parts[:-1]

    def read(self) -> bytes | Path:
        """What read_photo takes: the path, or the bytes out of the tar."""
        if self.offset is None:
            return Path(self.path)
        if self.suffix in EXTENSIONS and self.size > MAX_BYTES:
            raise PhotoError(f"the file is too large: {self.size / 2**20:.0f} MB")
        with open(self.path, "rb") as file:
            file.seek(self.offset)
            return file.read(self.size)


def import_source(
    source: Path,
    out: Path,
    aligned: bool = False,
    about: dict | None = None,
    layout: str = "auto",
    frames: int = FRAMES,
    workers: int = 1,
    clips_a_shard: int = 200,
) -> dict:
    """Writes the faces of `source` as shards and what was dropped, with the reason, as `dropped.jsonl`.

    Killed at any moment, the same call goes on and ends with the same bytes, whatever the number of workers.

    Args:
        source: see above.
        out: the shards folder.
        aligned: the images are standard crops with margin already; nothing is detected.
        about: what the manifest says of the data ("licence", ...).
        layout: "auto"; where the folders do not tell, "images" (each its own person), "people" (the outermost folder
            is the person and all in it photos) or "clips" (the outermost folder is the person, the innermost the clip).
        frames: the most that a video or a folder of frames gives.
        workers: processes.
        clips_a_shard: candidates of a shard; those without a face are left out.

    Returns:
        The manifest; its "dropped" counts the dropped files (and frames of videos) by reason.

    Raises:
        ShardsError: there is no source, no image in it, or no face in any image; or out holds other shards.
        ImportError: there are videos, and PyAV is missing.
    """
    if layout not in LAYOUTS or frames < 1:
        have = f"not {layout!r} and {frames}"
        raise ValueError(f"layout must be one of {', '.join(LAYOUTS)} and frames 1 or more, {have}")
    manifest_file, dropped_file = out / "manifest.json", out / "dropped.jsonl"
    if manifest_file.exists() and dropped_file.exists():
        raise ShardsError(f"{out} holds shards already; choose another --out")
    listing, unpacked = out / "listing.partial", out / "source.partial"
    try:
        files, dropped = _files(source, unpacked)
        taken = [file for file in files if file.suffix in EXTENSIONS | VIDEO_EXTENSIONS]
        others = sorted({file.name for file in files} - {file.name for file in taken})
        reason = "not an image or a video by its name"
        dropped += [{"file": name, "reason": f"{reason}: {Path(name).suffix}"} for name in others]
        if not taken:
            raise ShardsError(f"no images or videos in {source}")
        videos = sum(file.suffix in VIDEO_EXTENSIONS for file in taken)
        if videos:
            _av()
        clips, layout = _plan(taken, layout, _given_factors(source), frames)
        people = len({clip["person"] for clip in clips})
        read = f"{len(taken) - videos:,} images and {videos:,} videos"
        print(f"layout {layout}: {read} are {len(clips):,} clips of {people:,} people", flush=True)
        out.mkdir(parents=True, exist_ok=True)
        listing.write_text(json.dumps(clips))
        names = json.dumps([[file["name"] for file in clip["files"]] for clip in clips])
        arguments = {"import": source.name, "layout": layout, "aligned": aligned, "frames": frames}
        arguments["files"] = hashlib.sha256(names.encode()).hexdigest()[:16]
        progress = Progress(len(clips), unit="clips")

        def show(done: int, total: int) -> None:
            progress.total = total
            progress(done, line=done % 1000 == 0 or done == total)

        about = {"source": source.name, **(about or {})}
        make_clip = ClipMaker(str(listing), aligned, frames)
        manifest = draw_shards(make_clip, len(clips), out, about, arguments, workers, clips_a_shard, show)
    finally:
        listing.unlink(missing_ok=True)
        unpacked.unlink(missing_ok=True)
    parts = sorted(out.glob("*.dropped.jsonl"))
    dropped += [json.loads(line) for part in parts for line in part.read_text().splitlines()]
    reasons = Counter(row["reason"].partition(":")[0] for row in dropped)
    manifest["dropped"] = dict(reasons.most_common())
    manifest_file.write_text(json.dumps(manifest, indent=1))
    partial = out / "dropped.partial"
    partial.write_text("".join(json.dumps(row) + "\n" for row in dropped))
    for part in parts:
        part.unlink()
    os.replace(partial, dropped_file)
    if not manifest["frames"]:
        for made in [*out.glob("*.tar"), out / "arguments.json", manifest_file]:
            made.unlink()
        raise ShardsError(f"no face found in {source}; {dropped_file} says what was wrong with each file")
    return manifest


def _files(source: Path, unpacked: Path) -> tuple[list[Source], list[dict]]:
    """All files of the source that are not hidden, in natural order (2 before 10), and what is wrong with a tar.

    unpacked: where a compressed tar is laid down uncompressed, so that every process can read any file of it.
    """
    cut_off = {"file": source.name, "reason": "the archive is damaged or cut off: what follows is missing"}
    dropped: list[dict] = []
    if source.is_dir():
        paths = [Path(folder) / name for folder, _, names in os.walk(source) for name in names]
        files = [Source(path.relative_to(source).as_posix(), str(path)) for path in paths]
    elif not source.exists():
        raise ShardsError(f"{source} does not exist")
    elif source.suffix.lower() in VIDEO_EXTENSIONS | EXTENSIONS:
        files = [Source(source.name, str(source))]
    elif not tarfile.is_tarfile(source):
        raise ShardsError(f"{source} is neither a folder nor a tar archive nor a video")
    else:
        try:
            tarfile.open(source, "r:").close()
            unpacked = source
        except tarfile.ReadError:
            unpacked.parent.mkdir(parents=True, exist_ok=True)
            with tarfile.open(source) as archive, unpacked.open("wb") as plain:
                archive.fileobj.seek(0)
                try:
                    shutil.copyfileobj(archive.fileobj, plain, 2**20)
                except (OSError, EOFError, zlib.error, lzma.LZMAError):
                    dropped = [cut_off]
        files = []
        with tarfile.open(unpacked, "r:") as archive:
            try:
                for member in archive:
                    if member.isreg() and not member.issparse():
                        name = member.name.removeprefix("./")
                        files.append(Source(name, str(unpacked), member.offset_data, member.size))
            except tarfile.TarError:
                dropped = [cut_off]
    shown = {file.name: file for file in files if not _hidden(file)}
    return sorted(shown.values(), key=lambda file: _natural(file.name)), dropped


def _hidden(file: Source) -> bool:
    return any(part.startswith((".", "__MACOSX")) for part in PurePosixPath(file.name).parts)


def _natural(name: str) -> list:
    """Sorts 2 before 10, folder by folder."""
    pieces = [re.split("([0-9]+)", piece) for piece in name.split("/")]
    return [[int(part) if i % 2 else part for i, part in enumerate(piece)] for piece in pieces]


def _given_factors(source: Path) -> dict[str, dict]:
    """Factors of images by their name, from the .jsonl beside the source."""
    lines = source.with_suffix(".jsonl")
    if not lines.is_file():
        return {}
    try:
        return {row["file"]: row for row in map(json.loads, lines.read_text().splitlines())}
    except (ValueError, TypeError, KeyError) as error:
        raise ShardsError(f'{lines} must hold one JSON object a line, each with "file"') from error


def _plan(files: list[Source], layout: str, factors: dict[str, dict], frames: int) -> tuple[list[dict], str]:
    """Clips in natural order, {"key", "person", "kind", "files", "factors"} each, and the layout.

    kind: "photos", "frames" (of a video, in order) or "video". Folders around the whole are neither people nor clips;
    but the one folder in a folder is a person, while the one in a tar is what the tar was made of.
    """
    folders = [file.folders for file in files]
    needed = {"images": 0, "people": 1, "clips": 2, "auto": int(files[0].offset is None)}[layout]
    around = max(0, min(len(os.path.commonprefix(folders)), max(map(len, folders)) - needed))
    if layout == "auto":
        layout = ("images", "people", "clips")[min(2, max(map(len, folders)) - around)]
    clips: dict[tuple, dict] = {}
    for file in files:
        parents, name = file.folders[around:], PurePosixPath(file.name)
        video, alone = file.suffix in VIDEO_EXTENSIONS, layout == "images" or not parents
        person = "/".join((*parents, name.stem)) if alone else parents[0]
        place = (*parents, name.name) if video or alone else parents if layout == "clips" else parents[:1]
        kind = "video" if video else "frames" if len(place) > 1 and not alone else "photos"
        clips.setdefault(place, {"person": person, "kind": kind, "files": []})["files"].append(asdict(file))
    for index, (place, clip) in enumerate(clips.items()):
        if clip["kind"] == "frames":
            clip["files"] = [clip["files"][i] for i in spread(len(clip["files"]), frames)]
        clip["factors"] = [factors.get(file["name"], {}) for file in clip["files"]]
        clip["key"] = f"{index:06d}_" + re.sub(r"[^a-zA-Z0-9_-]", "_", "_".join(place))[:60]
    return list(clips.values()), layout


def spread(count: int, most: int) -> list[int]:
    """At most `most` of `count` places, in the middle of equal parts."""
    return list(range(count)) if count <= most else [(2 * i + 1) * count // (2 * most) for i in range(most)]


@lru_cache(maxsize=1)
def _clips(listing: str) -> list[dict]:
    return json.loads(Path(listing).read_text())


@dataclass(frozen=True)
class ClipMaker:
    """Index of a clip in the listing -> the clip as draw_shards takes it, and what was dropped from it."""

    listing: str
    aligned: bool
    frames: int

    def __call__(self, index: int) -> Drawn:
        clip = _clips(self.listing)[index]
        files, dropped = [Source(**file) for file in clip["files"]], []
        if self.aligned:
            found = _aligned(files, dropped)
        elif clip["kind"] == "photos":
            found = _largest(_pictures(files, self.frames, dropped), dropped)
        else:
            found = _followed(_pictures(files, self.frames, dropped), dropped)
        given = dict(zip((file.name for file in files), clip["factors"]))
        rows = [{"person": clip["person"], "frame": i, **given[row["file"]], **row} for i, (row, _) in enumerate(found)]
        return clip["key"], [stored for _, stored in found], rows, None, dropped


Pictures = Iterator[tuple[dict, np.ndarray]]
"""What names a picture ("file", and in a video "second"), and the picture: uint8 H x W x 3."""


def _pictures(files: list[Source], frames: int, dropped: list[dict]) -> Pictures:
    for file in files:
        try:
            if file.suffix in VIDEO_EXTENSIONS:
                for second, picture in video_frames(file.read(), frames):
                    yield {"file": file.name, "second": round(second, 2)}, picture
            else:
                yield {"file": file.name}, read_photo(file.read())
        except (PhotoError, OSError) as error:
            dropped.append({"file": file.name, "reason": str(error)})


def _aligned(files: list[Source], dropped: list[dict]) -> list[tuple[dict, bytes]]:
    """Standard crops with margin. One that is stored as it should be passes untouched."""
    found = []
    for file in files:
        try:
            if file.suffix in VIDEO_EXTENSIONS:
                raise PhotoError("a video is no standard crop: import videos without --aligned")
            source = file.read()
            picture = Image.fromarray(read_photo(source))
            if picture.width != picture.height:
                raise PhotoError("an aligned image must be square: import it without --aligned")
            data = source if isinstance(source, bytes) else source.read_bytes()
            with Image.open(io.BytesIO(data)) as image:
                fits = image.format == "WEBP" and image.size == (SIDE, SIDE)
            stored = data if fits else _webp(picture.resize((SIDE, SIDE), Image.Resampling.LANCZOS))
            found.append(({"file": file.name}, stored))
        except (PhotoError, OSError) as error:
            dropped.append({"file": file.name, "reason": str(error)})
    return found


def _largest(pictures: Pictures, dropped: list[dict]) -> list[tuple[dict, bytes]]:
    """The largest face of each picture."""
    found = []
    for row, picture in pictures:
        try:
            found.append((row, _cut(picture, _faces(picture)[0])))
        except NoFaceError as error:
            dropped.append({**row, "reason": str(error)})
    return found


def _followed(pictures: Pictures, dropped: list[dict]) -> list[tuple[dict, bytes]]:
    """One face through the pictures of a video.

    A picture's face goes to the track whose last face is nearest; where none is near (a cut, say) the largest face
    begins a track. The longest track is kept.
    """
    tracks: list[list[tuple[dict, Face, bytes]]] = []
    for row, picture in pictures:
        try:
            faces = _faces(picture)
            lasts = [track[-1][1] for track in tracks]
            pairs = ((_moved(last, face), t, f) for t, last in enumerate(lasts) for f, face in enumerate(faces))
            moved, track, chosen = min(pairs, default=(JUMP, 0, 0))
            if moved >= JUMP:
                track, chosen = len(tracks), 0
            stored = _cut(picture, faces[chosen])
            if track == len(tracks):
                tracks.append([])
            tracks[track].append((row, faces[chosen], stored))
        except NoFaceError as error:
            dropped.append({**row, "reason": str(error)})
    best = max(tracks, key=len, default=[])
    reason = "another face than the one that is followed: it is elsewhere in the picture"
    dropped += [{**row, "reason": reason} for track in tracks if track is not best for row, _, _ in track]
    return [(row, stored) for row, _, stored in best]


def _moved(before: Face, after: Face) -> float:
    """How far a face moved, in sides of its box; infinite where its area changed too much for one face."""
    if not 1 / CHANGE < after.area / max(before.area, 1e-9) < CHANGE:
        return float("inf")
    centres = [np.reshape(face.box, (2, 2)).mean(0) for face in (before, after)]
    return float(np.linalg.norm(centres[1] - centres[0]) / before.area**0.5)


def _faces(picture: np.ndarray) -> list[Face]:
    faces = detect(picture)
    if not faces:
        raise NoFaceError("no face was found")
    return faces


def _cut(picture: np.ndarray, face: Face) -> bytes:
    """The standard crop with margin, as it is stored."""
    try:
        square = standard_crop(face.landmarks, MARGIN)
    except ValueError as error:
        raise NoFaceError("the face is too unclear to place") from error
    side = 2 * square[2] / MARGIN
    if side < LEAST_SIDE:
        raise NoFaceError(f"the face is too small: its crop has {side:.0f} pixels, {LEAST_SIDE} are needed")
    return _webp(Image.fromarray(crop(picture, square, SIDE)))


def _webp(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "WEBP", quality=92, method=4)
    return buffer.getvalue()


def _av():
    try:
        import av
    except ImportError as error:
        raise ImportError("reading videos needs PyAV: pip install av") from error
    av.logging.set_level(av.logging.PANIC)
    return av


def video_frames(source: Path | bytes, count: int, jump: bool = True) -> Iterator[tuple[float, np.ndarray]]:
    """Frames of a video, upright, from the middle of `count` equal parts of its length.

    source: path or bytes of a file in one of VIDEO_FORMATS. jump: in long videos decode only around the frames. Yields
    (second, uint8 H x W x 3 with a longer side of at most 2048); fewer than count where the video has fewer frames.
    Raises PhotoError where it cannot be read, or not further.
    """
    av = _av()
    read, until = 0, None
    try:
        opened = io.BytesIO(source) if isinstance(source, bytes) else source.open("rb")
        with opened as file, av.open(file, options={"format_whitelist": VIDEO_FORMATS}) as container:
            stream = container.streams.best("video")
            if stream is None:
                raise PhotoError("there are no pictures in the video")
            if stream.width * stream.height > MAX_PIXELS:
                raise PhotoError(f"the video's pictures are too large: {stream.width} x {stream.height}")
            stream.codec_context.thread_count = 1  # files are read side by side
            wide = float(stream.sample_aspect_ratio or 1)
            start, length = _span(container, stream)
            jump = jump and length * stream.time_base / count > SEEK
            frames = container.decode(stream)
            for place in range(count):
                target = start + (2 * place + 1) * length // (2 * count)
                if until is not None and until > target:
                    continue
                if jump:
                    container.seek(target, stream=stream)
                    frames = container.decode(stream)
                frame = _reached(frames, target)
                if frame is None:
                    break
                until = _end(frame)
                read += 1
                yield float((_time(frame) - start) * stream.time_base), _upright(frame, wide)
    except PhotoError:
        raise
    except Exception as error:  # decoders of hostile bytes raise nearly anything
        where = f"breaks off after {read} of {count} frames" if read else "cannot be read"
        raise PhotoError(f"the video {where}: {type(error).__name__}") from error
    if not read and jump:  # some containers cannot be jumped in
        yield from video_frames(source, count, jump=False)
    elif not read:
        raise PhotoError("the video has no frames that can be read")


def _span(container, stream) -> tuple[int, int]:
    """First time and length of a video in units of its time base; without a length in its header, read to its end."""
    start = stream.start_time or 0
    if stream.duration:
        return start, stream.duration
    if container.duration:
        return start, int(container.duration / 1_000_000 / stream.time_base)
    times = [packet.pts for packet in container.demux(stream) if packet.pts is not None]
    if not times:
        raise PhotoError("the video does not say when its frames are shown")
    container.seek(min(times), stream=stream)
    return min(times), max(times) - min(times) + 1


def _reached(frames, target: int):
    """The frame that is shown at a time, or the first one after it."""
    return next((frame for frame in frames if _time(frame) is not None and _end(frame) > target), None)


def _time(frame) -> int | None:
    return frame.dts if frame.pts is None else frame.pts


def _end(frame) -> int:
    return _time(frame) + max(1, frame.duration or 1)


def _upright(frame, wide: float) -> np.ndarray:
    """RGB pixels, turned as the camera was held. wide: width of a stored pixel over its height."""
    shrink = min(1.0, MAX_SIDE / max(frame.width * wide, frame.height))
    width, height = max(1, round(frame.width * wide * shrink)), max(1, round(frame.height * shrink))
    picture = frame.to_ndarray(format="rgb24", width=width, height=height)
    return np.rot90(picture, round(frame.rotation / 90)).copy()
