"""`python -m train sliders`: finds the named directions of a checkpoint's expression subspace and proves them.

    python -m train sliders --checkpoint explorer --data runs/data/imagined

Directions are fitted on labels of the people who train, and mixed until each moves its own landmark measure alone, as
dlib sees it on some of them. All of it is then measured on the people who validate; a direction that does not do there
what its name says is dropped.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from latentface.checkpoints import folder_of, load_pipeline
from latentface.codes import Codes
from latentface.expression_sliders import ExpressionSliders, Slider
from latentface.pipeline import LatentFacePipeline
from train.common.judges import Reader
from train.common.run import Progress, record
from train.data.clips import Clips
from train.data.reading import read_shards
from train.release.sliders.fit import fit_directions, fit_readings, mixed
from train.release.sliders.judging import front, measured
from train.release.sliders.names import SAID, Name, labels
from train.stage1.expression_subspace import within_people

STEP = 1.5
"""Amount, to both sides, at which directions are measured."""
LEAST_EFFECT, LEAST_AGREED = 0.3, 0.9
"""What a direction must reach on held-out people: change of its measure a step, and share of people it holds for."""
LARGEST_SIDE = 1.0
"""Most that a direction may move an unrelated measure (see Name.free), over what it moves its own by."""


@torch.no_grad()
def find(checkpoint: str, data: list[str], people: int, judged: int, seed: int = 0) -> Path:
    """Find, prove and write the sliders of a checkpoint.

    Args:
        checkpoint: a bundled name or a folder; the files are written there.
        data: shards with labels of expressions, several frames a person.
        people: most people to fit on.
        judged: most people that each of the two measurements is made on.
        seed: of the choice among them.

    Returns:
        The checkpoint's folder.

    Raises:
        ValueError: the checkpoint has no folder, the frames no labels, or no direction does what its name says.
    """
    folder = folder_of(checkpoint)
    if folder is None:
        raise ValueError(f"{checkpoint} is no folder on this machine: sliders are written into the checkpoint's folder")
    pipeline = load_pipeline(checkpoint)
    clips = read_shards(data, pipeline.size)
    generator = torch.Generator().manual_seed(seed)
    training = chosen(clips, ~clips.validation, people, generator)
    held = chosen(clips, clips.validation, judged, generator)
    codes = encoded(pipeline, training)
    expression = pipeline.split(codes).expression
    found, names = labels(training.factors, training.person)
    known = torch.cat([codes.view, codes.light, codes.view.square()], 1)
    directions = fit_directions(expression, training.person, found, known)
    reader = Reader()
    judges = torch.isin(training.person, training.person.unique()[:judged])
    spread = spread_of(pipeline, reader, codes[judges], training.person[judges])
    seen = judge(pipeline, reader, codes[one_each(training.person, judged, generator)], directions, spread)
    directions = mixture(seen, names) @ directions
    rows = one_each(held.person, judged, generator)
    seen = judge(pipeline, reader, pipeline.encode(held.centre(rows, pipeline.size)), directions, spread)
    sliders = [proven(name, k, seen, len(rows)) for k, name in enumerate(names)]
    kept = [k for k, name in enumerate(names) if does(name, sliders[k], seen.effects[k], seen.measures)]
    for k, slider in enumerate(sliders):
        print(f"{'kept' if k in kept else 'dropped'}  {slider.name}: {slider.figure}", flush=True)
    if not kept:
        raise ValueError("no direction does on held-out people what its name says: no sliders were written")
    directions = directions[kept]
    readings = fit_readings(expression, training.person, found[:, kept], directions)
    amounts = within_people((expression @ readings), training.person).double()
    factor = torch.linalg.cholesky(amounts.T @ amounts / len(amounts) + 1e-6 * torch.eye(len(kept)).double())
    about = record({"checkpoint": folder.name, "people": people, "judged": judged, "step": STEP, "seed": seed})
    about["data"] = [Path(entry).name for entry in data]
    ExpressionSliders(tuple(sliders[k] for k in kept), directions, readings, factor.float(), about).save(folder)
    return folder


def chosen(clips: Clips, keep: Tensor, people: int, generator: torch.Generator) -> Clips:
    """Keep the frames of at most so many of some people, drawn at random."""
    present = clips.person[keep].unique()
    drawn = present[torch.randperm(len(present), generator=generator)[:people]]
    return clips.subset(keep & torch.isin(clips.person, drawn))


def encoded(pipeline: LatentFacePipeline, clips: Clips) -> Codes:
    """Encode all frames."""
    progress, parts = Progress(len(clips.images), unit="frames encoded"), []
    for rows in torch.arange(len(clips.images)).split(256):
        parts.append(pipeline.encode(clips.centre(rows, pipeline.size)))
        progress(int(rows[-1]) + 1, line=False)
    return Codes.cat(parts)


def one_each(person: Tensor, people: int, generator: torch.Generator) -> Tensor:
    """Draw one row of each of at most so many people."""
    rows = [(person == who).nonzero().flatten() for who in person.unique()[:people]]
    return torch.stack([own[torch.randint(len(own), (1,), generator=generator)[0]] for own in rows])


@dataclass
class Judgement:
    """What a judge sees directions do."""

    measures: list[str]
    """Names of M measures."""
    effects: np.ndarray
    """K x M, mean change of each measure for a step of 1, in standard deviations of people's expressions."""
    agreed: np.ndarray
    """K x M, share of the people whose measure grew."""


