"""A gallery of very many faces: UMAP lays a sample out, all others are placed beside their nearest of it.

    python -m train embed SHARDS --checkpoint CHECKPOINT --out CODES
    python -m train gallery --checkpoint CHECKPOINT --codes CODES --pictures SHARDS --out GALLERY

The app shows some of them, evenly spread over the shards. GALLERY/places.safetensors holds the places of all, a row a
frame in the order of the shards. Codes are read a file at a time, so that memory holds the sample and the shown alone.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import save_file

from latentface.checkpoints import load_pipeline
from latentface.codes import Codes
from latentface.gallery import MAPS, features_of
from latentface.pictures import picture
from latentface.pipeline import LatentFacePipeline
from latentface.sprites import Sprites, write_sprites
from train.common.places import place
from train.common.run import Progress, record
from train.data.reading import clips_of
from train.data.samples import tars_of
from train.data.shards import ShardsError
from train.release.embedding import crops_of
from train.release.gallery import QUALITY, SIDES, save_gallery
from train.release.layouts import APART, NEIGHBOURS, Neighbourhood, laid_out, trust, trust_of_axes

SHOWN = 100_000
"""Faces of the app's maps."""
SAMPLE = 20_000
"""Faces that UMAP lays out."""
PARTS = ("shape", "texture", "view", "light", "expression")


class CodeFiles:
    """The files of a folder of `python -m train embed`, read one at a time.

    Args:
        folder: of the files.

    Raises:
        ValueError: it holds none, or not all of its shards'.
    """

    def __init__(self, folder: Path):
        self.files = sorted(folder.glob("*.safetensors"))
        about = json.loads((folder / "codes.json").read_text()) if (folder / "codes.json").exists() else {}
        if not self.files or about.get("files") != len(self.files):
            have = f"{len(self.files)} of {about.get('files', 'its')} files of codes"
            raise ValueError(f"{folder} holds {have}: make the others with `python -m train embed`")
        self.checkpoint: str = about["checkpoint"]
        self.faces: list[list] = []
        """[person, frame] of each row."""
        self.counts: list[int] = []
        """Rows of each file."""
        for file in self.files:
            with safe_open(file, "pt") as opened:
                faces = json.loads((opened.metadata() or {}).get("faces", "[]"))
            self.faces += faces
            self.counts.append(len(faces))

    def __iter__(self) -> Iterator[tuple[int, dict[str, torch.Tensor]]]:
        """Give each file's first row among all, and its parts."""
        first = 0
        for file, count in zip(self.files, self.counts, strict=True):
            if count:
                with safe_open(file, "pt") as opened:
                    yield first, {name: opened.get_tensor(name).float() for name in PARTS}
            first += count

    def take(self, rows: np.ndarray) -> dict[str, torch.Tensor]:
        """Read the parts of some rows, in order."""
        found: dict[str, list[torch.Tensor]] = {name: [] for name in PARTS}
        for first, parts in self:
            mine = rows[(rows >= first) & (rows < first + len(parts["view"]))] - first
            for name, value in parts.items():
                found[name].append(value[torch.from_numpy(mine)])
        return {name: torch.cat(values) for name, values in found.items()}


def evenly(total: int, most: int) -> np.ndarray:
    """Choose at most `most` of `total` rows, evenly spread."""
    return np.unique(np.linspace(0, total - 1, min(total, most)).round().astype(np.int64))


def vectors(pipeline: LatentFacePipeline, parts: dict[str, torch.Tensor]) -> dict[str, np.ndarray]:
    """Give the vectors of all maps of some rows, float32; see gallery.map_features."""
    whole = pipeline.denoiser.standardize(torch.cat([parts["shape"], parts["texture"]], 1))
    features = features_of(whole, parts["expression"] / pipeline.denoiser.std)
    return {name: rows.detach().float().contiguous().numpy() for name, rows in features.items()}


def place_all(
    pipeline: LatentFacePipeline, codes: CodeFiles, sample: np.ndarray, seed: int
) -> tuple[dict[str, np.ndarray], dict]:
    """Lay out a sample by UMAP, and place all others by it.

    Args:
        pipeline: the model of the codes.
        codes: of all N faces.
        sample: rows of the sample.
        seed: of UMAP.

    Returns:
        N x 2 float32 in [0, 1] of each map, and how far each map can be trusted, measured on the sample.
    """
    hoods, trusted, progress = {}, {}, Progress(len(MAPS), unit="maps of the sample")
    for number, (name, rows) in enumerate(vectors(pipeline, codes.take(sample)).items(), 1):
        points = laid_out(rows, seed)
        low, high = points.min(0), points.max(0)
        points = (points - low) / np.maximum(high - low, 1e-9)
        trusted[name] = {"umap": trust(rows, points), "pca": trust_of_axes(rows)}
        hoods[name] = Neighbourhood(rows, points)
        progress(number)
    places = {name: np.zeros((len(codes.faces), 2), np.float32) for name in MAPS}
    progress = Progress(len(codes.faces), unit="faces placed")
    for first, parts in codes:
        for name, rows in vectors(pipeline, parts).items():
            places[name][first : first + len(rows)] = hoods[name].places(rows)
        progress(first + len(parts["view"]), line=False)
    for name, hood in hoods.items():
        places[name][sample] = hood.points
    return places, trusted


