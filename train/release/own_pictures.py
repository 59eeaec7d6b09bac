"""Maps of one's own faces: a folder of photos, or the codes that `python -m latentface embed` wrote of one."""

import json
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open

from latentface.alignment import NoFaceError
from latentface.checkpoints import load_pipeline
from latentface.codes import Codes
from latentface.photo import EXTENSIONS, PhotoError
from latentface.pictures import picture
from latentface.sprites import write_sprites
from train.common.run import Progress
from train.release.gallery import BATCH, QUALITY, SIDES, build

MOST = 20_000
"""Faces that a map takes."""
MORE = "more go by `train import` and `train embed` (docs/scale.md)"


def people_of(files: list[str]) -> dict[str, list]:
    """Number people and pictures: a folder is a person; a file that lies in none is one of its own."""
    numbers: dict[str, int] = {}
    frames: dict[int, int] = {}
    columns: dict[str, list] = {"person": [], "frame": []}
    for file in files:
        folder = Path(file).parent.as_posix()
        person = numbers.setdefault(file if folder == "." else folder, len(numbers))
        columns["person"].append(person)
        columns["frame"].append(frames.get(person, 0))
        frames[person] = frames.get(person, 0) + 1
    return columns


def from_photos(checkpoint: str, folder: Path, out: Path, seed: int = 0) -> None:
    """Map the largest face of every photo below a folder; photos without one are left out.

    Args:
        checkpoint: a bundled name, a folder or a Hub id.
        folder: of the photos; a folder within it is a person.
        out: the gallery's folder.
        seed: of UMAP.

    Raises:
        ValueError: there is no face in any photo, or there are too many photos.
    """
    if not folder.is_dir():
        raise ValueError(f"{folder} is not a folder")
    photos = sorted(p for p in folder.rglob("*") if p.suffix.lower() in EXTENSIONS)
    if not 1 <= len(photos) <= MOST:
        raise ValueError(f"{folder} holds {len(photos)} photos; a map takes 1 to {MOST:,}: {MORE}")
    pipeline, crops, files, progress = load_pipeline(checkpoint), [], [], Progress(len(photos), unit="photos")
    for number, photo in enumerate(photos, 1):
        try:
            crops.append(picture(pipeline.read(photo).level[0]))
            files.append(photo.relative_to(folder).as_posix())
        except (PhotoError, NoFaceError) as error:
            print(f"left out: {photo}: {error}")
        progress(number)
    if not crops:
        raise ValueError(f"no photo in {folder} has a face that can be used")
    _write(checkpoint, crops, files, out, seed, {"source": f"photos of {folder.name}", "frames": len(crops)})


def from_codes(checkpoint: str, file: Path, out: Path, seed: int = 0) -> None:
    """Map the codes of an embed file; its pictures are what the model makes of them.

    Args:
        checkpoint: the one that the codes are of.
        file: as `python -m latentface embed` writes it.
        out: the gallery's folder.
        seed: of UMAP.

    Raises:
        ValueError: the file holds no such codes, or too many.
    """
    if not file.is_file():
        raise ValueError(f"{file} is not a file")
    pipeline = load_pipeline(checkpoint)
    with safe_open(file, "pt") as opened:
        names = set(opened.keys())
        if not {"shape", "texture", "view", "light"} <= names:
            raise ValueError(f"{file} holds no codes; write some with `python -m latentface embed`")
        codes = Codes(*(opened.get_tensor(k).float() for k in ("shape", "texture", "view", "light")))
        files = json.loads((opened.metadata() or {}).get("files", "[]"))
    count = len(codes.shape)
    if not 1 <= count <= MOST or 2 * codes.shape.shape[1] != pipeline.denoiser.mean.numel():
        raise ValueError(f"{file} does not hold 1 to {MOST:,} codes of {checkpoint}; {MORE}")
    files = files if len(files) == count else [f"{i}" for i in range(count)]
    crops = []
    for start in range(0, count, BATCH):
        crops += [picture(image) for image in pipeline.decode(codes[start : start + BATCH]).render()[0]]
    _write(checkpoint, crops, files, out, seed, {"source": f"codes of {file.name}", "frames": count}, codes)


def _write(
    checkpoint: str,
    crops: list[np.ndarray],
    files: list[str],
    out: Path,
    seed: int,
    data: dict,
    codes: Codes | None = None,
) -> None:
    """Write the gallery of these crops."""
    out.mkdir(parents=True, exist_ok=True)
    with torch.no_grad():
        sheet = write_sprites(crops, SIDES["picture"], out, "picture", QUALITY["picture"])
        build(checkpoint, out, crops, people_of(files), {"picture": sheet}, {}, seed, codes=codes, data=data)
