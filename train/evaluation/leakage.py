"""The `leakage` suite: what each block of the code tells of each factor, on people the model has never seen.

    python -m train evaluate --suite leakage --checkpoint explorer --data truth:SHARDS/validation --out results.json

A good split tells identity by the identity block alone and expression by the expression block alone. Every pair of
block and factor gets a linear probe (linear_probe), beside chance and beside the full code:

- identity: who it is, among all people of the set. Trained on some clips of every person and tested on others; where a
  person has one clip, trained on its first half and tested on the second (light and background are then the same in
  both, so it errs on the side of leakage);
- expression: which of some named expressions (a fixed rule on the engine's action weights), balanced accuracy;
- actions: the action weights, mean R2; yaw, pitch and light: R2. These train on half of the people and test on the
  others;
- age and skin, where the frames tell them: R2, in the same way. They are a person's own and no factors beside identity,
  so DCI leaves them out. Parametric people have them from the engine (years; melanin from 0 to 1), imagined ones from
  the judges that looked at them (scores): "truth_by" in the results says which;
- retrieval: whether the nearest test frame's neighbour among the training frames is the same person.

Every score has its spread over people (answers.py). From the matrix: block-level DCI (dci); from the codes: normalised
HSIC (hsic). Beside the JSON: a heat map, and frames that were read right and wrong (read_examples.py).
"""

import json
from collections.abc import Callable
from pathlib import Path

import torch
from PIL import Image, ImageDraw
from torch import Tensor

from latentface.autoencoder import Codes
from latentface.checkpoints import load_pipeline
from latentface.disentanglement import FACTORS, PARTS, above_chance, code_blocks
from latentface.pipeline import LatentFacePipeline
from train.common.run import Progress
from train.data.clips import Clips
from train.data.reading import read_shards, stream_clips
from train.evaluation.answers import Answers
from train.evaluation.expressions import action_weights, known_factors, truth_by
from train.evaluation.metrics.dci import dci
from train.evaluation.metrics.hsic import dependence, gaussian_kernel, same_kernel
from train.evaluation.metrics.scores import correlation
from train.evaluation.probe_heads.cross_validated import FOLDS, discriminant_by_folds, ridge_by_folds
from train.evaluation.probe_heads.neighbours import nearest
from train.evaluation.read_examples import Thumbnails, Words, write_examples

FRAMES = 16
"""Most frames of a clip that are encoded, evenly spaced."""
ROWS = 1000
"""Most rows that HSIC looks at: its kernels grow with the square."""