def spread_of(pipeline: LatentFacePipeline, reader: Reader, codes: Codes, person: Tensor) -> dict[str, float]:
    """Measure how much each measure varies among the expressions of a person: standard deviations by name."""
    values = measured(reader, front(pipeline, codes))
    out = {}
    for name, value in values.items():
        seen = np.isfinite(value)
        change = within_people(torch.from_numpy(value[seen])[:, None], person[torch.from_numpy(seen)])
        out[name] = float(change.std()) + 1e-6
    return out


def judge(
    pipeline: LatentFacePipeline, reader: Reader, codes: Codes, directions: Tensor, spread: dict[str, float]
) -> Judgement:
    """Measure what directions do to faces, drawn from the front.

    Args:
        pipeline: the model.
        reader: the judge.
        codes: of P people, one face each.
        directions: K x 2C.
        spread: see spread_of.
    """
    progress, effects, agreed = Progress(len(directions), unit="directions judged"), [], []
    for done, direction in enumerate(directions, 1):
        low, high = (measured(reader, front(pipeline, moved(codes, by * direction))) for by in (-STEP, STEP))
        change = np.stack([(high[name] - low[name]) / (2 * STEP * spread[name]) for name in spread])
        effects.append(np.nanmean(change, 1))
        agreed.append(np.nanmean(np.where(np.isnan(change), np.nan, change > 0), 1))
        progress(done, line=False)
    return Judgement(list(spread), np.stack(effects), np.stack(agreed))


def moved(codes: Codes, change: Tensor) -> Codes:
    """Add a change (2C) to the shape and texture of faces."""
    shape, texture = change.chunk(2)
    return replace(codes, shape=codes.shape + shape, texture=codes.texture + texture)


def mixture(seen: Judgement, names: list[Name]) -> Tensor:
    """Mix the directions of names so that each moves its own measure by 1 and few others, K x K."""
    own = [seen.measures.index(name.measure) for name in names]
    free = np.array([[measure in name.free for measure in seen.measures] for name in names])
    return torch.from_numpy(mixed(np.nan_to_num(seen.effects), own, free)).float()


def proven(name: Name, k: int, seen: Judgement, people: int) -> Slider:
    """Write down what the k-th direction did to people it was not found on."""
    own = seen.measures.index(name.measure)
    others = [abs(v) if m != name.measure else 0.0 for m, v in zip(seen.measures, seen.effects[k], strict=True)]
    most = int(np.nanargmax(others))
    effect, agreed, beside = (
        round(float(v), 3) for v in (seen.effects[k, own], seen.agreed[k, own], seen.effects[k, most])
    )
    return Slider(name.name, name.low, name.high, effect, agreed, people, SAID[seen.measures[most]], beside)


def does(name: Name, slider: Slider, seen: np.ndarray, measures: list[str]) -> bool:
    """Tell whether a direction did what its name says: far enough, on nearly all, and more than anything unrelated.

    Args:
        name: whose.
        slider: its figures.
        seen: M, change of each measure.
        measures: names of these.
    """
    unrelated = [abs(v) for m, v in zip(measures, seen, strict=True) if m not in (name.measure, *name.free)]
    enough = slider.effect >= LEAST_EFFECT and slider.agreed >= LEAST_AGREED
    return enough and float(np.nanmax(unrelated)) <= LARGEST_SIDE * slider.effect
