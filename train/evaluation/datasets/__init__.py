"""The data sets that probes measure on, `--data KIND:PATH`, each a function and a line of DATASETS.

A reader takes the set's folder or file and returns tasks in one of the three forms (`forms`). It knows its set's
published layout and raises DataError, one line, where a folder is not like that. Which part of a set trains, validates
and reports is the reader's word; where a set has no validation part, the probe takes one out of the training part by
itself. Nothing is decoded before it is asked for.
"""

from collections.abc import Callable
from pathlib import Path
from pkgutil import resolve_name

from train.evaluation.datasets.files import DataError
from train.evaluation.datasets.forms import Task

DATASETS = {
    "lfw": "train.evaluation.datasets.verification:lfw",
    "cplfw": "train.evaluation.datasets.verification:cplfw",
    "slfw": "train.evaluation.datasets.verification:slfw",
    "fer2013": "train.evaluation.datasets.expression:fer2013",
    "rafdb": "train.evaluation.datasets.expression:rafdb",
    "affectnet": "train.evaluation.datasets.expression:affectnet",
    "ckplus": "train.evaluation.datasets.expression:ckplus",
    "affwild2": "train.evaluation.datasets.expression:affwild2",
    "london": "train.evaluation.datasets.expression:london",
    "300wlp": "train.evaluation.datasets.pose:w300lp",
    "aflw2000": "train.evaluation.datasets.pose:aflw2000",
    "biwi": "train.evaluation.datasets.pose:biwi",
    "disfa": "train.evaluation.datasets.units:disfa",
    "bp4d": "train.evaluation.datasets.units:bp4d",
    "truth": "train.evaluation.datasets.truth:truth",
}
"""KIND and the function that reads it; its docstring says the layout."""


def read(kind: str, path: Path) -> list[Task]:
    """Read the tasks of a data set.

    Args:
        kind: one of DATASETS.
        path: the set's folder or file.

    Returns:
        One task or more.

    Raises:
        DataError: no such kind, or the folder is not such a set.
    """
    if kind not in DATASETS:
        raise DataError(f"no reader for --data kind {kind!r}: choose {', '.join(DATASETS)}")
    if not path.exists():
        raise DataError(f"{kind}: {path} does not exist")
    reader: Callable[[Path], list[Task]] = resolve_name(DATASETS[kind])
    try:
        return reader(path)
    except DataError:
        raise
    except (ValueError, IndexError, KeyError, OSError) as error:  # a label file that holds something else
        message, layout = f"{type(error).__name__}: {error}".splitlines()[0], " ".join((reader.__doc__ or "").split())
        raise DataError(f"{kind}: {path} is not laid out as expected ({message}); {layout}") from error
