"""People of the gallery as a checkpoint knows them: the same person again, and neighbours that only a map makes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from latentface.codes import Codes
from latentface.gallery import Gallery, map_features
from latentface.pipeline import LatentFacePipeline
from latentface.principal import PrincipalAxes
from latentface.swap_numbers import signature

PEOPLE, FRAMES = 24, 4
"""Whom a checkpoint without maps of its own reads for this: so many people, so many pictures each."""
WRONG = 3
"""Wrong answers that stand beside the right one."""
NEAR_ON_MAP = 60
"""Faces nearest on the map, among which the false neighbours are looked for."""


@dataclass(frozen=True)
class KnownPeople:
    """Pictures of a gallery with a checkpoint's codes, and a map of their identities."""

    gallery: Gallery
    rows: list[int]
    """Their places in the gallery."""
    signatures: Tensor
    """N x 2C, see swap_numbers.signature."""
    features: Tensor
    """N x 2C of the map of identities."""
    places: Tensor
    """N x 2 on that map, within [0, 1]."""
    layout: str
    """Name of the layout: UMAP, or principal axes where the checkpoint has no maps."""
    axes: PrincipalAxes | None
    """Of that layout, where it is no UMAP."""

    @property
    def people(self) -> np.ndarray:
        """Give the number of everybody's person."""
        return np.array([self.gallery.faces[row]["person"] for row in self.rows])

    def place(self, feature: Tensor) -> Tensor:
        """Place a face, C, on the map."""
        if self.axes is not None:
            return torch.tensor(self.axes.places(feature[None].double().numpy())[0, :2])
        found = self.gallery.place("identity", feature)
        return torch.tensor([found.x, found.y])


@torch.no_grad()
def known_people(pipeline: LatentFacePipeline, gallery: Gallery, mapped: bool) -> KnownPeople:
    """Read a gallery's people.

    Args:
        pipeline: The model.
        gallery: Its own, or one of another checkpoint.
        mapped: Whether the gallery's codes and maps are the model's; else some of its pictures are encoded here.
    """
    if mapped:
        rows, codes = list(range(len(gallery.faces))), gallery.codes
        features = torch.from_numpy(gallery.features["identity"]).float()
    else:
        rows = _some_rows(gallery)
        crops = [pipeline.tensor(gallery.crop(row, pipeline.size)) for row in rows]
        codes = Codes.cat([pipeline.encode(torch.cat(part)) for part in _parts(crops)])
        features = map_features(pipeline, codes, pipeline.split(codes))["identity"]
    axes = None if mapped else PrincipalAxes(features.double().numpy(), 2)
    places = gallery.coordinates["identity"] if axes is None else torch.tensor(axes.places(features.double().numpy()))
    layout = "UMAP" if mapped else "two principal axes"
    return KnownPeople(gallery, rows, signature(pipeline, codes), features, places, layout, axes)


def _some_rows(gallery: Gallery) -> list[int]:
    """Choose some pictures of some people, evenly."""
    found: dict[int, list[int]] = {}
    for row, face in enumerate(gallery.faces):
        found.setdefault(face["person"], []).append(row)
    people = list(found.values())
    chosen = np.unique(np.linspace(0, len(people) - 1, PEOPLE).round().astype(int))
    return [row for person in chosen for row in people[person][:FRAMES]]


def _parts(crops: list[Tensor], size: int = 16) -> list[list[Tensor]]:
    """Cut a list into batches."""
    return [crops[at : at + size] for at in range(0, len(crops), size)]


@dataclass(frozen=True)
class Again:
    """One picture of a person, another of theirs, and pictures of others who are like them."""

    asked: int
    """Row of the gallery: whom to find again."""
    right: int
    """Row: the same person, in the picture least like the first."""
    others: list[int]
    """Rows: other people's pictures, the likest ones."""
    cosines: dict[int, float]
    """Row -> likeness to the first picture as the model has it."""

    @property
    def said(self) -> int:
        """Give the row that the model takes for the same person."""
        return max(self.cosines, key=lambda row: self.cosines[row])


def again(known: KnownPeople, face: Tensor) -> Again:
    """Ask for the person of the gallery who is likest to a face, in another picture.

    Args:
        known: The gallery's people.
        face: 2C, the face's signature.
    """
    people = known.people
    _, which, counts = np.unique(people, return_inverse=True, return_counts=True)
    twice = counts[which] > 1
    alike = F.cosine_similarity(known.signatures, face[None]).numpy()
    asked = int(np.where(twice, alike, -np.inf).argmax())
    cosines = F.cosine_similarity(known.signatures, known.signatures[asked][None]).numpy()
    own = [at for at in np.flatnonzero(people == people[asked]) if at != asked]
    right = int(min(own, key=lambda at: cosines[at]))
    others = _one_each(np.argsort(-cosines), people, {int(people[asked])})[:WRONG]
    shown = {known.rows[at]: float(cosines[at]) for at in (right, *others)}
    return Again(known.rows[asked], known.rows[right], [known.rows[at] for at in others], shown)


@dataclass(frozen=True)
class Neighbours:
    """Faces that all lie near a face on the map, one of which is near in the code."""

    on_map: dict[int, float]
    """Row of the gallery -> distance on the map, whose sides are 1 long."""
    in_code: dict[int, float]
    """Row -> distance in the code, in standard deviations over all its numbers."""

    @property
    def real(self) -> int:
        """Give the row that is nearest in the code."""
        return min(self.in_code, key=lambda row: self.in_code[row])


def neighbours(known: KnownPeople, feature: Tensor, without: int | None = None) -> Neighbours:
    """Find the nearest face in the code, and false neighbours: near on the map, far in the code.

    Args:
        known: The gallery's people.
        feature: 2C, the face on the map of identities.
        without: A person who is left out, for a face that is theirs.
    """
    people = known.people
    taken = people == without if without is not None else np.zeros(len(people), bool)
    far = (known.features - feature).norm(dim=1).numpy()
    real = int(np.where(taken, np.inf, far).argmin())
    beside = (known.places - known.place(feature)).norm(dim=1).numpy()
    left_out = {int(people[real])} | (set() if without is None else {without})
    near = [at for at in np.argsort(beside) if people[at] not in left_out][:NEAR_ON_MAP]
    false = _one_each(np.array(sorted(near, key=lambda at: -far[at])), people, left_out)[:WRONG]
    rows = [real, *false]
    return Neighbours(
        {known.rows[at]: float(beside[at]) for at in rows}, {known.rows[at]: float(far[at]) for at in rows}
    )


def _one_each(order: np.ndarray, people: np.ndarray, left_out: set[int]) -> list[int]:
    """Keep the first of every person in an order of rows; people left out have none."""
    found, seen = [], set(left_out)
    for at in order:
        if people[at] not in seen:
            seen.add(int(people[at]))
            found.append(int(at))
    return found
