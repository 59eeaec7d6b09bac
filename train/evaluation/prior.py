"""The `prior` suite: are the people that are drawn from noise faces, new, and as different as people are?

    python -m train evaluate --suite prior --checkpoint explorer --data SHARDS --out results.json

People of the shards are divided as in training: those who validate are compared with the drawn ones. Distances are in
the prior's own space of identities, whose axes have unit variance, and by dlib's embedding of decoded faces.
"""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from latentface.checkpoints import load_pipeline
from latentface.codes import Codes
from latentface.detection import detect
from latentface.pictures import picture
from latentface.pipeline import LatentFacePipeline
from train.common.judges import Reader
from train.common.run import Progress
from train.common.sheets import tile
from train.data.clips import Clips
from train.data.reading import read_shards

DRAWN = 200
"""People that are drawn."""
SIDE = 256
"""Side in pixels of the pictures that are judged."""
FRAMES = 2
"""Frames of each person that are encoded."""
DRAWS = 8
"""Draws for one frame, whose mean is compared with least squares."""


def nearest(found: Tensor, others: Tensor, same: bool = False) -> Tensor:
    """Distance of each row N x K to the nearest of M x K; with `same`, the rows are the others and skip themselves."""
    distance = torch.cdist(found, others)
    if same:
        distance.fill_diagonal_(float("inf"))
    return distance.amin(1)


def least_squares(condition: Tensor, target: Tensor, hold: float = 10.0) -> Tensor:
    """Weights K x K of a ridge regression of centred targets N x K on centred conditions N x K."""
    square = condition.T @ condition + hold * torch.eye(condition.shape[1])
    return torch.linalg.solve(square, condition.T @ target)


def explained(foretold: Tensor, target: Tensor) -> float:
    """Share of the targets' squares, N x K, that is foretold."""
    return 1 - float((foretold - target).square().sum() / target.square().sum())


@torch.no_grad()
def faces_of(pipeline: LatentFacePipeline, identity: Tensor) -> list[np.ndarray]:
    """Decode identities N x 2C from the front, uint8 SIDE x SIDE x 3 each."""
    parts = identity.split(32)
    return [picture(one, SIDE) for part in parts for one in pipeline.decode(pipeline.frontal(part)).canonical]


def identities(pipeline: LatentFacePipeline, clips: Clips) -> tuple[Tensor, Tensor]:
    """Identity codes of FRAMES frames of every person who has so many, P x FRAMES x 2C; and who validates, P bool."""
    first, count = clips.people.first, clips.people.count
    rows = torch.stack([clips.people.order[first[count >= FRAMES] + i] for i in range(FRAMES)], 1)
    progress, found = Progress(len(rows), unit="people"), []
    for done, part in enumerate(rows.split(32)):
        codes: Codes = pipeline.encode(clips.centre(part.flatten(), pipeline.size))
        found.append(pipeline.split(codes).identity)
        progress(min(len(rows), 32 * (done + 1)), line=False)
    return torch.cat(found).unflatten(0, (-1, FRAMES)), clips.validation[rows[:, 0]]


def measure(pipeline: LatentFacePipeline, clips: Clips, reader: Reader, seed: int = 0) -> tuple[dict, list[Tensor]]:
    """Measure a checkpoint's prior.

    Args:
        pipeline: with a prior.
        clips: people; of some who validate, of others who do not.
        reader: dlib.
        seed: of the noise.

    Returns:
        "found": share of drawn people in whose picture the detector finds one face. "nearest_learned",
        "held_nearest_learned": median distance of drawn and of held-out people to the nearest learned one. "apart",
        "held_apart": to the nearest of their own kind among equally many. "dlib_apart", "held_dlib_apart": mean
        distance of two people's embeddings. "given": share of a held-out person's other frame that DRAWS draws given
        one frame foretell in the mean; "given_least_squares": that a ridge regression does. The sheet: 48 people.
    """
    prior = pipeline.prior
    if prior is None:
        raise ValueError("the prior suite needs a checkpoint with a prior (`python -m train prior`)")
    identity, held = identities(pipeline, clips)
    if not held.any() or held.all():
        raise ValueError("the prior suite needs people who validate and people who do not")
    numbers = prior.identity_space(identity)
    learned, waiting = numbers[~held], numbers[held]
    walk = pipeline.draw_people(DRAWN, seed=seed)
    drawn = prior.identity_space(walk.result)
    films = {"": faces_of(pipeline, walk.result), "held_": faces_of(pipeline, identity[held][:DRAWN, 0])}
    count = min(len(waiting), DRAWN)
    results: dict = {
        "n": DRAWN,
        "held": len(waiting),
        "found": float(np.mean([len(detect(face)) == 1 for face in films[""]])),
        "held_found": float(np.mean([len(detect(face)) == 1 for face in films["held_"]])),
        "nearest_learned": float(nearest(drawn, learned[:, 0]).median()),
        "held_nearest_learned": float(nearest(waiting[:, 0], learned[:, 0]).median()),
        "apart": float(nearest(drawn[:count], drawn[:count], same=True).median()),
        "held_apart": float(nearest(waiting[:count, 0], waiting[:count, 0], same=True).median()),
    }
    for name, film in films.items():
        seen = [(face, reader.points(face)) for face in film]
        known = torch.tensor([reader.embedding(face, points).tolist() for face, points in seen if points is not None])
        apart = torch.cdist(known, known)
        results[f"{name}dlib_apart"] = float(apart.sum() / (len(known) * (len(known) - 1)))
        results[f"{name}dlib_found"] = len(known) / len(film)
    draws = [given(pipeline, identity[held][:, 0], guidance=1.0, seed=seed + 1000 * i) for i in range(DRAWS)]
    foretold = prior.identity_space(torch.stack(draws).mean(0))
    weights = least_squares(learned[:, 0], learned[:, 1])
    results["given"] = explained(foretold, waiting[:, 1])
    results["given_least_squares"] = explained(waiting[:, 0] @ weights, waiting[:, 1])
    within = (waiting[:, 0] - waiting[:, 1]).square().mean() / 2
    spread = prior.identity_space(torch.stack(draws)).var(0).mean()
    results["given_spread"] = float((spread / within).sqrt())
    shown = torch.from_numpy(np.stack(films[""][:48])).permute(0, 3, 1, 2).float() / 127.5 - 1
    return results, list(shown.split(12))


def given(pipeline: LatentFacePipeline, identity: Tensor, guidance: float, seed: int) -> Tensor:
    """Draw one identity, N x 2C, for each of the identities of a frame N x 2C."""
    shape, texture = identity.chunk(2, 1)
    like = Codes(shape, texture, identity.new_zeros(len(identity), 6), identity.new_zeros(len(identity), 4))
    return pipeline.draw_people(len(identity), like, guidance, seed=seed).result


def run(checkpoints: list[str], data: list[tuple[str, Path]], out: Path, seed: int = 0) -> dict:
    """The suite: one checkpoint with a prior, one shards folder; a sheet of drawn people is written beside `out`."""
    if len(checkpoints) != 1 or len(data) != 1 or data[0][0]:
        raise ValueError("the prior suite takes one --checkpoint and one --data SHARDS")
    pipeline = load_pipeline(checkpoints[0])
    results, rows = measure(pipeline, read_shards([str(data[0][1])], pipeline.size), Reader(), seed)
    out.parent.mkdir(parents=True, exist_ok=True)
    tile(rows, 1).resize((12 * 128, len(rows) * 128)).save(out.with_suffix(".png"))
    return results
