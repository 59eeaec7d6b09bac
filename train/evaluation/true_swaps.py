"""Swaps against the true picture of the combination, which an engine can draw (`python -m train truth`).

    python -m train evaluate --suite swaps --checkpoint explorer --data truth:SHARDS/validation --out results.json

SHARDS/validation/swaps holds frames whose factors say "swap": {"identity": "000012.03", "expression": "000431.06"}:
person, pose, light and camera of frame 3 of person ...-000012 and the expression of frame 6 of ...-000431. The model
swaps the same two frames. Within: both are of one person. Identity and expression are judged by dlib, as on real
photos.
"""

from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from latentface.autoencoder import Codes
from latentface.pictures import picture
from latentface.pipeline import LatentFacePipeline
from train.common.judges import Reader, measures
from train.common.run import Progress
from train.data.clips import Clips
from train.data.reading import stream_clips
from train.evaluation.metrics.ssim import ssim
from train.evaluation.truth_frames import truth_maps
from train.losses import masked_mean

PEOPLE = 80
"""Most people whose swaps are judged, evenly spaced: dlib takes a tenth of a second a face."""
SIDE = 256
"""Side in pixels of the pictures that the judge sees."""
BOX = tuple(round(SIDE * share) for share in (0.13, 0.2, 0.87, 0.94))
"""Where dlib's detector finds the face in a standard crop."""
EXPRESSION = ("smile", "jaw", "brow", "blink")
"""Measures of dlib's landmarks that make up an expression."""


class Faces:
    """Frames by name, as the model takes them and as the judge sees them."""

    def __init__(self, size: int):
        self.size, self.model, self.judge, self.mask = size, {}, {}, {}

    def read(self, folder: Path, wanted: Collection[Any] | None, name: Callable[[dict], Any]) -> None:
        """Keeps the frames of a shards folder whose `name` (of factors, or None) is in `wanted` (None: all)."""
        for images, factors, arrays in stream_clips(folder, self.size, truth=True):
            rows = [i for i, f in enumerate(factors) if name(f) is not None and (wanted is None or name(f) in wanted)]
            whole = Clips(images, torch.zeros(len(images)), factors, torch.zeros(len(images)))
            for i in rows:
                self.model[name(factors[i])] = whole.centre(torch.tensor([i]), self.size)[0]
                edge = images.shape[-1] // 10
                inner = images[i, :, edge : images.shape[-1] - edge, edge : images.shape[-1] - edge]
                self.judge[name(factors[i])] = picture(inner.float() / 127.5 - 1, SIDE)
                if arrays[i]:
                    self.mask[name(factors[i])] = truth_maps(arrays[i], self.size)[2]


def frame_name(factors: dict) -> str:
    """A frame's name as a swap gives it: the last part of the person's, and the frame: "000012.03"."""
    return f"{str(factors['person']).rpartition('-')[2]}.{factors['frame']:02d}"


def swap_name(factors: dict) -> tuple[str, str] | None:
    """(identity, expression) of a frame that shows a swap."""
    swap = factors.get("swap")
    return (swap["identity"], swap["expression"]) if swap else None


def chosen_swaps(folder: Path) -> list[tuple[str, str]]:
    """The swaps of at most PEOPLE evenly spaced people. Raises ValueError where the folder holds none."""
    of_person = {}
    for _, factors, _ in stream_clips(folder, 16):
        for f in factors:
            if swap_name(f):
                of_person.setdefault(str(f["person"]), []).append(swap_name(f))
    if not of_person:
        raise ValueError(f"{folder} holds no frames with a swap; make some with `python -m train truth`")
    people = list(of_person)
    kept = [
        people[round(i * (len(people) - 1) / max(1, min(PEOPLE, len(people)) - 1))]
        for i in range(min(PEOPLE, len(people)))
    ]
    return [pair for person in kept for pair in of_person[person]]


def carried(made: Tensor, before: Tensor, wished: Tensor) -> float:
    """Share of the wished change from `before` that `made` shows: 1 all of it, 0 none, more where it overshoots.

    made, before, wished: N x D. The factor of `wished - before` that fits `made - before` best over all rows.
    """
    change, wish = (made - before).flatten(), (wished - before).flatten()
    return float((change @ wish) / (wish @ wish).clamp(min=1e-12))


