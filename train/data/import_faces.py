"""Your own faces into shards: `python -m train import SOURCE --out SHARDS`.

SOURCE is a folder, a tar archive (compressed or not), or a video, laid out as `import_layout` says; or the URL of a
folder, or of a tar that is not compressed. Of a photo the
largest face is taken. Of a video, or a folder of frames, some frames evenly spread over its length are taken, and one
face is followed through them. Hidden files (.name) are passed over, as are links to folders. A .jsonl of the same name
beside SOURCE may hold factors, one line an image with "file".
"""

import hashlib
import io
import json
import tempfile
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from pathlib import Path

import numpy as np
from PIL import Image

from latentface.intake.limits import kind_of
from latentface.photo import PhotoError, read_photo
from train.common.places import check_place, is_url, place, reached, whole_file
from train.common.tar_slices import read_slice
from train.data.engine import Drawn, counted, draw_missing, progress_line
from train.data.executor import Executor, executor
from train.data.import_layout import LAYOUTS, Source, given_factors, list_files, plan
from train.data.shards import ShardsError, encode_webp, manifest_of
from train.data.tracking import SIDE, Pictures, followed_face, largest_faces
from train.data.video import video_frames

METADATA = {"exif", "xmp", "icc_profile"}
"""What a picture that goes into shards as it is must not hold: who took it, where, and colours that nobody applied."""
FRAMES = 16
"""How many frames of a video or of a folder of frames are taken; fewer where it has fewer."""


def import_source(
    source: Path,
    out: Path,
    aligned: bool = False,
    about: dict | None = None,
    layout: str = "auto",
    frames: int = FRAMES,
    workers: int | Executor = 1,
    clips_a_shard: int = 200,
) -> dict:
    """Write the faces of `source` as shards, and the dropped files, with the reason, as `dropped.jsonl`.

    Killed at any moment, the same call goes on and ends with the same bytes, whatever the number of workers.

    Args:
        source: see above.
        out: the shards folder.
        aligned: the images are standard crops with margin already; nothing is detected.
        about: entries of the manifest about the data ("licence", ...).
        layout: "auto"; where the folders do not tell, "images" (each its own person), "people" (the outermost folder
            is the person and all in it photos) or "clips" (the outermost folder is the person, the innermost the clip).
        frames: the most that a video or a folder of frames gives.
        workers: processes, or who makes clips (executor.py).
        clips_a_shard: candidates of a shard; those without a face are left out.

    Returns:
        The manifest; its "dropped" counts the dropped files (and frames of videos) by reason. {} while other parts
        have shards to draw still.

    Raises:
        ShardsError: there is no source, no image in it, or no face in any image; or out holds other shards.
        ValueError: there is no such layout, or frames is below 1.
    """
    if layout not in LAYOUTS or frames < 1:
        have = f"not {layout!r} and {frames}"
        raise ValueError(f"layout must be one of {', '.join(LAYOUTS)} and frames 1 or more, {have}")
    by = executor(workers)
    check_place(out)
    if (out / "manifest.json").exists() and (out / "dropped.jsonl").exists():
        if by.is_part:  # another part, which ended last, closed the set
            return json.loads((out / "manifest.json").read_text())
        for part in out.glob("*.dropped.jsonl"):  # of a call that was killed as it took them away
            part.unlink(missing_ok=True)
        raise ShardsError(f"{out} holds shards already; choose another --out")
    name = source.name
    source = source if is_url(source) else source.absolute()  # a cluster's workers stand elsewhere
    own = f"_{by.part[0]}" if by.is_part else ""
    scratch = Path(tempfile.gettempdir()) if is_url(out) else out
    listing, unpacked = (
        (out if is_url(out) else out.absolute()) / f"listing{own}.partial",
        scratch / f"source{own}.partial",
    )
    try:
        files, dropped = list_files(source, unpacked)
        taken = _taken(files, dropped)
        if not taken:
            raise ShardsError(f"no images or videos in {source}")
        videos = sum(file.is_video for file in taken)
        clips, layout = plan(taken, layout, given_factors(source), frames)
        people = len({clip["person"] for clip in clips})
        read = f"{len(taken) - videos:,} images and {videos:,} videos"
        print(f"layout {layout}: {read} are {len(clips):,} clips of {people:,} people", flush=True)
        if not is_url(out):
            out.mkdir(parents=True, exist_ok=True)
        with reached(out):
            if not (out / "manifest.json").exists():
                (out / "dropped.jsonl").unlink(missing_ok=True)  # of a source in which there was no face
            listing.write_text("".join(json.dumps(clip) + "\n" for clip in clips))
        names = json.dumps([[file["name"] for file in clip["files"]] for clip in clips])
        arguments = {"import": name, "layout": layout, "aligned": aligned, "frames": frames}
        arguments["files"] = hashlib.sha256(names.encode()).hexdigest()[:16]
        about, count = {"source": name, **(about or {})}, len(clips)
        del clips, files, taken  # a million of them fill a GB
        make_clip, progress = ClipMaker(str(listing), aligned, frames), progress_line(count, "clips", 1000)
        paths = draw_missing(make_clip, count, out, arguments, by, clips_a_shard, progress)
    finally:
        listing.unlink(missing_ok=True)
        unpacked.unlink(missing_ok=True)
    if not paths:
        return {}
    manifest = _close(out, manifest_of(about, *counted(paths)), dropped, not by.is_part)
    if not manifest["frames"]:
        for made in [*paths, out / "arguments.json", out / "manifest.json"]:
            made.unlink(missing_ok=True)
        said = f"{out / 'dropped.jsonl'} says what was wrong with each file"
        raise ShardsError(f"no face found in {source}; {said}")
    return manifest


