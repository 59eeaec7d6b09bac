"""The app's gallery of people who do not exist, with codes, maps and pictures of one checkpoint.

python -m train gallery --people 400 --candidates 620 --frames 8 --seed 71000    draws people and maps them
python -m train gallery --checkpoint RUN                                         maps the bundled people by a run
"""

import json
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file

from latentface.checkpoints import ASSETS, find, load_pipeline
from latentface.codes import Codes
from latentface.gallery import MAPS, ROOM, Gallery, map_features
from latentface.pictures import picture
from latentface.pipeline import LatentFacePipeline
from latentface.sprites import Sprites, write_sprites
from train.common.run import Progress, record
from train.common.tar_slices import read_slice
from train.data.on_disk import index_shard
from train.data.samples import frame_names, tars_of
from train.release.further_maps import add_further_maps
from train.release.gallery_people import SMILES, group, groups_of
from train.release.layouts import APART, NEIGHBOURS, laid_out, scaled, trust, trust_of_axes

SIDES = {"picture": 128, "thumb": 48, "rebuilt": 64, "neutral": 64}
"""Sides in pixels of the sheets' pictures."""
QUALITY = {"picture": 75, "thumb": 70, "rebuilt": 70, "neutral": 70}
"""WebP quality of the sheets: all of it together has to stay small."""
SINGLES = 12
"""People whose pictures are kept one by one, with margin: examples, and photos for tests."""
BATCH = 32


def read_people(shards: Path, out: Path) -> tuple[Sprites, list[dict], dict[int, str]]:
    """Copy drawn people from shards into the sheets of a gallery.

    Args:
        shards: As draw_people writes them.
        out: The gallery's folder.

    Returns:
        The sheets of standard crops, the factors of every face, and the rows with a picture of their own.
    """
    clips = [(path, files) for path in tars_of(shards) for files in index_shard(path)]
    kept = set(np.linspace(0, len(clips) - 1, min(SINGLES, len(clips))).round().astype(int).tolist())
    faces: list[dict] = []
    singles: dict[int, str] = {}

    def crops() -> Iterator[np.ndarray]:
        """Yield the crop of every frame, in order."""
        for number, (path, files) in enumerate(clips):
            factors = json.loads(read_slice(path, files["json"]))
            for name, about in zip(frame_names(files), factors, strict=True):
                data = read_slice(path, files[f"{name}.webp"])
                file = out / f"{int(about['person']):05d}_{about['frame']}.webp"
                file.write_bytes(data)
                with Image.open(file) as image:
                    side = round(image.width / ROOM)
                    edge = (image.width - side) // 2
                    crop = np.asarray(image.convert("RGB").crop((edge, edge, edge + side, edge + side)))
                if number in kept:
                    singles[len(faces)] = file.name
                else:
                    file.unlink()
                faces.append(about)
                yield crop

    return write_sprites(crops(), SIDES["picture"], out, "picture", QUALITY["picture"]), faces, singles


def columns_of(faces: list[dict]) -> dict[str, list]:
    """Put drawn people's factors in columns: person, frame, what the judges read of the person and of the frame."""
    measured = sorted({name for face in faces for name in face.get("measured", {})} - {"yaw", "pitch"})
    return {
        "person": [int(face["person"]) for face in faces],
        "frame": [face["frame"] for face in faces],
        **{name: [face[name] for face in faces] for name in ("gender", "age")},
        "skin tone": [face["skin"] for face in faces],
        **{name: [face["measured"].get(name, 0.0) for face in faces] for name in measured},
    }


def spread_of(faces: list[dict]) -> dict[str, dict[str, int]]:
    """Count people by age, gender and skin tone, and pictures by smile, as the judges read them."""
    people = {face["person"]: groups_of(face) for face in faces}
    counts = {name: Counter(groups[name] for groups in people.values()) for name in ("age", "gender", "skin")}
    counts["smile"] = Counter(group(face["measured"].get("smile", 0.0), SMILES) for face in faces)
    return {name: dict(count.most_common()) for name, count in counts.items()}


def drawn(pipeline: LatentFacePipeline, codes: Codes, neutral: bool) -> Iterator[np.ndarray]:
    """Draw faces as the model sees them, or at rest from the front, each uint8 S x S x 3."""
    total = len(codes.shape)
    progress = Progress(total, unit="neutral faces" if neutral else "faces")
    for start in range(0, total, BATCH):
        some = codes[start : start + BATCH]
        images = pipeline.decode(pipeline.neutral(some)).canonical if neutral else pipeline.decode(some).render()[0]
        yield from (picture(image) for image in images)
        progress(min(total, start + BATCH), line=False)


def encoded(pipeline: LatentFacePipeline, crops: list[np.ndarray]) -> Codes:
    """Encode crops of any side."""
    small = [Image.fromarray(crop).resize((pipeline.size, pipeline.size), Image.Resampling.LANCZOS) for crop in crops]
    stacks = [small[i : i + BATCH] for i in range(0, len(small), BATCH)]
    return Codes.cat([pipeline.encode(torch.cat([pipeline.tensor(np.asarray(one)) for one in few])) for few in stacks])


