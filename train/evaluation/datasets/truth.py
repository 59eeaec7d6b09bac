"""The fixed set of parametric people (`python -m train truth`): exact head pose and facial actions of every frame."""

import json
from pathlib import Path

import numpy as np

from train.common.tar_slices import members, read_slice
from train.data.samples import tars_of
from train.evaluation.datasets.files import DataError, Stored, numbered
from train.evaluation.datasets.forms import Pictures, Values

ACTIVE = 0.3
"""Weight from which a facial action counts as active."""


def truth(path: Path) -> list[Values]:
    """SHARDS/validation and SHARDS/test, shards with "pose" and "expression" a frame, as two tasks.

    People of the validation part train the probe, a fifth of them chooses; people of the test part report. Actions that
    are never active in one of the parts are left out.
    """
    names, files, pose, actions, part, person = [], [], [], [], [], []
    for folder in ("validation", "test"):
        tars = tars_of(path / folder)
        if not tars:
            raise DataError(
                f"truth: {path / folder} holds no shards; make them with `python -m train truth --out {path}`"
            )
        for tar in tars:
            places = dict(members(tar))
            for name in sorted(name for name in places if name.endswith(".json")):
                for index, factors in enumerate(json.loads(read_slice(tar, places[name]))):
                    frame = f"{name[:-5]}.{index:02d}.webp"
                    if frame not in places or not {"pose", "expression", "person"} <= set(factors):
                        raise DataError(
                            f"truth: {tar.name} has no picture, pose or expression for frame {index} of {name}"
                        )
                    names.append(f"{folder}/{frame}")
                    files.append(Stored(tar, *places[frame]))
                    pose.append(factors["pose"])
                    actions.append(factors["expression"])
                    part.append("train" if folder == "validation" else "test")
                    person.append(f"{folder}/{factors['person']}")
    pictures, parts, group = Pictures(names, files, "standard"), np.array(part), numbered(person)
    units = sorted({action for weights in actions for action in weights})
    weight = np.array([[weights.get(unit, 0.0) for unit in units] for weights in actions]).reshape(
        len(names), len(units)
    )
    seen = np.all([(weight[parts == p] >= ACTIVE).any(0) for p in ("train", "test")], axis=0)
    tasks = [Values("pose", pictures, np.array(pose, dtype=float), ["yaw", "pitch", "roll"], parts, group)]
    if seen.any():
        units = [unit for unit, keep in zip(units, seen, strict=True) if keep]
        tasks.append(Values("actions", pictures, weight[:, seen], units, parts, group, ACTIVE))
    return tasks
