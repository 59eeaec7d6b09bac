"""Further maps of a gallery in one file: UMAP in 3-D, and the maps of PCL's face and pose.

PCL's codes would take 24 MB. Its maps keep the first principal components instead: enough to find a new face's
neighbours, not to draw from.
"""

import json
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from sklearn.decomposition import PCA

from latentface.checkpoints import ASSETS, load_network
from latentface.gallery import FURTHER, MAPS, Gallery
from latentface.pcl import PCL
from latentface.pcl_maps import pcl_features
from train.common.run import Progress, record
from train.release.layouts import APART, NEIGHBOURS, laid_out, scaled, trust, trust_of_axes

KEPT = 24
"""Principal components of PCL's features that are kept: on the bundled gallery nine of ten neighbours stay."""
BATCH = 64


def pcl_rows(pcl: PCL, gallery: Gallery) -> dict[str, np.ndarray]:
    """Compute PCL's vectors of a gallery's pictures."""
    parts: list[dict[str, torch.Tensor]] = []
    for start in range(0, len(gallery.faces), BATCH):
        rows = range(start, min(start + BATCH, len(gallery.faces)))
        crops = torch.stack([torch.from_numpy(gallery.crop(i).copy()) for i in rows])
        parts.append(pcl_features(pcl, crops.permute(0, 3, 1, 2).float() / 127.5 - 1))
    joined = {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
    return {name: rows.double().numpy() for name, rows in joined.items()}


def components(rows: np.ndarray) -> dict[str, np.ndarray]:
    """Shorten vectors to their first principal components: mean D, axes K x D, amounts N x K."""
    fit = PCA(min(KEPT, *rows.shape), random_state=0)
    amounts = fit.fit_transform(rows)
    return {"mean": np.asarray(fit.mean_), "axes": np.asarray(fit.components_), "amounts": amounts}


def add_further_maps(folder: Path, seed: int = 0, pcl: str | Path = "pcl") -> None:
    """Lay out the further maps of a gallery that is there, and write them beside it.

    Args:
        folder: the gallery.
        seed: of UMAP.
        pcl: the checkpoint of PCL; where there is none, its maps are left out.
    """
    gallery = Gallery(folder)
    spaces: dict[str, np.ndarray] = {name: gallery.features[name] for name in MAPS}
    tensors: dict[str, np.ndarray | torch.Tensor] = {}
    trusted: dict[str, dict[str, float | None]] = {}
    network = load_network(pcl, PCL) if (ASSETS / str(pcl)).is_dir() or Path(pcl).is_dir() else None
    others = {} if network is None else pcl_rows(network, gallery)
    spaces |= others
    progress = Progress(len(spaces), unit="further maps")
    for number, (name, rows) in enumerate(spaces.items(), 1):
        space = laid_out(rows, seed, 3)
        tensors[f"space_{name}"] = scaled(space)
        trusted[name] = {"umap3": trust(rows, space), "pca3": trust_of_axes(rows, 3)}
        if name in others:
            plane = laid_out(rows, seed)
            tensors[f"map_{name}"] = scaled(plane)
            tensors |= {f"{part}_{name}": value for part, value in components(rows).items()}
            trusted[name] |= {"umap": trust(rows, plane), "pca": trust_of_axes(rows)}
        progress(number)
    settings = {"n_neighbors": NEIGHBOURS, "min_dist": APART, "seed": seed}
    config = {"checkpoint": gallery.checkpoint, "pcl": str(pcl) if others else None, "umap": settings}
    about = record(config, trustworthiness=trusted)
    half = {name: torch.as_tensor(value).half().contiguous() for name, value in tensors.items()}
    save_file(half, folder / FURTHER, {"record": json.dumps(about)})