def later_half(person: Tensor, clip: Tensor) -> Tensor:
    """N bool: frames that test an identity probe: a person's later clips, or the later half of an only clip.

    person, clip: N int64; clips count up in the order of the rows.
    """
    out = torch.zeros(len(person), dtype=torch.bool)
    for name in person.unique():
        rows = (person == name).nonzero().flatten()
        clips = clip[rows].unique()
        if len(clips) > 1:
            out[rows] = torch.isin(clip[rows], clips[(len(clips) + 1) // 2 :])
        else:
            out[rows[(len(rows) + 1) // 2 :]] = True
    return out


def leakage(blocks: dict[str, Tensor], factors: dict[str, Tensor], person: Tensor, clip: Tensor) -> dict[str, float]:
    """The suite's flat results; arguments and errors are those of `measured`.

    Returns:
        `FACTOR_from_BLOCK` for all, its standard deviation over people `sd_FACTOR_BLOCK`, `FACTOR_chance`,
        `identity_leak` and `expression_leak` (score from the wrong block over chance), `dci_...`, `hsic_BLOCK_FACTOR`,
        and the sizes.
    """
    return measured(blocks, factors, person, clip)[0]


def measured(
    blocks: dict[str, Tensor], factors: dict[str, Tensor], person: Tensor, clip: Tensor
) -> tuple[dict[str, float], dict[tuple[str, str], Answers]]:
    """The suite's flat results, and the answers behind them by block and factor.

    Args:
        blocks: name -> N x D codes; the names in PARTS are used for DCI and HSIC, "full" is the whole code.
        factors: "actions" N x A and "expression" N int64, and where known "yaw", "pitch", "age" and "skin" N x 1 and
            "light" N x 4.
        person: N int64.
        clip: N int64.

    Raises ValueError where there are fewer than four people or a person has one frame only.
    """
    people, person = person.unique(return_inverse=True)
    test_frames, test_people = later_half(person, clip), person % 2 == 1
    if (
        len(people) < 4
        or len(person[~test_frames].unique()) < len(people)
        or len(person[test_frames].unique()) < len(people)
    ):
        raise ValueError("the leakage suite needs four people or more, two frames or more each")
    fit, held, early = ~test_people, test_people, fold_of(person[~test_frames])
    seen, asked, others = (rows.nonzero().flatten() for rows in (~test_frames, test_frames, held))
    first = torch.stack([seen[person[seen] == name][0] for name in range(len(people))])
    numbers = {k: v for k, v in factors.items() if k != "expression"}
    expression = factors["expression"]
    results: dict[str, float] = {
        "n": len(person), "people": len(people),
        "identity_chance": 1 / len(people), "expression_chance": 1 / len(expression[held].unique()),
        "retrieval_chance": float(person[seen].bincount()[person[asked]].float().mean()) / len(early),
    }  # fmt: skip
    answers: dict[tuple[str, str], Answers] = {}
    for block, code in blocks.items():
        named = discriminant_by_folds(code[seen], person[seen], early, code[asked])
        answers[block, "identity"] = Answers("identity", asked, person[asked], named, first[named])
        named = discriminant_by_folds(code[fit], expression[fit], person[fit], code[held])
        answers[block, "expression"] = Answers("expression", others, expression[held], named)
        for name, value in numbers.items():
            found = ridge_by_folds(code[fit], value[fit], person[fit], code[held])
            answers[block, name] = Answers(name, others, value[held], found)
            if name == "actions":
                results[f"actions_corr_from_{block}"] = float(correlation(found, value[held].double()).mean())
        taken = seen[nearest(code[seen], code[asked], 1)[:, 0]]
        answers[block, "retrieval"] = Answers("retrieval", asked, person[asked], person[taken], taken)
    for (block, factor), cell in answers.items():
        results[f"{factor}_from_{block}"] = cell.score()
        results[f"sd_{factor}_{block}"] = cell.spread(person)
    results["identity_leak"] = results["identity_from_expression"] / results["identity_chance"]
    results["expression_leak"] = results["expression_from_identity"] / results["expression_chance"]
    results |= block_dci(results, [name for name in ("yaw", "pitch") if name in factors], "light" in factors)
    rows = torch.linspace(0, len(person) - 1, min(ROWS, len(person))).long()
    kernels = {name: gaussian_kernel(value[rows].double()) for name, value in numbers.items()}
    kernels["identity"] = same_kernel(person[rows])
    for part in PARTS:
        kernel = gaussian_kernel(blocks[part][rows])
        results |= {f"hsic_{part}_{name}": dependence(kernel, other) for name, other in kernels.items()}
    return results, answers


def fold_of(person: Tensor) -> Tensor:
    """Stretch of its person's frames that each row lies in, N int64 in [0, FOLDS); rows in the order of time."""
    out = torch.zeros_like(person)
    for name in person.unique():
        rows = (person == name).nonzero().flatten()
        out[rows] = torch.arange(len(rows)) * FOLDS // len(rows)
    return out


def block_dci(results: dict[str, float], angles: list[str], lit: bool) -> dict[str, float]:
    """Block-level DCI of the matrix of `leakage`: parts x (identity, actions, pose, light)."""

    def row(block: str) -> list[float]:
        values = [above_chance(results[f"identity_from_{block}"], results["identity_chance"])]
        values.append(max(0.0, results[f"actions_from_{block}"]))
        if angles:
            values.append(sum(max(0.0, results[f"{name}_from_{block}"]) for name in angles) / len(angles))
        return values + ([max(0.0, results[f"light_from_{block}"])] if lit else [])

    names = ["identity", "actions", *(["pose"] if angles else []), *(["light"] if lit else [])]
    disentangled, complete, weight = dci(torch.tensor([row(block) for block in PARTS]))
    out = {
        "dci_disentanglement": float((disentangled * weight).sum()),
        "dci_completeness": float(complete.mean()),
        "dci_informativeness": sum(row("full")) / len(names),
    }
    out |= {f"dci_disentanglement_{name}": float(value) for name, value in zip(PARTS, disentangled, strict=True)}
    return out | {f"dci_completeness_{name}": float(value) for name, value in zip(names, complete, strict=True)}


def heat_map(results: dict[str, float], blocks: list[str]) -> Image.Image:
    """The matrix as a picture: a row a factor, a column a block; white at chance, dark green at perfect."""
    rows = [factor for factor in FACTORS if f"{factor}_from_full" in results]
    cell, left, top = (92, 34), 260, 34
    image = Image.new("RGB", (left + cell[0] * len(blocks), top + cell[1] * len(rows)), "white")
    draw = ImageDraw.Draw(image)
    for j, block in enumerate(blocks):
        draw.text((left + (j + 0.5) * cell[0], top / 2), block, fill="black", anchor="mm", font_size=13)
    for i, name in enumerate(rows):
        chance = results.get(f"{name}_chance", 0.0)
        kind = {"identity": "bal. accuracy", "retrieval": "nearest", "expression": "bal. accuracy"}.get(name, "R2")
        y = top + i * cell[1]
        draw.text(
            (6, y + cell[1] / 2), f"{name}, {kind} (chance {chance:.2g})", fill="black", anchor="lm", font_size=13
        )
        for j, block in enumerate(blocks):
            score = results[f"{name}_from_{block}"]
            shade = above_chance(score, chance)
            x = left + j * cell[0]
            colour = tuple(round(255 - shade * (255 - c)) for c in (20, 110, 80))
            draw.rectangle((x, y, x + cell[0] - 2, y + cell[1] - 2), fill=colour)
            ink = "white" if shade > 0.5 else "black"
            draw.text((x + cell[0] / 2, y + cell[1] / 2), f"{score:.3f}", fill=ink, anchor="mm", font_size=13)
    return image


def read_faces(
    pipeline: LatentFacePipeline, kind: str, folder: Path, look: Callable[[Tensor], None] = lambda crops: None
) -> tuple[Codes, list[dict], Tensor, Tensor]:
    """Codes, factors, person and clip (N int64) of held-out frames.

    kind "truth": all people of the folder (swaps left out); "": those of training shards that validate. `look` gets the
    crops that are encoded, in order.
    """
    if kind == "truth":
        read = ((images, factors) for images, factors, _ in stream_clips(folder, pipeline.size))
        total = (
            json.loads((folder / "manifest.json").read_text())["clips"] if (folder / "manifest.json").exists() else 0
        )
    else:
        whole = read_shards(folder, pipeline.size)
        held = whole.subset(whole.validation)
        read = [(held.images[rows], [held.factors[i] for i in rows.tolist()]) for rows in _clips_of(held)]
        total = len(read)
    progress, codes, kept, clip = Progress(total, unit="clips"), [], [], []
    for number, (images, factors) in enumerate(read):
        rows = [i for i, factor in enumerate(factors) if "swap" not in factor]
        rows = [rows[i] for i in torch.linspace(0, len(rows) - 1, min(FRAMES, len(rows))).long().tolist()]
        if not rows:
            continue
        one = Clips(
            images, torch.zeros(len(images), dtype=torch.int64), factors, torch.zeros(len(images), dtype=torch.bool)
        )
        crops = one.centre(torch.tensor(rows), pipeline.size)
        codes.append(pipeline.encode(crops).to("cpu"))
        look(crops)
        kept += [factors[i] for i in rows]
        clip += [number] * len(rows)
        progress(number + 1, line=number + 1 == total)
    if not codes:
        raise ValueError(f"{folder} holds no frames of held-out people")
    joined = Codes.cat(codes)
    names = {name: i for i, name in enumerate(sorted({str(f["person"]) for f in kept}))}
    return joined, kept, torch.tensor([names[str(f["person"])] for f in kept]), torch.tensor(clip)


def _clips_of(clips: Clips) -> list[Tensor]:
    """Rows of each clip: a new one begins where the person changes or the frame number does not grow."""
    frames = [f.get("frame", i) for i, f in enumerate(clips.factors)]
    begins = [
        i for i in range(len(frames)) if i == 0 or clips.person[i] != clips.person[i - 1] or frames[i] <= frames[i - 1]
    ]
    return [torch.arange(a, b) for a, b in zip(begins, [*begins[1:], len(frames)], strict=True)]


def run(checkpoints: list[str], data: list[tuple[str, Path]], out: Path, seed: int = 0) -> dict:
    """The suite: one checkpoint, one truth:SHARDS or training shards; pictures are written beside `out`."""
    if len(checkpoints) != 1 or len(data) != 1 or data[0][0] not in ("", "truth"):
        raise ValueError("the leakage suite takes one --checkpoint and one --data truth:SHARDS or SHARDS")
    pipeline, thumbnails = load_pipeline(checkpoints[0]), Thumbnails()
    codes, factors, person, clip = read_faces(pipeline, *data[0], look=thumbnails.add)
    known, classes = known_factors(factors)
    blocks = code_blocks(pipeline, codes, seed)
    results, answers = measured(blocks, known, person, clip)
    out.parent.mkdir(parents=True, exist_ok=True)
    heat_map(results, list(blocks)).save(out.with_suffix(".png"))
    words = Words(person.tolist(), classes, action_weights(factors)[1])
    write_examples(answers, thumbnails, words, out, seed)
    return {**results, "expressions": classes, "truth_by": truth_by(factors)}
