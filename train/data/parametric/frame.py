"""One frame of a parametric person: moved, placed so that its standard crop fills the picture, and rendered."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

import train.data.parametric.rasterizer as rasterizer
from latentface.camera import HALF_WIDTH
from latentface.crop import standard_crop
from train.data.parametric.hair import Hair, strands
from train.data.parametric.materials import EYE, HAIR, SOLID, TEETH
from train.data.parametric.mesh import Head, load
from train.data.parametric.occlusion import open_sky
from train.data.parametric.person import Person
from train.data.parametric.shading import shade
from train.data.shards import MARGIN

GAIN = 1.25
"""How much further than modelled an action goes at weight 1, except those of EXACT, which must fit each other."""
EXACT = ("eyeBlink", "eyeLook", "jawOpen", "mouthClose", "tongueOut", "eyeSquint")
GAZE = (32.0, 24.0)
"""Degrees an eye turns, sideways and up, for a look action of 1."""
MARKS = ("right_eye", "left_eye", "nose", "right_mouth", "left_mouth")
"""Landmarks of the mesh in the order of latentface.crop.standard_crop: the image's left first."""

Place = Callable[..., np.ndarray]
"""(points, template heights, scale, shift) -> points in the camera's frame, see rasterizer.move."""


@dataclass
class Frame:
    """One frame before the camera: everything in float."""

    picture: np.ndarray
    """P x P x 3: albedo * shading + gloss where something is, 0 elsewhere."""
    truth: np.ndarray
    """P x P x 13: albedo, shading, gloss, normal (3 each), depth."""
    cover: np.ndarray
    """P x P x 2: share of the pixel that the head and that things in front of it take."""
    landmarks: np.ndarray
    """5 x 2 in pixels of the stored frame."""
    scale: float
    """Scene units a decimetre."""


@dataclass
class Part:
    """A mesh to be drawn, V vertices."""

    points: np.ndarray
    """V x 3 in the camera's frame."""
    normal: np.ndarray
    """V x 3."""
    rest: np.ndarray
    """V x 3, see shading.shade."""
    mask: np.ndarray
    """V x 2: lips, depth in the mouth."""
    sky: np.ndarray
    """V: share of the sky that is seen."""
    triangles: np.ndarray
    """T x 3."""
    material: np.ndarray
    """T int8."""
    strand: np.ndarray
    """V x 3, of hair: position in the noise and share that is left."""


def render(person: Person, factors: dict, size: int) -> Frame:
    """Draw one frame.

    Args:
        person: from person.build.
        factors: of the frame, see factors.clip_factors.
        size: side of the standard crop in pixels.

    Returns:
        The frame, of P = round(1.25 size) pixels a side.
    """
    head = load()
    shape = expressed(head, person.control, factors["expression"])
    turn, neck = pose_matrix(factors["pose"]), pose_matrix(0.3 * np.array(factors["pose"]))

    def place(
        points: np.ndarray, height: np.ndarray, scale: float = 1.0, shift: tuple | np.ndarray = (0.0, 0.0)
    ) -> np.ndarray:
        return rasterizer.move(points, height, person.centre, turn, neck, scale, np.asarray(shift, np.float64))

    marks = np.stack([shape[head.landmarks[name]].mean(0) for name in MARKS])
    marks = place(marks, np.full(5, 9.0)).astype(np.float64) - [0, 0, 1]
    scale, shift, seen = _framed(marks, factors["jitter"], size)

    surface = head.refine @ shape
    points = place(surface, _rest()[:, 1], scale, shift)
    normal = rasterizer.normals(points, head.triangles)
    mask = np.stack([head.masks["lips"], head.masks["mouth"]], 1).astype(np.float32)
    skin = Part(points, normal, _rest(), mask, open_sky(), head.triangles, head.material, np.zeros_like(points))
    parts = [skin, *_eye_parts(head, person, factors["expression"], turn, place, scale, shift)]
    if person.glasses is not None:
        parts.append(_glasses_part(*person.glasses, place, scale, shift))
    if person.hair is not None:
        parts.append(_hair_part(person.hair, points, normal, surface, scale, place))
    all_ = _joined(parts)

    inner, focal = round(size * MARGIN), rasterizer.focal(size)
    screen = rasterizer.project(all_.points, np.float32(2 * focal), 2 * inner)
    faces, nearest = np.empty((2 * inner, 2 * inner), np.int32), np.empty((2 * inner, 2 * inner), np.float32)
    rasterizer.rasterise(
        screen, all_.triangles, all_.material, all_.strand, strands(), 2 * inner, faces, nearest
    )  # fmt: skip
    picture = np.empty((inner, inner, 3), np.float32)
    truth = np.empty((inner, inner, 13), np.float32)
    cover = shade(
        all_.points, all_.normal, screen, all_.triangles, all_.material, all_.rest, all_.mask, all_.sky, faces, nearest,
        strands(), person.paint, person.colours, person.iris, factors["lamps"], picture, truth,
    )  # fmt: skip
    return Frame(picture, truth, cover, seen * focal + inner / 2, scale)