def short(expression: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Write expression parts, which fill few dimensions, as amounts along axes: N x K, K x 2C."""
    left, size, right = torch.linalg.svd(expression, full_matrices=False)
    share = 1 - size.square().cumsum(0) / size.square().sum().clamp(min=1e-12)
    count = int((share > 1e-5).sum()) + 1
    return left[:, :count] * size[:count], right[:count]


def build(
    checkpoint: str,
    out: Path,
    crops: list[np.ndarray],
    columns: dict[str, list],
    sheets: dict[str, Sprites],
    singles: dict[int, str],
    seed: int = 0,
    codes: Codes | None = None,
    **about: object,
) -> None:
    """Encode crops, lay the maps out, draw the faces, and write the gallery.

    Args:
        checkpoint: a bundled name, a folder or a Hub id.
        out: the gallery's folder; the sheets of pictures are there.
        crops: uint8 S x S x 3 of every face.
        columns: "person", "frame" and factors, a value a face each.
        sheets: "picture".
        singles: rows with a picture of their own.
        seed: of UMAP.
        codes: of the crops, where they are known already.
        about: further facts for the record.
    """
    pipeline = load_pipeline(checkpoint)
    codes = codes or encoded(pipeline, crops)
    features = map_features(pipeline, codes, pipeline.split(codes))
    maps, trusted, progress = {}, {}, Progress(len(MAPS), unit="maps")
    for number, name in enumerate(MAPS, 1):
        rows = features[name].double().numpy()
        points = laid_out(rows, seed)
        maps[name] = scaled(points)
        trusted[name] = {"umap": trust(rows, points), "pca": trust_of_axes(rows)}
        progress(number)
    sheets = dict(sheets)
    sheets["thumb"] = write_sprites(crops, SIDES["thumb"], out, "thumb", QUALITY["thumb"])
    for kind in ("rebuilt", "neutral"):
        pictures = drawn(pipeline, codes, kind == "neutral")
        sheets[kind] = write_sprites(pictures, SIDES[kind], out, kind, QUALITY[kind])
    settings = {"n_neighbors": NEIGHBOURS, "min_dist": APART, "seed": seed}
    made = record({"checkpoint": checkpoint, "umap": settings}, trustworthiness=trusted, **about)
    save_gallery(out, pipeline, codes, features["expression"], maps, columns, sheets, singles, made)
    add_further_maps(out, seed)


def save_gallery(
    out: Path,
    pipeline: LatentFacePipeline,
    codes: Codes,
    expression: torch.Tensor,
    maps: dict[str, torch.Tensor],
    columns: dict[str, list],
    sheets: dict[str, Sprites],
    singles: dict[int, str],
    made: dict,
) -> None:
    """Write the two files of a gallery, whose sheets are there.

    Args:
        out: the gallery's folder.
        pipeline: the model of the codes.
        codes: of N faces.
        expression: N x 2C, their expression parts as map_features scales them.
        maps: N x 2 in [0, 1] of each map.
        columns: see build.
        sheets: of the pictures.
        singles: see build.
        made: command, commit, settings and data.
    """
    tensors = {k: getattr(codes, k) for k in ("shape", "texture", "view", "light")}
    amounts, axes = short(expression)
    tensors |= {"expression_amounts": amounts, "expression_axes": axes}
    tensors |= {"mean": pipeline.denoiser.mean, "std": pipeline.denoiser.std}
    tensors |= {f"map_{name}": points for name, points in maps.items()}
    save_file({k: v.detach().half().contiguous() for k, v in tensors.items()}, out / "gallery.safetensors")
    columns = dict(columns)
    columns["seen yaw"], columns["seen pitch"] = (
        [round(v, 1) for v in codes.view[:, i].tolist()] for i in (0, 1)
    )  # fmt: skip
    found = {
        "record": made,
        "factors": [name for name in columns if name != "frame"],
        "faces": columns,
        "sheets": {name: sheet.record() for name, sheet in sheets.items()},
        "singles": singles,
    }
    (out / "gallery.json").write_text(json.dumps(found, separators=(",", ":")))


def from_shards(checkpoint: str, shards: Path, out: Path, seed: int = 0) -> None:
    """Make a gallery of drawn people.

    Args:
        checkpoint: a bundled name, a folder or a Hub id.
        shards: As draw_people writes them.
        out: the gallery's folder.
        seed: of UMAP.
    """
    out.mkdir(parents=True, exist_ok=True)
    sheet, faces, singles = read_people(shards, out)
    manifest = json.loads((shards / "manifest.json").read_text())
    data = {k: manifest[k] for k in ("source", "licence", "seed", "clips", "frames") if k in manifest}
    crops = [sheet.read(out, i) for i in range(len(faces))]
    build(
        checkpoint, out, crops, columns_of(faces), {"picture": sheet}, singles, seed, data=data, spread=spread_of(faces)
    )


def again(checkpoint: str, out: Path, seed: int = 0, source: Path = ASSETS / "gallery") -> None:
    """Map the faces of a gallery that is there by another checkpoint, into that checkpoint's folder or back.

    Args:
        checkpoint: a bundled name, a folder or a Hub id.
        out: the new gallery's folder.
        seed: of UMAP.
        source: the gallery whose pictures are taken.
    """
    old = Gallery(source)
    out.mkdir(parents=True, exist_ok=True)
    if out.resolve() != source.resolve():
        for file in [*old.sheets["picture"].files, *old.singles.values()]:
            shutil.copy(source / file, out / file)
    crops = [old.crop(i) for i in range(len(old.faces))]
    names = [name for name in old.faces[0] if name not in ("seen yaw", "seen pitch")]
    columns = {name: [face[name] for face in old.faces] for name in names}
    kept = {k: old.record[k] for k in ("data", "spread") if k in old.record}
    build(checkpoint, out, crops, columns, {"picture": old.sheets["picture"]}, old.singles, seed, **kept)


def gallery_folder(checkpoint: str) -> Path:
    """Name the folder of a checkpoint's gallery: the bundled one's is assets/gallery, a run's lies within the run."""
    folder = find(checkpoint)
    return ASSETS / "gallery" if folder is None or folder.parent == ASSETS else folder / "gallery"