def _taken(files: list[Source], dropped: list[dict]) -> list[Source]:
    """The images and videos; all others are added to `dropped`."""
    taken = [file for file in files if file.is_photo or file.is_video]
    others = sorted({file.name for file in files} - {file.name for file in taken})
    reason = "not an image or a video by its name"
    dropped += [{"file": name, "reason": f"{reason}: {Path(name).suffix}"} for name in others]
    return taken


def _close(out: Path, manifest: dict, dropped: list[dict], alone: bool) -> dict:
    """Joins the shards' lists of dropped things into `dropped.jsonl` and counts them in the manifest.

    Two parts may end at one moment and both do so: the first that has written `dropped.jsonl` takes the lists away.
    """
    parts, whole = sorted(out.glob("*.dropped.jsonl")), out / "dropped.jsonl"
    try:
        rows = [line for part in parts for line in part.read_text().splitlines()]
    except FileNotFoundError:
        rows = []
    dropped = dropped + [json.loads(line) for line in rows]
    if whole.exists():
        dropped = [json.loads(line) for line in whole.read_text().splitlines()]
    reasons = Counter(row["reason"].partition(":")[0] for row in dropped)
    manifest = {**manifest, "dropped": dict(reasons.most_common())}
    with whole_file(out / "manifest.json", alone) as stream:
        stream.write(json.dumps(manifest, indent=1).encode())
    with whole_file(whole, alone) as stream:
        stream.write("".join(json.dumps(row) + "\n" for row in dropped).encode())
    for part in parts:
        part.unlink(missing_ok=True)
    return manifest


@lru_cache(maxsize=1)
def _ends(listing: str) -> np.ndarray:
    """Byte at which each line of a listing ends, after a 0: a worker holds these, not a million clips."""
    with place(listing).open("rb") as lines:
        return np.fromiter(accumulate(map(len, lines), initial=0), np.int64)


def _clip(listing: str, index: int) -> dict:
    """Read one clip of a listing."""
    first, end = _ends(listing)[index : index + 2].tolist()
    return json.loads(read_slice(listing, (first, end - first)))


@dataclass(frozen=True)
class ClipMaker:
    """Index of a clip in the listing -> the clip as draw_shards takes it, and what was dropped from it."""

    listing: str
    aligned: bool
    frames: int

    def __call__(self, index: int) -> Drawn:
        """Read and cut the clip."""
        clip = _clip(self.listing, index)
        files = [Source(**file) for file in clip["files"]]
        dropped: list[dict] = []
        if self.aligned:
            found = _aligned(files, dropped)
        elif clip["kind"] == "photos":
            found = largest_faces(_pictures(files, self.frames, dropped), dropped)
        else:
            found = followed_face(_pictures(files, self.frames, dropped), dropped)
        given = dict(zip((file.name for file in files), clip["factors"], strict=True))
        rows = [{"person": clip["person"], "frame": i, **given[row["file"]], **row} for i, (row, _) in enumerate(found)]
        return clip["key"], [stored for _, stored in found], rows, None, dropped


def _pictures(files: list[Source], frames: int, dropped: list[dict]) -> Pictures:
    """The photos, and frames of the videos; unreadable ones are added to `dropped`."""
    for file in files:
        try:
            if file.is_video:
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
            if file.is_video:
                raise PhotoError("a video is no standard crop: import videos without --aligned")
            source = file.read()
            picture = Image.fromarray(read_photo(source))
            if picture.width != picture.height:
                raise PhotoError("an aligned image must be square: import it without --aligned")
            data = source if isinstance(source, bytes) else source.read_bytes()
            fits = kind_of(data[:64]) == "WEBP" and _is_plain(data)
            resized = np.asarray(picture.resize((SIDE, SIDE), Image.Resampling.LANCZOS))
            found.append(({"file": file.name}, data if fits else encode_webp(resized)))
        except (PhotoError, OSError) as error:
            dropped.append({"file": file.name, "reason": str(error)})
    return found


def _is_plain(webp: bytes) -> bool:
    """Whether a WebP has the shards' size, and nothing in it but the picture."""
    with Image.open(io.BytesIO(webp), formats=("WEBP",)) as image:
        return image.size == (SIDE, SIDE) and not METADATA & image.info.keys()