def expressed(head: Head, control: np.ndarray, expression: dict[str, float]) -> np.ndarray:
    """Return the control mesh (N x 3) with an expression {action: weight} on it."""
    shape = control.copy()
    for name, weight in expression.items():
        if name.startswith("eyeLook"):  # the lids follow the look; the balls turn by themselves
            weight = weight * 0.8
        if not name.startswith(EXACT):
            weight = weight * GAIN
        rows, offsets = head.actions[name]
        shape[rows] += np.float32(weight) * offsets
    return shape


def pose_matrix(pose: np.ndarray | list[float] | tuple[float, ...]) -> np.ndarray:
    """Return latentface.camera.rotation of one pose (yaw, pitch, roll in degrees), without torch in the workers."""
    yaw, pitch, roll = np.deg2rad(pose)
    a, b, c, d, e, f = math.cos(yaw), math.sin(yaw), math.cos(pitch), math.sin(pitch), math.cos(roll), math.sin(roll)
    about_x = np.array([[1, 0, 0], [0, c, d], [0, -d, c]])
    about_y = np.array([[a, 0, -b], [0, 1, 0], [b, 0, a]])
    about_z = np.array([[e, -f, 0], [f, e, 0], [0, 0, 1]])
    return about_x @ about_y @ about_z


def _framed(marks: np.ndarray, jitter: list[float], size: int) -> tuple[float, np.ndarray, np.ndarray]:
    """Scale and shift at which the standard crop of marks (5 x 3, about the centre) fills the picture, and x/z, y/z."""
    scale, shift = 0.097, np.zeros(2)
    zoom, aside, down = jitter
    edge = HALF_WIDTH * size / (size - 1)
    for _ in range(6):
        moved = marks * scale + [*shift, 1.0]
        x, y, half = standard_crop(moved[:, :2] / moved[:, 2:])
        scale *= edge / half * (1 + zoom)
        shift -= np.array([x, y]) - np.array([aside, down]) * edge
    moved = marks * scale + [*shift, 1.0]
    return scale, shift, moved[:, :2] / moved[:, 2:]


def _joined(parts: list[Part]) -> Part:
    """Joins meshes to one."""
    count, triangles = 0, []
    for part in parts:
        triangles.append(part.triangles + count)
        count += len(part.points)

    def all_of(name: str) -> np.ndarray:
        return np.ascontiguousarray(np.concatenate([getattr(part, name) for part in parts]))

    fields = {name: all_of(name) for name in ("points", "normal", "rest", "mask", "sky", "material", "strand")}
    return Part(triangles=np.ascontiguousarray(np.concatenate(triangles)), **fields)


