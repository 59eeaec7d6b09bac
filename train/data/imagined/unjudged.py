"""People who do not exist by the hundred thousand, in minutes on a GPU: the clips of `imagined`, drawn without its judges.

    python -m train.data.imagined.drawing --people 20000 --frames 6 --unjudged --seed 0 --out FRAMES

`imagined` measures every picture with dlib and draws again what has drifted: a few pictures a second. Here a person's styles are
moved as far as the linear readers say is needed, all of a batch at once, and nobody looks at what comes out but the face detector
that cuts the standard crop. Before the judge of identity, frames of one person are about as alike as after it (cards/imagined.md).

Frames are not encoded: FRAMES holds `frames.npy` (N x 3 x P x P uint8), `factors.json` and the manifest, as read_shards takes them.
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
from latentface.detection import Face, look_once
from train.common.run import Progress, stoppable
from train.data.imagined.directions import EXPRESSION, LAYERS, POSE, TRAITS, kind
from train.data.imagined.drawing import ABOUT, CANDIDATES, REACH, SKIN, TRAIT_STEP, Imagined, path
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
        self.map = engine.map.__self__.to(engine.device).mapping
        self.mean = torch.from_numpy(engine.mean).to(engine.device)
        sides = np.asarray(engine.sides)
        self.layers = {
            name: torch.from_numpy(np.isin(sides, layers)).to(engine.device) for name, layers in LAYERS.items()
        }

    def predicted(self, w: Tensor, name: str) -> Tensor:
        """What faces of styles ... x 512 will measure, in standard deviations, as a linear reader has it: ..."""
        return (w - self.found["mean"]) @ self.found[f"read_{name}"]

    def people(self, count: int, generator: torch.Generator) -> Tensor:
        """Styles count x 512 of people of evenly drawn gender, age and skin tone (see imagined.person_style)."""

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
        """Styles N x T x rows x 512 of the frames of people N x 512; wishes: name -> N x T, in standard deviations."""
        rest = {name: wish[:, :1] - self.predicted(w, name)[:, None] for name, wish in wishes.items()}
        steps = {name: wish - wish[:, :1] for name, wish in wishes.items()}
        styles = w[:, None, None].expand(-1, next(iter(steps.values())).shape[1], len(self.layers["pose"]), -1).clone()
        for strengths in (rest, steps):
            for group, reach in REACH.items():
                moved = sum(strengths[n][..., None] * self.found[n] for n in strengths if kind(n) == group)
                moved = moved * (reach / moved.norm(dim=-1, keepdim=True).clamp(min=1e-9)).clamp(max=1)
                styles += moved[:, :, None] * self.layers[group][:, None]
        return styles


def landmarks(pictures: np.ndarray) -> list[np.ndarray | None]:
    """Five landmarks of the face in each picture N x S x S x 3 uint8, in units of its side; None where none is surely seen.

    The mean of two looks, one of them at the mirror image.
    """
    found = []
    for image in pictures:
        looks: list[Face | None] = [look_once(image, 160, flip) for flip in (False, True)]
        ok = all(face is not None for face in looks)
        found.append(np.mean([face.landmarks for face in looks], axis=0) / image.shape[0] if ok else None)
    return found


def cut(pictures: Tensor, squares: Tensor, side: int) -> Tensor:
    """Squares (N x 3: centre x, y, half side, in units of the picture's side) out of pictures N x 3 x S x S: N x 3 x side x side.

    Sampled three times as finely and averaged; what lies outside is mirrored in.
    """
    x, y, half = (2 * squares).unbind(1)
    matrix = torch.zeros(len(pictures), 2, 3, device=pictures.device)
    matrix[:, 0, 0] = matrix[:, 1, 1] = half
    matrix[:, 0, 2], matrix[:, 1, 2] = x - 1, y - 1
    grid = F.affine_grid(matrix, [len(pictures), 3, 3 * side, 3 * side], align_corners=False)
    return F.avg_pool2d(F.grid_sample(pictures, grid, padding_mode="reflection", align_corners=False), 3)


def imagined_frames(people: int, frames: int, size: int, seed: int, out: Path, workers: int = 1) -> dict:
    """Draws clips into `out`; the same arguments give the same people on the same kind of device. Returns the manifest.

    Ctrl-C ends with the people that are there. size: side of the standard crop in pixels. Raises ValueError for a number below 1,
    ShardsError where `out` holds something.
    """
    if min(people, frames, size, workers) < 1:
        raise ValueError(
            f"people, frames, size and workers must be 1 or more, not {people}, {frames}, {size}, {workers}"
        )
    if out.exists() and any(out.iterdir()):
        raise ShardsError(f"{out} is not empty; choose another --out")
    out.mkdir(parents=True, exist_ok=True)
    engine = Imagined()
    styles, side = Styles(engine), round(size * MARGIN)
    generator = torch.Generator(engine.device).manual_seed(seed)
    rng = np.random.default_rng([seed, 7])
    drawn = np.lib.format.open_memmap(out / "frames.npy", "w+", np.uint8, (people * frames, 3, side, side))
    factors: list[dict] = []
    progress = Progress(people, unit="people")
    waiting: deque[tuple[Tensor, list[tuple[int, int]], Future]] = deque()

    def finish() -> None:
        pictures, names, future = waiting.popleft()
        found = future.result()
        keep = [i for i, points in enumerate(found) if points is not None]
        if keep:
            squares = torch.tensor(
                [standard_crop(found[i], MARGIN) for i in keep], dtype=torch.float32, device=pictures.device
            )
            crops = cut(pictures[keep].float(), squares, side).round().to(torch.uint8).cpu().numpy()
            drawn[len(factors) : len(factors) + len(keep)] = crops
            factors.extend({"person": f"{names[i][0]:06d}", "frame": names[i][1]} for i in keep)

    with (
        stoppable() as stopped,
        torch.inference_mode(),
        single_threaded(),
        ProcessPoolExecutor(workers, get_context("spawn"), ignore_stop) as pool,
    ):
        for first in range(0, people, CHUNK):
            if stopped():
                break
            count = min(CHUNK, people - first)
            paths = [path(rng, frames) for _ in range(count)]
            wishes = {
                name: torch.tensor(np.stack([p[name] for p in paths]), dtype=torch.float32, device=engine.device)
                for name in POSE + EXPRESSION
            }
            w = styles.people(count, generator)
            names = [(first + person, frame) for person in range(count) for frame in range(frames)]
            done = 0
            for part in w.split(max(1, BATCH // frames)):
                rows = styles.frames(part, {name: wish[done // frames :][: len(part)] for name, wish in wishes.items()})
                batch = engine.network(rows.flatten(0, 1).to(torch.bfloat16))
                batch = F.avg_pool2d(batch.float().clamp(-1, 1), 2).mul(127.5).add(127.5).round().to(torch.uint8)
                small = F.interpolate(batch.float(), (SEEN, SEEN), mode="area").round().to(torch.uint8)
                small = small.permute(0, 2, 3, 1).contiguous().cpu().numpy()
                waiting.append((batch, names[done : done + len(batch)], pool.submit(landmarks, small)))
                done += len(batch)
                if len(waiting) > IN_FLIGHT:
                    finish()
            progress(first + count, line=first // CHUNK % 8 == 0 or first + count == people)
        while waiting:
            finish()
    manifest = {
        **ABOUT, "seed": seed, "clips": len({f["person"] for f in factors}), "frames": len(factors),
        "persons": len({f["person"] for f in factors}), "margin": MARGIN, "judged": False,
    }  # fmt: skip
    (out / "factors.json").write_text(json.dumps(factors))
    (out / "manifest.json").write_text(json.dumps(manifest, indent=1))
    return manifest