def from_embedded(
    checkpoint: str,
    folder: Path,
    shards: str | None,
    out: Path,
    shown: int = SHOWN,
    sample: int = SAMPLE,
    seed: int = 0,
) -> None:
    """Make a gallery of the faces of shards that were embedded.

    Args:
        checkpoint: the one that the codes are of.
        folder: of the codes.
        shards: the shards that were embedded, a folder or URL.
        out: the gallery's folder.
        shown: faces of the app's maps.
        sample: faces that UMAP lays out.
        seed: of UMAP.

    Raises:
        ValueError: codes are missing or another checkpoint's, or numbers are below 1.
        ShardsError: the shards are others than were embedded.
    """
    if min(shown, sample) < 1:
        raise ValueError("--shown and --sample start at 1")
    if not shards:
        raise ValueError("add --pictures SHARDS, the shards that were embedded")
    codes = CodeFiles(folder)
    if codes.checkpoint != checkpoint:
        raise ValueError(f"{folder} holds codes of {codes.checkpoint}: add --checkpoint {codes.checkpoint}")
    if not codes.faces:
        raise ValueError(f"there is no face in {folder}")
    pipeline, total = load_pipeline(checkpoint), len(codes.faces)
    out.mkdir(parents=True, exist_ok=True)
    with torch.no_grad():
        places, trusted = place_all(pipeline, codes, evenly(total, sample), seed)
        save_file(
            {f"map_{name}": torch.from_numpy(xy).half() for name, xy in places.items()}, out / "places.safetensors"
        )
        rows = evenly(total, shown)
        sheets = write_pictures(shards, rows, total, out)
        parts = codes.take(rows)
        maps = {name: torch.from_numpy(xy[rows]) for name, xy in places.items()}
        settings = {"n_neighbors": NEIGHBOURS, "min_dist": APART, "seed": seed, "sample": min(sample, total)}
        data = {"source": f"{total:,} faces of {place(shards).name}", "frames": total}
        made = record({"checkpoint": checkpoint, "umap": settings}, trustworthiness=trusted, data=data)
        expression = parts.pop("expression") / pipeline.denoiser.std
        columns = columns_of([codes.faces[row] for row in rows.tolist()])
        save_gallery(out, pipeline, Codes(**parts), expression, maps, columns, sheets, {}, made)


def columns_of(faces: list[list]) -> dict[str, list]:
    """Put [person, frame] in columns; people are numbered as they come."""
    numbers: dict[str, int] = {}
    return {
        "person": [numbers.setdefault(person, len(numbers)) for person, _ in faces],
        "frame": [frame if isinstance(frame, int) else 0 for _, frame in faces],
    }


def _shrunk(crop: np.ndarray) -> np.ndarray:
    """A crop at the side of the second sheet."""
    side = SIDES["thumb"]
    return np.asarray(Image.fromarray(crop).resize((side, side), Image.Resampling.LANCZOS))


def write_pictures(shards: str, rows: np.ndarray, total: int, out: Path) -> dict[str, Sprites]:
    """Write the pictures of the shown faces as sheets, out of the shards.

    Args:
        shards: a folder or URL.
        rows: of the shown faces, in order.
        total: frames that the shards hold.
        out: the gallery's folder.

    Raises:
        ShardsError: the shards hold another number of frames.
    """
    side, wanted = SIDES["picture"], set(rows.tolist())
    progress, seen, done = Progress(len(rows), unit="pictures"), 0, 0
    # one block: 100,000 small ones, each allocated between large ones that go, would keep a quarter of a megabyte each
    small = np.empty((len(rows), SIDES["thumb"], SIDES["thumb"], 3), np.uint8)

    def crops() -> Iterator[np.ndarray]:
        """Give the shown faces' crops, and keep them small for the second sheet."""
        nonlocal seen, done
        for frames, _, _ in clips_of(tars_of(shards), side):
            chosen = [i for i in range(len(frames)) if seen + i in wanted]
            seen += len(frames)
            for image in crops_of(frames[chosen], side) if chosen else ():
                whole = picture(image)
                small[done] = _shrunk(whole)
                done += 1
                yield whole
                progress(done, line=False)

    sheet = write_sprites(crops(), side, out, "picture", QUALITY["picture"])
    if seen != total:
        raise ShardsError(f"{shards} holds {seen:,} frames, and codes are of {total:,}: embed it again")
    return {"picture": sheet, "thumb": write_sprites(small, SIDES["thumb"], out, "thumb", QUALITY["thumb"])}
