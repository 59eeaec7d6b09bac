"""Maps of the latent spaces: a gallery of known faces with fixed UMAP coordinates, and the places of new faces there.

UMAP is fitted once, offline (`python -m train gallery`); a new face is placed by its exact nearest neighbours in the
code space, and flagged when it is farther from all of them than gallery faces of different people are from each other.
"""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file
from sklearn.metrics import pairwise_distances
from sklearn.neighbors import NearestNeighbors
from torch import Tensor

from latentface.checkpoints import ASSETS, DEFAULT, CheckpointError, find
from latentface.codes import Codes
from latentface.pipeline import FaceSplit, LatentFacePipeline
from latentface.principal import PrincipalAxes
from latentface.sprites import Sprites

MAPS = ("whole", "identity", "expression", "shape", "texture")
"""The latent spaces that are mapped; whole, identity and expression join shape and texture or their parts."""
ROOM = 1.25
"""A gallery picture is the standard crop with its half side times this."""
FURTHER = "further_maps.safetensors"
"""File of a gallery with UMAP in 3-D and the maps of PCL, where it has them."""
MANY = 20_000
"""Faces beyond which vectors are held in single precision, and `reach` is measured on evenly spread ones."""
REACHED = 400
"""Faces that `reach` is then measured on, each against all."""
NEIGHBOURS = 5
"""Faces of the gallery that decide where a new one is placed."""


def map_features(pipeline: LatentFacePipeline, codes: Codes, parts: FaceSplit) -> dict[str, Tensor]:
    """Compute the vectors that are mapped.

    Codes are standardised over the training codes; expression is divided by the same scale and has mean zero already.

    Args:
        pipeline: the model of the codes.
        codes: of N faces.
        parts: their split.

    Returns:
        One row a face: shape and texture N x C, whole, identity and expression N x 2C.
    """
    denoiser = pipeline.denoiser
    return features_of(denoiser.standardize(codes.face), parts.expression / denoiser.std)


def features_of(whole: Tensor, expression: Tensor) -> dict[str, Tensor]:
    """Give the vectors of all maps.

    Args:
        whole: N x 2C, standardised codes.
        expression: N x 2C, their expression parts in the same scale.
    """
    shape, texture = whole.chunk(2, 1)
    return {
        "whole": whole,
        "identity": whole - expression,
        "expression": expression,
        "shape": shape,
        "texture": texture,
    }


@dataclass
class Place:
    """The place of a face on one map."""

    x: float
    y: float
    neighbours: list[int]
    """The gallery's nearest faces, nearest first."""
    far: bool
    """Farther from everyone than 95 % of gallery faces are from the nearest face of somebody else."""