def _eye_parts(
    head: Head, person: Person, look: dict[str, float], turn: np.ndarray, place: Place, scale: float, shift: np.ndarray
) -> list[Part]:
    """Both eyeballs, turned by the look actions."""
    ball, ball_triangles = _ball()
    flip, parts = np.array([1, -1, -1.0]), []
    for side, rows, sign in (("Left", head.eyes[0], 1), ("Right", head.eyes[1], -1)):
        eye = person.control[rows]
        base = head.template[rows]
        grow = float(np.ptp(eye, 0)[:2].mean() / np.ptp(base, 0)[:2].mean())
        centre = (eye.max(0) + eye.min(0)) / 2
        aside = sign * (look.get(f"eyeLookOut{side}", 0) - look.get(f"eyeLookIn{side}", 0)) * GAZE[0]
        up = (look.get(f"eyeLookUp{side}", 0) - look.get(f"eyeLookDown{side}", 0)) * GAZE[1]
        a, b = math.radians(aside), math.radians(up)
        sideways = np.array([[math.cos(a), 0, math.sin(a)], [0, 1, 0], [-math.sin(a), 0, math.cos(a)]])
        upwards = np.array([[1, 0, 0], [0, math.cos(b), math.sin(b)], [0, -math.sin(b), math.cos(b)]])
        turned = ball @ (sideways @ upwards).T
        bulge = 0.138 + 0.008 * np.clip((ball[:, 2:] - 0.8) / 0.2, 0, 1)
        spot = centre + grow * bulge * turned
        points = place(spot, np.full(len(spot), 9.0), scale, shift)
        normal = ((turned * flip) @ turn.T).astype(np.float32)
        lid = np.clip(1.1 - 2.6 * np.clip(turned[:, 1] - 0.08, 0, 1), 0.4, 1)
        lid = lid * np.clip(1.25 - 0.4 * np.abs(turned[:, 0]), 0.5, 1)
        zeros, kind = np.zeros((len(ball), 3), np.float32), np.full(len(ball_triangles), EYE, np.int8)
        parts.append(Part(points, normal, ball, zeros[:, :2], lid.astype(np.float32), ball_triangles, kind, zeros))
    return parts


def _glasses_part(spots: np.ndarray, triangles: np.ndarray, place: Place, scale: float, shift: np.ndarray) -> Part:
    """The glasses of a frame. spots, triangles: see glasses.glasses."""
    points, many = place(spots, np.full(len(spots), 9.0), scale, shift), len(spots)
    plain = np.tile(np.array([1, 0, 0.5], np.float32), (many, 1))
    kind, zeros = np.full(len(triangles), SOLID, np.int8), np.zeros((many, 3), np.float32)
    sky, normal = np.full(many, 0.9, np.float32), rasterizer.normals(points, triangles)
    return Part(points, normal, plain, zeros[:, :2], sky, triangles, kind, zeros)


def _hair_part(
    hair: Hair, points: np.ndarray, normal: np.ndarray, surface: np.ndarray, scale: float, place: Place
) -> Part:
    """The hair of a frame. points, normal: of the skin, in the camera's frame; surface: in template coordinates."""
    rooted = surface[hair.vertex]
    moved = place(rooted + hair.shift, hair.height, scale) - place(rooted, hair.height, scale)
    base = points[hair.vertex] + normal[hair.vertex] * (np.float32(scale) * hair.out)[:, None] + moved
    count = len(base)
    zeros = np.zeros((count, 3), np.float32)
    strand = np.concatenate([hair.look[:, 1:], hair.left[:, None]], 1)
    kind = np.full(len(hair.triangles), HAIR, np.int8)
    sky = np.full(count, 0.85, np.float32)
    normals = rasterizer.normals(base, hair.triangles)
    return Part(base, normals, hair.look, zeros[:, :2], sky, hair.triangles, kind, strand)


@lru_cache(1)
def _rest() -> np.ndarray:
    """Positions the paint is looked up by: the template's surface; teeth say in x how far out they are."""
    head = load()
    out = head.rest.copy()
    rows = np.unique(head.triangles[head.material == TEETH])
    out[rows, 0] = np.clip((head.rest[rows, 2] - 1.0) / 0.3, 0, 1)
    return out


@lru_cache(1)
def _ball(rings: int = 14, spokes: int = 24) -> tuple[np.ndarray, np.ndarray]:
    """Unit directions and triangles of an eyeball's front, pole at +z, dense round the iris."""
    angles = np.linspace(0, 1, rings) ** 1.0 * 1.75
    directions = [[0.0, 0.0, 1.0]]
    for a in angles[1:]:
        for s in range(spokes):
            b = 2 * math.pi * s / spokes
            directions.append([math.sin(a) * math.cos(b), math.sin(a) * math.sin(b), math.cos(a)])
    triangles = [[0, 1 + s, 1 + (s + 1) % spokes] for s in range(spokes)]
    for r in range(rings - 2):
        for s in range(spokes):
            a, b = 1 + r * spokes + s, 1 + r * spokes + (s + 1) % spokes
            triangles += [[a, a + spokes, b + spokes], [a, b + spokes, b]]
    return np.array(directions, np.float32), np.array(triangles, np.int32)
