"""Fits the relief that a whole shape code adds (Autoencoder.relief) to what parallax says of many people.

    python -m train relief --autoencoder RUN --data SHARDS --out RUN2

Every person's frames give one noisy change of depth (parallax.py). A ridge regression on the frames' shape codes keeps
of it what codes can tell; how firmly it is held is chosen by the people who validate, whose parallax it has not seen.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from latentface.autoencoder import Autoencoder
from latentface.checkpoints import load_autoencoder
from train.common.run import Progress, record, write_json
from train.data.clips import Clips
from train.data.reading import read_shards
from train.stage1.parallax import SIDE, measure_parallax

GRID = 16
"""Side of the coarse grid."""
HOLDS = (30.0, 100.0, 300.0, 1_000.0, 3_000.0, 10_000.0, 30_000.0)
"""Ridges that are tried, for standardised codes."""
MOST = 12
"""Frames of a person that are compared, at most."""


def fit_relief(config: dict, data: list[str], autoencoder: Path, out: Path) -> dict:
    """Fit the relief and write the model to out/autoencoder.

    Args:
        config: for the record.
        data: shards, FOLDER[:WEIGHT] each.
        autoencoder: a stage 1 run or a checkpoint.
        out: the new run's folder.

    Returns:
        People measured, the ridge that was chosen, and the share of the held-out people's parallax that is foretold.

    Raises:
        FileExistsError: `out` holds a run.
        ValueError: the network is another, or there are too few people.
    """
    if (out / "config.json").exists():
        raise FileExistsError(f"{out} holds a run: choose another --out")
    before = load_autoencoder(autoencoder)
    if not isinstance(before, Autoencoder) or before.size < SIDE:
        raise ValueError(f"parallax needs an explorer of {SIDE} pixels")
    model = with_relief(before)
    clips = read_shards(data, model.size)
    people = list(person_frames(clips))
    if sum(not clips.validation[rows[0]] for rows in people) < 2 or not any(clips.validation[r[0]] for r in people):
        raise ValueError("parallax needs two people to learn from and one to validate, with two frames each")
    progress, codes, reliefs = Progress(len(people), unit="people"), [], []
    for done, rows in enumerate(people, 1):
        shape, relief = of_person(model, clips, rows)
        codes.append(shape)
        reliefs.append(relief)
        progress(done, line=done == len(people))
    held = torch.tensor([bool(clips.validation[rows[0]]) for rows in people])
    weight, bias, found = regress(codes, torch.stack(reliefs), held)
    with torch.no_grad():
        model.relief.weight.copy_(weight)
        model.relief.bias.copy_(bias)
    model.save_pretrained(out / "autoencoder")
    results = {"people": len(people), **found}
    about = record(config, data=data, results=results)
    write_json(out / "config.json", about)
    (out / "curves.jsonl").write_text(json.dumps({"images": sum(map(len, people)), **results}) + "\n")
    return results


def with_relief(model: Autoencoder) -> Autoencoder:
    """Return the model with a relief of zero where it has none; else itself."""
    if model.config["relief_grid"]:
        return model
    given = {name: value for name, value in model.config.items() if not name.startswith("_")}
    wider = Autoencoder(**{**given, "relief_grid": GRID})
    wider.load_state_dict({**wider.state_dict(), **model.state_dict()})
    return wider.eval()


def person_frames(clips: Clips) -> Iterator[Tensor]:
    """Rows of every person with two frames or more, MOST at most."""
    for first, count in zip(clips.people.first.tolist(), clips.people.count.tolist(), strict=True):
        if count > 1:
            yield clips.people.order[first : first + min(count, MOST)]


@torch.no_grad()
def of_person(model: Autoencoder, clips: Clips, rows: Tensor) -> tuple[Tensor, Tensor]:
    """Shape codes K x C of a person's frames, and the relief, GRID x GRID, that parallax asks for."""
    image = clips.centre(rows, model.size)
    codes = model.encode(image)
    depth = model.depth(codes.shape.mean(0, keepdim=True))[0]
    side = SIDE // 2
    added = F.interpolate(model.added_relief(codes.shape).mean(0)[None, None], size=(side, side), mode="bilinear")
    relief = measure_parallax(image, depth, codes.view, codes.light)[None, None] + added  # the first fit is kept
    return codes.shape, F.interpolate(relief, size=(GRID, GRID), mode="bilinear", align_corners=True)[0, 0]


def regress(codes: list[Tensor], reliefs: Tensor, held: Tensor) -> tuple[Tensor, Tensor, dict]:
    """Regress reliefs on shape codes.

    Args:
        codes: K x C each, of N people.
        reliefs: N x GRID x GRID.
        held: N bool, people who choose the ridge.

    Returns:
        Weight GRID^2 x C, bias GRID^2; the ridge, and "foretold", the share of the held-out people's parallax beyond
        its mean that codes foretell.
    """
    learning, waiting = ((held == part).nonzero().flatten().tolist() for part in (False, True))

    def stacked(people: list[int]) -> tuple[Tensor, Tensor]:
        flat = reliefs.flatten(1)
        return torch.cat([codes[i] for i in people]), torch.cat([flat[i].expand(len(codes[i]), -1) for i in people])

    code, relief = stacked(learning)
    held_code, held_relief = stacked(waiting)
    mean, std, average = code.mean(0), code.std(0).clamp(min=1e-4), relief.mean(0)
    standard = ((code - mean) / std).double()
    square, product = standard.T @ standard, standard.T @ (relief - average).double()
    best: tuple[float, float, Tensor] | None = None
    for hold in HOLDS:
        eye = torch.eye(len(square), dtype=torch.float64)
        solved = torch.linalg.solve(square + hold * eye, product).float() / std[:, None]
        error = (held_relief - average - (held_code - mean) @ solved).square().sum()
        foretold = 1 - float(error / (held_relief - average).square().sum())
        if best is None or foretold > best[0]:
            best = foretold, hold, solved
    assert best is not None
    foretold, hold, solved = best
    return solved.T.contiguous(), average - mean @ solved, {"ridge": hold, "foretold": foretold}
