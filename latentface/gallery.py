"""Maps of the latent spaces: a gallery of known faces with fixed UMAP coordinates, and where a new face falls on them.

UMAP is fitted once, offline (`python -m train gallery`); a new face is placed by its exact nearest neighbours in the
code space, and flagged when it is farther from all of them than gallery faces of different people are from each other.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from latentface.autoencoder import Codes
from latentface.checkpoints import ASSETS, DEFAULT, CheckpointError
from latentface.pipeline import FaceSplit, LatentFacePipeline

MAPS = ("shape", "texture", "identity", "expression")
"""The latent spaces that are mapped; identity and expression join the shape and texture parts."""
NEIGHBOURS = 5
"""Faces of the gallery that decide where a new one is placed."""


def map_features(pipeline: LatentFacePipeline, codes: Codes, parts: FaceSplit) -> dict[str, Tensor]:
    """The vectors that are mapped, one row a face: shape and texture N x C, identity and expression N x 2C.

    Codes are standardised over the training codes; expression is divided by the same scale and has mean zero already.
    """
    denoiser = pipeline.denoiser
    shape, texture = denoiser.standardize(codes.face).chunk(2, 1)
    return {
        "shape": shape,
        "texture": texture,
        "identity": denoiser.standardize(parts.identity),
        "expression": parts.expression / denoiser.std,
    }


@dataclass
class Place:
    """Where a face falls on one map."""

    x: float
    y: float
    neighbours: list[int]
    """The gallery's nearest faces, nearest first."""
    far: bool
    """Farther from everyone than 95 % of gallery faces are from the nearest face of somebody else."""


class Gallery:
    """The bundled faces of people who do not exist: pictures, factors, codes and map coordinates of one checkpoint."""

    def __init__(self, folder: str | Path = ASSETS / "gallery"):
        """folder: as `python -m train gallery` writes it. Raises CheckpointError where it is not one."""
        self.folder = Path(folder)
        if not (self.folder / "gallery.json").exists():
            raise CheckpointError(f"{self.folder} is no gallery; make one with `python -m train gallery`")
        about = json.loads((self.folder / "gallery.json").read_text())
        self.record: dict = about["record"]
        """Command, commit, seed and data that made it."""
        self.checkpoint = str(self.record.get("config", {}).get("checkpoint", DEFAULT))
        """What its codes and maps were made with."""
        self.faces: list[dict] = about["faces"]
        """One dictionary a face: "file", "person", "frame" and its factors."""
        self.factors: list[str] = about["factors"]
        """Names of the factors that every face has, to colour the maps by."""
        tensors = {k: v.float() for k, v in load_file(self.folder / "gallery.safetensors").items()}
        self.codes = Codes(*(tensors[k] for k in ("shape", "texture", "view", "light")))
        self.coordinates: dict[str, Tensor] = {m: tensors[f"map_{m}"] for m in MAPS}
        """N x 2 for every map, both axes scaled to [0, 1]."""
        self._features = {m: tensors[f"features_{m}"] for m in MAPS}
        self._person = torch.tensor([f["person"] for f in self.faces])
        self._reach: dict[str, float] = {}

    def picture(self, index: int) -> Path:
        """The file of a face's picture, a standard crop with margin."""
        return self.folder / self.faces[index]["file"]

    def reach(self, name: str) -> float:
        """95th percentile, over the gallery, of the distance to the nearest face of another person."""
        if name not in self._reach:
            distance = torch.cdist(self._features[name], self._features[name])
            distance[self._person[:, None] == self._person] = torch.inf
            self._reach[name] = float(distance.amin(1).quantile(0.95))
        return self._reach[name]

    def place(self, name: str, feature: Tensor) -> Place:
        """Places one face (feature: C, a row of `map_features`) on the map `name` by its nearest neighbours.

        The place is their mean, weighted by inverse distance.
        """
        distance = torch.cdist(feature[None].float().cpu(), self._features[name])[0]
        nearest = distance.topk(min(NEIGHBOURS, len(distance)), largest=False)
        weight = 1 / nearest.values.clamp(min=1e-6)
        x, y = ((weight / weight.sum())[:, None] * self.coordinates[name][nearest.indices]).sum(0).tolist()
        return Place(x, y, nearest.indices.tolist(), bool(nearest.values[0] > self.reach(name)))
