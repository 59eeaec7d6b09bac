"""Clips of `imagined` drawn without its judges: people by the hundred thousand, in minutes on a GPU.

    python -m train imagined --people 20000 --frames 6 --unjudged --seed 0 --out FRAMES

`drawing` measures every picture with dlib and draws drifted ones again: a few pictures a second. Here a person's styles
are moved as far as the linear readers say is needed, all of a batch at once, and only the face detector that cuts the
standard crop looks at the pictures. Before the judge of identity, frames of one person are about as alike as after it
(CARD.md).

Frames are not encoded: FRAMES holds `frames.npy` (N x 3 x P x P uint8), `factors.json` and the manifest, as read_shards
takes them.
"""

import json
from collections import deque
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from latentface.crop import standard_crop
from latentface.detection import look_once
from train.common.run import Progress, stoppable
from train.data.imagined.directions import EXPRESSION, LAYERS, POSE, TRAITS, kind
from train.data.imagined.drawing import ABOUT
from train.data.imagined.model import Imagined
from train.data.imagined.motion import path
from train.data.imagined.people import CANDIDATES, REACH, SKIN, TRAIT_STEP
from train.data.shards import MARGIN, ShardsError
from train.data.workers import ignore_stop, single_threaded

BATCH = 64
"""Pictures drawn at once."""
SEEN = 256
"""Side in pixels of what the detector looks at."""
CHUNK = 256
"""People whose styles are found at once."""
IN_FLIGHT = 24
"""Batches whose faces are being looked for while the next are drawn."""


class Styles:
    """People and their frames as rows of styles, a batch at a time, on the engine's device."""

    def __init__(self, engine: Imagined):
        self.device, self.found = (
            engine.device,
            {k: torch.from_numpy(v).to(engine.device) for k, v in engine.found.items()},
        )
        self.map = engine.mapper.to(engine.device).mapping
        self.mean = torch.from_numpy(engine.mean).to(engine.device)
        sides = np.asarray(engine.sides)
        self.layers = {
            name: torch.from_numpy(np.isin(sides, layers)).to(engine.device) for name, layers in LAYERS.items()
        }

    def predicted(self, w: Tensor, name: str) -> Tensor:
        """Predict a measure of the faces of styles ... x 512 linearly: ..., in standard deviations."""
        return (w - self.found["mean"]) @ self.found[f"read_{name}"]

    def people(self, count: int, generator: torch.Generator) -> Tensor:
        """Draw styles count x 512 of people of even gender, age and skin tone (see people.person_style)."""

        def between(low: float, high: float) -> Tensor:
            return low + (high - low) * torch.rand(count, generator=generator, device=self.device)

        psi, sign = between(0.65, 0.85), torch.where(between(0, 1) < 0.5, -1.0, 1.0)
        goal = torch.stack([sign * between(0.7, 1.3), between(-1.7, 1.9), between(*SKIN)], 1)
        z = torch.randn(count * CANDIDATES, 512, generator=generator, device=self.device)
        w = torch.cat([self.map(part) for part in z.split(65_536)]).view(count, CANDIDATES, 512)
        w = self.mean + psi[:, None, None] * (w - self.mean)
        guess = torch.stack([self.predicted(w, name) for name in TRAITS], -1)  # count x candidates x traits
        best = (guess - goal[:, None]).square().sum(-1).argmin(1)
        rows = torch.arange(count, device=self.device)
        step = (goal - guess[rows, best]).clamp(-TRAIT_STEP, TRAIT_STEP)
        return w[rows, best] + sum(step[:, i, None] * self.found[name] for i, name in enumerate(TRAITS))

    def frames(self, w: Tensor, wishes: dict[str, Tensor]) -> Tensor:
        """Move the styles of people to their frames, first to rest, then along the path.

        Args:
            w: N x 512, the people.
            wishes: measure -> N x T, in standard deviations.

        Returns:
            N x T x 23 x 512.
        """
        rest = {name: wish[:, :1] - self.predicted(w, name)[:, None] for name, wish in wishes.items()}
        steps = {name: wish - wish[:, :1] for name, wish in wishes.items()}
        styles = w[:, None, None].expand(-1, next(iter(steps.values())).shape[1], len(self.layers["pose"]), -1).clone()
        for strengths in (rest, steps):
            for group, reach in REACH.items():
                steps_of_kind = (strengths[n][..., None] * self.found[n] for n in strengths if kind(n) == group)
                moved = sum(steps_of_kind, torch.zeros((), device=self.device))
                moved = moved * (reach / moved.norm(dim=-1, keepdim=True).clamp(min=1e-9)).clamp(max=1)
                styles += moved[:, :, None] * self.layers[group][:, None]
        return styles


def landmarks(pictures: np.ndarray) -> list[np.ndarray | None]:
    """Find five landmarks of the face in each picture: the mean of two looks, one of them at the mirror image.

    Args:
        pictures: N x S x S x 3 uint8.

    Returns:
        5 x 2 each, in units of the picture's side; None where no face is surely seen.
    """
    found = []
    for image in pictures:
        looks = [look_once(image, 160, flip) for flip in (False, True)]
        faces = [face.landmarks for face in looks if face is not None]
        found.append(np.mean(faces, axis=0) / image.shape[0] if len(faces) == len(looks) else None)
    return found