class Gallery:
    """The bundled faces of people who do not exist: pictures, factors, codes and map coordinates of one checkpoint."""

    def __init__(self, folder: str | Path = ASSETS / "gallery"):
        """Read a gallery.

        Args:
            folder: as `python -m train gallery` writes it.

        Raises:
            CheckpointError: the folder is no gallery.
        """
        self.folder = Path(folder)
        if not (self.folder / "gallery.json").exists():
            raise CheckpointError(f"{self.folder} is no gallery; make one with `python -m train gallery`")
        about = json.loads((self.folder / "gallery.json").read_text())
        self.record: dict = about["record"]
        """Command, commit, seed and data that made it."""
        self.checkpoint = str(self.record.get("config", {}).get("checkpoint", DEFAULT))
        """The checkpoint of its codes and maps."""
        columns = about["faces"]
        self.faces: list[dict] = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
        """One dictionary a face: "person", "frame" and its factors."""
        self.factors: list[str] = about["factors"]
        """Names of the factors that every face has, to colour the maps by."""
        self.sheets: dict[str, Sprites] = {name: Sprites(**sheet) for name, sheet in about["sheets"].items()}
        """Sprite sheets by kind: "picture" (the standard crop), "thumb", "rebuilt", "neutral"."""
        self.singles: dict[int, str] = {int(row): file for row, file in about["singles"].items()}
        """Rows with a picture of their own, a standard crop with margin, in which a detector finds the face."""
        tensors = {k: v.float() for k, v in load_file(self.folder / "gallery.safetensors").items()}
        self.codes = Codes(*(tensors[k] for k in ("shape", "texture", "view", "light")))
        self.coordinates: dict[str, Tensor] = {m: tensors[f"map_{m}"] for m in MAPS}
        """N x 2 for every map, both axes scaled to [0, 1]."""
        expression = tensors["expression_amounts"] @ tensors["expression_axes"]
        whole = (self.codes.face - tensors["mean"]) / tensors["std"]
        self.features: dict[str, np.ndarray] = {
            name: (rows if len(rows) > MANY else rows.double()).numpy()
            for name, rows in features_of(whole, expression).items()
        }
        """The vectors of every map, see `map_features`; of PCL's maps, their first principal components."""
        self.spaces: dict[str, Tensor] = {}
        """N x 3 for every map that has a UMAP in 3-D, each axis scaled to [0, 1]."""
        self.trusted: dict[str, dict[str, float | None]] = self.record.get("trustworthiness", {})
        """Map -> layout ("umap", "pca", "umap3", "pca3") -> trustworthiness; None for too few faces."""
        self.further: dict = {}
        """Command, commit, seed and data of UMAP in 3-D and of PCL's maps; empty where there are none."""
        self._shorter: dict[str, tuple[Tensor, Tensor]] = {}
        self._reaches: dict[str, float] = {}
        if (self.folder / FURTHER).exists():
            self._read_further(self.folder / FURTHER)

    def _read_further(self, file: Path) -> None:
        """Read UMAP in 3-D and PCL's maps."""
        with safe_open(file, "pt") as opened:
            self.further = json.loads((opened.metadata() or {}).get("record", "{}"))
            tensors = {name: opened.get_tensor(name).float() for name in opened.keys()}  # noqa: SIM118 (no dictionary)
        self.spaces = {name.removeprefix("space_"): t for name, t in tensors.items() if name.startswith("space_")}
        for name in (name.removeprefix("map_") for name in tensors if name.startswith("map_")):
            self.coordinates[name] = tensors[f"map_{name}"]
            self.features[name] = tensors[f"amounts_{name}"].double().numpy()
            self._shorter[name] = tensors[f"mean_{name}"], tensors[f"axes_{name}"]
        found = self.further.get("trustworthiness", {})
        self.trusted = {name: self.trusted.get(name, {}) | found.get(name, {}) for name in self.coordinates}

    @property
    def names(self) -> list[str]:
        """All maps that it has: MAPS, then PCL's where they were made."""
        return list(self.coordinates)

    def shortened(self, name: str, features: Tensor) -> Tensor:
        """Put vectors into the form in which the map's own are kept.

        Args:
            name: of the map.
            features: N x D; only those of PCL's maps change, to N x K.
        """
        if name not in self._shorter:
            return features
        mean, axes = self._shorter[name]
        return (features - mean) @ axes.T

    @cached_property
    def _axes(self) -> dict[str, PrincipalAxes]:
        """Principal axes of each map's features."""
        return {name: PrincipalAxes(rows) for name, rows in self.features.items()}

    def along_axes(self, name: str, rows: np.ndarray) -> np.ndarray:
        """Place vectors on a map's first three principal axes, the gallery's own filling [0, 1]: N x 3."""
        return self._axes[name].places(rows)

    def picture(self, index: int) -> Path:
        """Name the file of a face's picture, a standard crop with margin; only some faces have one, see `singles`."""
        return self.folder / self.singles[index]

    def crop(self, index: int, size: int | None = None) -> np.ndarray:
        """Give the standard crop of a face.

        Args:
            index: of the face.
            size: side of the result in pixels; as it is stored by default.

        Returns:
            RGB, uint8 size x size x 3.
        """
        crop = self.sheets["picture"].read(self.folder, index)
        if size in (None, len(crop)):
            return crop
        return np.asarray(Image.fromarray(crop).resize((size, size), Image.Resampling.LANCZOS))

    @cached_property
    def _neighbours(self) -> dict[str, NearestNeighbors]:
        """Search of each map's features."""
        count = min(NEIGHBOURS, len(self.faces))
        searches = {name: NearestNeighbors(n_neighbors=count, algorithm="brute") for name in self.features}
        return {name: search.fit(self.features[name]) for name, search in searches.items()}

    def reach(self, name: str) -> float:
        """Measure how far apart people are on the map `name`; once a map.

        Returns:
            95th percentile, over the gallery, of the distance to the nearest face of another person.
        """
        if name not in self._reaches:
            person, rows = np.array([face["person"] for face in self.faces]), self.features[name]
            if len(rows) <= MANY:
                distance = np.where(person[:, None] == person, np.inf, pairwise_distances(rows))
                nearest = distance.min(1)
            else:
                some = np.linspace(0, len(rows) - 1, REACHED).astype(int)
                nearest = np.concatenate([
                    np.where(person[part, None] == person, np.inf, pairwise_distances(rows[part], rows)).min(1)
                    for part in np.array_split(some, REACHED // 100)
                ])  # fmt: skip
            self._reaches[name] = float(np.quantile(nearest, 0.95))
        return self._reaches[name]

    def place(self, name: str, feature: Tensor) -> Place:
        """Place one face; see `places`.

        Args:
            name: of the map.
            feature: C, a row of `map_features`.
        """
        return self.places(name, feature[None])[0]

    def places(self, name: str, features: Tensor) -> list[Place]:
        """Place faces by their nearest neighbours: each at their mean, weighted by inverse distance.

        Args:
            name: of the map.
            features: N x C, of `map_features`.
        """
        rows = features.detach().cpu().numpy().astype(self.features[name].dtype)
        distances, neighbours = self._neighbours[name].kneighbors(rows)
        weight = torch.from_numpy(1 / distances.clip(min=1e-6))
        points = ((weight / weight.sum(1, keepdim=True))[..., None] * self.coordinates[name][neighbours]).sum(1)
        far = (distances[:, 0] > self.reach(name)).tolist()
        found = zip(points.tolist(), neighbours.tolist(), far, strict=True)
        return [Place(x, y, nearest, away) for (x, y), nearest, away in found]


def own_gallery(checkpoint: str) -> Gallery | None:
    """Read the gallery within a checkpoint's folder; None where there is none."""
    folder = find(checkpoint)
    if folder is None or not (folder / "gallery" / "gallery.json").is_file():
        return None
    return Gallery(folder / "gallery")
