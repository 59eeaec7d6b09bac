"""The app's gallery of people who do not exist, with codes and UMAP maps of one checkpoint.

python -m train gallery --people 72 --frames 8 --seed 2309            draws the people and maps them
python -m train gallery                                               maps the bundled people again (new checkpoint)
"""

import json
from pathlib import Path

import numpy as np
import torch
import umap
from PIL import Image
from safetensors.torch import save_file

from latentface.checkpoints import ASSETS, load_pipeline
from latentface.gallery import MAPS, map_features, middle
from train.common.run import Progress, record

SIDE = 160
"""Side of a gallery picture in pixels: the standard crop at 128 px, with margin."""
NEIGHBOURS = 15
"""UMAP's n_neighbors: about two clips, so that a map shows what lies beyond one person."""


def draw(people: int, frames: int, seed: int, folder: Path) -> None:
    """Draw people into `folder/PPPPP_F.webp` and their factors into `folder/faces.json`.

    Args:
        people: how many.
        frames: of each.
        seed: of all that is drawn.
        folder: of the pictures.
    """
    from train.data.imagined.drawing import clips

    folder.mkdir(parents=True, exist_ok=True)
    faces, progress = [], Progress(people, unit="people")
    for clip in clips(people, frames, SIDE, seed, lambda done, total: progress(done, line=False)):
        for image, factors in clip:
            name = f"{int(factors['person']):05d}_{factors['frame']}.webp"
            Image.fromarray(image).save(folder / name, quality=85)
            faces.append({"file": name, **factors, "person": int(factors["person"])})
    (folder / "faces.json").write_text(json.dumps(faces, indent=0))


def build(checkpoint: str, folder: Path = ASSETS / "gallery", seed: int = 0) -> None:
    """Encode the pictures of `folder/faces.json` and write gallery.json and gallery.safetensors for the app.

    Args:
        checkpoint: a bundled name, a folder or a Hub id.
        folder: of the pictures.
        seed: of UMAP.
    """
    pipeline = load_pipeline(checkpoint)
    faces = json.loads((folder / "faces.json").read_text())
    crops = [pipeline.tensor(middle(folder / face["file"], pipeline.size)) for face in faces]
    codes = pipeline.encode(torch.cat(crops))
    parts = pipeline.split(codes)
    features = map_features(pipeline, codes, parts)
    tensors = {k: getattr(codes, k) for k in ("shape", "texture", "view", "light")}
    for name in MAPS:
        mapper = umap.UMAP(n_neighbors=NEIGHBOURS, min_dist=0.2, random_state=seed, n_jobs=1)
        fitted = np.asarray(mapper.fit_transform(features[name].numpy()))
        low, high = fitted.min(0), fitted.max(0)
        tensors[f"map_{name}"] = torch.from_numpy((fitted - low) / (high - low))
        tensors[f"features_{name}"] = features[name]
    save_file({k: v.half().contiguous() for k, v in tensors.items()}, folder / "gallery.safetensors")
    edits = sorted({name for face in faces for name in face.get("edit", {})})
    shown = []
    for i, face in enumerate(faces):
        factors = {name: round(face.get("edit", {}).get(name, 0.0), 3) for name in edits}
        factors["seen yaw"], factors["seen pitch"] = (round(v, 1) for v in codes.view[i, :2].tolist())
        shown.append({"file": face["file"], "person": face["person"], "frame": face["frame"], **factors})
    settings = {"n_neighbors": NEIGHBOURS, "min_dist": 0.2, "seed": seed}
    about = {
        "record": record({"checkpoint": checkpoint, "umap": settings}),
        "factors": ["person", *edits, "seen yaw", "seen pitch"],
        "faces": shown,
    }
    (folder / "gallery.json").write_text(json.dumps(about, indent=0))
