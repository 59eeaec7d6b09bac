"""Sheets of pictures whose numbers were read well and badly."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from train.evaluation.datasets.forms import Values

SHOWN = 8
"""Examples of each kind on a sheet."""


def examples(task: Values, said: Tensor, test: Tensor, out: Path, name: str) -> dict:
    """Write a sheet of test pictures read well and badly (of people who do not exist).

    Well: eight different people from the quarter with the smallest errors; badly: those with the largest.

    Args:
        task: the numbers.
        said: predictions M x T.
        test: M indices of the pictures that report.
        out: the suite's JSON, which the sheet is written beside.
        name: of the method.

    Returns:
        The sheet's file, and the true and predicted numbers of each picture.
    """
    true = torch.from_numpy(task.value).float()[test]
    error = (said - true).abs().mean(1)
    order = error.argsort().tolist()
    group = task.group[test.numpy()]
    quarter = order[: max(1, len(order) // 4)]
    picked = {
        "right": distinct(quarter[:: max(1, len(quarter) // (4 * SHOWN))], group),
        "wrong": distinct(order[::-1], group),
    }
    side, rows = 96, []
    sheet = Image.new("RGB", (SHOWN * side, 2 * side))
    for line, (kind, chosen) in enumerate(picked.items()):
        for column, at in enumerate(chosen):
            picture = Image.fromarray(task.pictures.image(int(test[at]))).resize((side, side), Image.Resampling.LANCZOS)
            sheet.paste(picture, (column * side, line * side))
            rows.append({"kind": kind, **compared(task, true[at], said[at])})
    file = out.with_name(f"{out.stem}_{name}_{task.task}.webp")
    sheet.save(file, quality=80)
    return {"sheet": file.name, "examples": rows}


def compared(task: Values, true: Tensor, said: Tensor) -> dict:
    """List true and predicted numbers by name: all angles, or the three actions that matter most in this picture."""
    rows = (
        range(len(task.names))
        if task.active is None
        else torch.maximum(true, said).argsort(descending=True)[:3].tolist()
    )
    return {
        "true": {task.names[i]: float(true[i]) for i in rows},
        "said": {task.names[i]: float(said[i]) for i in rows},
    }


def distinct(order: list[int], group: np.ndarray) -> list[int]:
    """Take the first SHOWN of different people."""
    seen: dict[int, int] = {}
    for at in order:
        seen.setdefault(int(group[at]), at)
    return list(seen.values())[:SHOWN]
