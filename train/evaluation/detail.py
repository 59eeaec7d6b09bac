"""The `detail` suite: how sharp the pictures of a checkpoint are, beside photos and beside its own pictures enlarged.

    python -m train evaluate --suite detail --checkpoint explorer --data london:london_dev.tar --out results.json

Every photo is rebuilt at twice the model's size: by the enlarger (Autoencoder.decode_fine), and by enlarging what the
model draws without it. Fine detail is the energy of gradients in skin, eyes and mouth, as dlib's landmarks find them on
the photo, as a share of the photo's; who it is is judged by dlib's embedding. Neither took part in training.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw
from torch import Tensor

from latentface.autoencoder import Autoencoder
from latentface.checkpoints import load_pipeline
from latentface.codes import Codes
from latentface.crop import crop
from latentface.photo import read_photo
from latentface.pictures import picture
from latentface.pipeline import LatentFacePipeline
from train.common.judges import Reader
from train.common.run import Progress
from train.common.sheets import tile
from train.data.london import london_photos
from train.stage1.detail import gradient_energy

PARTS = {"eyes": (range(36, 42), range(42, 48)), "mouth": (range(48, 60),)}
"""Part of a face -> the landmarks around each of its pieces."""
GROWN = 0.25
"""By how much of its size an eye or a mouth is taken larger than its landmarks."""


def regions(points: np.ndarray, size: int) -> dict[str, Tensor]:
    """Find skin, eyes and mouth on a picture.

    Args:
        points: 68 x 2, iBUG order, in pixels.
        size: side of the picture.

    Returns:
        Name -> 1 x 1 x size x size, 0 or 1. Skin is within the jaw and the brows, without eyes, brows, nose and mouth.
    """
    masks = {name: _filled([points[list(piece)] for piece in pieces], size) for name, pieces in PARTS.items()}
    others = _filled([points[17:22], points[22:27], points[27:36]], size) + sum(masks.values())
    whole = _filled([points[[*range(17), *range(26, 16, -1)]]], size, 0.0)
    return {"skin": whole * (1 - others.clamp(max=1)), **masks}


def _filled(pieces: list[np.ndarray], size: int, grown: float = GROWN) -> Tensor:
    """Fill the outlines of pieces, each K x 2 and grown about its middle."""
    image = Image.new("L", (size, size))
    for piece in pieces:
        middle = piece.mean(0)
        outline = middle + (1 + grown) * (piece - middle)
        ImageDraw.Draw(image).polygon([tuple(point) for point in outline.tolist()], fill=1)
    return torch.from_numpy(np.array(image))[None, None].float()


def rebuilt(pipeline: LatentFacePipeline, codes: Codes, size: int) -> dict[str, Tensor]:
    """Draw a face at its own view: "" by decode_fine, "_enlarged" by decode; 1 x 3 x size x size in [-1, 1] each."""
    drawn = {"": pipeline.decode_fine(codes), "_enlarged": pipeline.decode(codes)}
    images = {name: scene.render()[0].clamp(-1, 1) for name, scene in drawn.items()}
    return {
        name: image if image.shape[-1] == size else F.interpolate(image, (size, size), mode="bicubic").clamp(-1, 1)
        for name, image in images.items()
    }


def detail(pipeline: LatentFacePipeline, tar: Path) -> tuple[dict, list[Tensor]]:
    """Measure a checkpoint on photos.

    Args:
        pipeline: the checkpoint.
        tar: of photos, see data.london.

    Returns:
        Flat results, and the contact sheet's rows: photos, enlarged pictures, the enlarger's.

    Raises:
        ValueError: no photo has a face that dlib finds.
    """
    reader, size = Reader(), 2 * pipeline.size
    entries = london_photos(tar, [])
    progress = Progress(len(entries), unit="photos")
    shares: dict[str, list[float]] = {}
    embeddings: dict[str, list[np.ndarray]] = {"photo": [], "": [], "_enlarged": []}
    people: list[str] = []
    shown: list[Tensor] = []
    for done, entry in enumerate(entries, 1):
        image = read_photo(entry.content())
        face = pipeline.read(image)
        assert face.alignment is not None, "it was found in a photo"
        photo = crop(image, face.alignment.square, size)
        points = reader.points(photo)
        progress(done, line=done == len(entries))
        if points is None:
            continue
        target = torch.from_numpy(photo.copy()).permute(2, 0, 1)[None] / 127.5 - 1
        made = rebuilt(pipeline, face.codes, size)
        for name, mask in regions(points, size).items():
            whole = float(gradient_energy(target, mask))
            for kind, one in made.items():
                shares.setdefault(f"{name}{kind}", []).append(float(gradient_energy(one, mask)) / max(whole, 1e-9))
        people.append(entry.row["person"])
        embeddings["photo"].append(reader.embedding(photo, points))
        for kind, one in made.items():
            embeddings[kind].append(reader.embedding(picture(one[0]), points))
        if done % max(1, len(entries) // 12) == 0:
            shown.append(torch.cat([target, made["_enlarged"], made[""]]))
    if not people:
        raise ValueError(f"dlib finds no face in the photos of {tar.name}")
    net = pipeline.autoencoder
    results = {
        "enlarger": isinstance(net, Autoencoder) and net.config["enlarger_base"] > 0,
        "photos": len(people), "size": size,
        **{f"energy_{name}": float(np.median(values)) for name, values in shares.items()},
        **identities(embeddings, people),
    }  # fmt: skip
    return results, list(torch.stack(shown, 1)) if shown else []


def identities(embeddings: Mapping[str, list[np.ndarray]], people: list[str]) -> dict[str, float]:
    """Measure how far rebuilt faces are from their photos by dlib's embedding, and whether the right person is nearest.

    Args:
        embeddings: "photo", and each way of rebuilding -> N x 128.
        people: N, who is on each photo.
    """
    photos, who = np.stack(embeddings["photo"]), np.array(people)
    results = {}
    for kind in ("", "_enlarged"):
        apart = np.linalg.norm(np.stack(embeddings[kind])[:, None] - photos[None], axis=-1)
        results[f"identity_distance{kind}"] = float(np.diag(apart).mean())
        results[f"identity_top1{kind}"] = float((who[apart.argmin(1)] == who).mean())
    return results


def run(checkpoints: list[str], data: list[tuple[str, Path]], out: Path, seed: int) -> dict:  # noqa: ARG001
    """Run the suite on one checkpoint and one set of photos, with a contact sheet beside the results.

    Raises:
        ValueError: other checkpoints or data.
    """
    if len(checkpoints) != 1 or [kind for kind, _ in data] != ["london"]:
        raise ValueError("the detail suite takes one --checkpoint and --data london:FILE.tar")
    results, rows = detail(load_pipeline(checkpoints[0]), data[0][1])
    if rows:
        out.parent.mkdir(parents=True, exist_ok=True)
        tile(rows, 1).save(out.with_suffix(".png"))
    return results