def judge(reader: Reader, images: list[np.ndarray]) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Unit identity embeddings N x 128 of pictures of SIDE px, and the measures of their landmarks, N each."""
    points = [reader.points(image, reader.box(image) or BOX) for image in images]
    embedding = np.stack([reader.embedding(image, p) for image, p in zip(images, points, strict=True)])
    return embedding / np.linalg.norm(embedding, axis=1, keepdims=True), measures(np.stack(points))


@torch.no_grad()
def true_swaps(pipeline: LatentFacePipeline, folder: Path, strength: float = 1.0, seed: int = 0) -> tuple[dict, Tensor]:
    """Flat results, and columns of the sheet, N x 5 x 3 x S x S: A, B, the true swap, the model's, and A reconstructed.

    Every key comes for swaps `within_` a person and `across_` people. Pictures are compared inside the head, in [0, 1]:
    the swap with the true picture, beside A's reconstruction with it (doing nothing) and that picture's own
    reconstruction (the best that the decoder allows). `carried`: share of the wished change.
    """
    names = chosen_swaps(folder / "swaps")
    frames, true = Faces(pipeline.size), Faces(pipeline.size)
    true.read(folder / "swaps", set(names), swap_name)
    frames.read(folder, {name for pair in names for name in pair}, frame_name)
    names = [pair for pair in names if set(pair) <= set(frames.model)]  # a set drawn in part lacks some people
    if not names:
        raise ValueError(f"{folder} lacks the frames that its swaps are made of")

    def batch(keys: list[str]) -> Codes:
        return Codes.cat([pipeline.encode(frames.model[key][None]) for key in keys])

    def drawn(codes: Codes) -> Tensor:
        parts = [
            pipeline.decode(codes[rows]).render()[0].clamp(-1, 1).cpu()
            for rows in torch.arange(len(codes.shape)).split(32)
        ]
        return torch.cat(parts)

    a, b = batch([first for first, _ in names]), batch([second for _, second in names])
    target, mask = torch.stack([true.model[name] for name in names]), torch.stack([true.mask[name] for name in names])
    made, before = drawn(pipeline.swap(a, b, strength, seed)), drawn(a)
    best = torch.cat([pipeline.decode(pipeline.encode(t[None])).render()[0].clamp(-1, 1).cpu() for t in target])
    photo = [[frames.judge[pair[k]] for pair in names] for k in (0, 1)]
    shown = {"swap": [picture(image, SIDE) for image in made], "a": photo[0], "b": photo[1]}
    shown |= {"before": [picture(image, SIDE) for image in before], "true": [true.judge[name] for name in names]}
    reader, progress, identity, measured = Reader(), Progress(len(shown), unit="sets of pictures judged"), {}, {}
    for number, (name, images) in enumerate(shown.items(), 1):
        identity[name], measured[name] = judge(reader, images)
        progress(number, line=number == len(shown))
    spread = {name: measured["a"][name].std() + 1e-6 for name in EXPRESSION}
    expression = {
        name: torch.tensor(np.stack([values[m] / spread[m] for m in EXPRESSION], 1))
        for name, values in measured.items()
    }
    within = np.array([first.split(".")[0] == second.split(".")[0] for first, second in names])
    results: dict[str, float] = {"pairs": len(names), "people": len({first.split(".")[0] for first, _ in names})}
    for kind, rows in (("within", within.nonzero()[0]), ("across", (~within).nonzero()[0])):
        if len(rows):
            part = {key: value[rows] for key, value in identity.items()}
            faces = {key: value[rows] for key, value in expression.items()}
            pictures = {"swap": made[rows], "unchanged": before[rows], "reconstructed": best[rows]}
            found = measure(pictures, target[rows], mask[rows], part, faces)
            found["pairs"] = len(rows)
            for angle in ("yaw", "pitch"):
                found[f"{angle}_kept"] = float(
                    np.corrcoef(measured["swap"][angle][rows], measured["true"][angle][rows])[0, 1]
                )
            results |= {f"{kind}_{key}": value for key, value in found.items()}
    columns = torch.stack(
        [torch.stack([frames.model[pair[k]] for pair in names]) for k in (0, 1)] + [target, made, before], 1
    )
    return results, columns


def measure(
    pictures: dict[str, Tensor], target: Tensor, mask: Tensor, identity: dict, expression: dict
) -> dict[str, float]:
    """Numbers of one kind of swap.

    pictures: "swap", "unchanged", "reconstructed": N x 3 x S x S in [-1, 1]; target the same; mask: N x S x S bool.
    identity: unit embeddings N x 128 and expression: measures N x 4 of "swap", "before" (A's reconstruction), "a", "b"
    (photos) and "true".
    """
    head = mask[:, None].float()
    out = {}
    for name, image in pictures.items():
        out[f"l1_{name}"] = float(masked_mean((image - target).abs() / 2, head))
        inside = [(x * head + head - 1) / 2 + 0.5 for x in (image, target)]  # black around the head, in both
        out[f"ssim_{name}"] = float(ssim(*inside).mean())
    inner = [(pictures[name] * head).flatten(1) for name in ("swap", "unchanged", "reconstructed")]
    out["picture_carried"] = carried(inner[0], inner[1], inner[2])
    cosine = {name: (identity["swap"] * identity[name]).sum(1) for name in ("a", "b", "true")}
    out |= {f"identity_cosine_to_{name}": float(value.mean()) for name, value in cosine.items()}
    out["nearer_a"] = float((cosine["a"] > cosine["b"]).mean())
    moved, wished = expression["swap"] - expression["before"], expression["true"] - expression["a"]
    out["expression_carried"] = carried(moved, torch.zeros_like(moved), wished)
    distance = {name: (expression["swap"] - expression[name]).norm(dim=1) for name in ("true", "a")}
    out |= {f"expression_distance_to_{name}": float(value.mean()) for name, value in distance.items()}
    out["nearer_b_expression"] = float((distance["true"] < distance["a"]).double().mean())
    return out