def cut(pictures: Tensor, squares: Tensor, side: int) -> Tensor:
    """Cut squares out of pictures, sampled three times as finely and averaged; outside they are mirrored.

    Args:
        pictures: N x 3 x S x S.
        squares: N x 3: centre x, y and half side, in units of the picture's side.
        side: of the results in pixels.

    Returns:
        N x 3 x side x side.
    """
    x, y, half = (2 * squares).unbind(1)
    matrix = torch.zeros(len(pictures), 2, 3, device=pictures.device)
    matrix[:, 0, 0] = matrix[:, 1, 1] = half
    matrix[:, 0, 2], matrix[:, 1, 2] = x - 1, y - 1
    grid = F.affine_grid(matrix, [len(pictures), 3, 3 * side, 3 * side], align_corners=False)
    return F.avg_pool2d(F.grid_sample(pictures, grid, padding_mode="reflection", align_corners=False), 3)


class Cutter:
    """Cuts faces out of drawn batches into one array on disk, while the next batches are drawn.

    Args:
        file: the .npy to write.
        count: most frames.
        side: of a frame in pixels.
        pool: processes that look for the faces.

    Attributes:
        factors: of the frames that are written.
    """

    def __init__(self, file: Path, count: int, side: int, pool: ProcessPoolExecutor):
        self.frames = np.lib.format.open_memmap(file, "w+", np.uint8, (count, 3, side, side))
        self.side, self.pool = side, pool
        self.factors: list[dict] = []
        self.waiting: deque[tuple[Tensor, list[tuple[int, int]], Future]] = deque()

    def add(self, pictures: Tensor, names: list[tuple[int, int]]) -> None:
        """Queue a batch: pictures B x 3 x S x S uint8, and the (person, frame) of each."""
        small = F.interpolate(pictures.float(), (SEEN, SEEN), mode="area").round().to(torch.uint8)
        seen = small.permute(0, 2, 3, 1).contiguous().cpu().numpy()
        self.waiting.append((pictures, names, self.pool.submit(landmarks, seen)))
        if len(self.waiting) > IN_FLIGHT:
            self._cut_next()

    def finish(self) -> None:
        """Cut all that waits."""
        while self.waiting:
            self._cut_next()

    def _cut_next(self) -> None:
        pictures, names, future = self.waiting.popleft()
        found = future.result()
        keep = [i for i, points in enumerate(found) if points is not None]
        if not keep:
            return
        squares = [standard_crop(found[i], MARGIN) for i in keep]
        where = torch.tensor(squares, dtype=torch.float32, device=pictures.device)
        crops = cut(pictures[keep].float(), where, self.side).round().to(torch.uint8).cpu().numpy()
        self.frames[len(self.factors) : len(self.factors) + len(keep)] = crops
        self.factors.extend({"person": f"{names[i][0]:06d}", "frame": names[i][1]} for i in keep)


def imagined_frames(people: int, frames: int, size: int, seed: int, out: Path, workers: int = 1) -> dict:
    """Draw clips into `out`; the same arguments give the same people on the same kind of device.

    Ctrl-C ends with the people that are there.

    Args:
        people: how many, a clip each.
        frames: of a clip.
        size: side of the standard crop in pixels.
        seed: of everything drawn.
        out: an empty folder, or none yet.
        workers: processes that look for faces.

    Returns:
        The manifest.

    Raises:
        ValueError: a number is below 1.
        ShardsError: `out` holds something.
    """
    if min(people, frames, size, workers) < 1:
        have = f"{people}, {frames}, {size}, {workers}"
        raise ValueError(f"people, frames, size and workers must be 1 or more, not {have}")
    if out.exists() and any(out.iterdir()):
        raise ShardsError(f"{out} is not empty; choose another --out")
    out.mkdir(parents=True, exist_ok=True)
    engine = Imagined()
    styles, progress = Styles(engine), Progress(people, unit="people")
    generator = torch.Generator(engine.device).manual_seed(seed)
    rng = np.random.default_rng([seed, 7])
    with (
        stoppable() as stopped,
        torch.inference_mode(),
        single_threaded(),
        ProcessPoolExecutor(workers, get_context("spawn"), ignore_stop) as pool,
    ):
        cutter = Cutter(out / "frames.npy", people * frames, round(size * MARGIN), pool)
        for first in range(0, people, CHUNK):
            if stopped():
                break
            count = min(CHUNK, people - first)
            wishes = _wishes(rng, count, frames, engine.device)
            w = styles.people(count, generator)
            names = [(first + person, frame) for person in range(count) for frame in range(frames)]
            done = 0
            for part in w.split(max(1, BATCH // frames)):
                rows = styles.frames(part, {name: wish[done // frames :][: len(part)] for name, wish in wishes.items()})
                batch = engine.network(rows.flatten(0, 1).to(torch.bfloat16))
                batch = F.avg_pool2d(batch.float().clamp(-1, 1), 2).mul(127.5).add(127.5).round().to(torch.uint8)
                cutter.add(batch, names[done : done + len(batch)])
                done += len(batch)
            progress(first + count, line=first // CHUNK % 8 == 0 or first + count == people)
        cutter.finish()
    factors, persons = cutter.factors, len({row["person"] for row in cutter.factors})
    counts = {"clips": persons, "frames": len(factors), "persons": persons, "margin": MARGIN}
    manifest = {**ABOUT, "seed": seed, **counts, "judged": False}
    (out / "factors.json").write_text(json.dumps(factors))
    (out / "manifest.json").write_text(json.dumps(manifest, indent=1))
    return manifest


def _wishes(rng: np.random.Generator, count: int, frames: int, device: torch.device) -> dict[str, Tensor]:
    """Wishes of many people: measure -> count x frames."""
    paths = [path(rng, frames) for _ in range(count)]
    stacked = {name: np.stack([one[name] for one in paths]) for name in POSE + EXPRESSION}
    return {name: torch.tensor(wish, dtype=torch.float32, device=device) for name, wish in stacked.items()}
