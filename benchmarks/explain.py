"""What grey and small pictures cost the probes: one task with truth, shown as it is and as FER2013 shows faces.

    python -m benchmarks.explain --truth data/truth --out runs/explain

Facial actions of parametric people, read off the frozen features of explorer, ImageNet's network and HOG: pictures as
they are, grey, and grey at 48 px as FER2013 has them; nothing else differs. Prints the table and writes
OUT/results.json; OUT keeps what is done.
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path

from torch import Tensor

from train.common.run import record
from train.evaluation import suites as evaluate
from train.evaluation.datasets import read
from train.evaluation.datasets.crops import Crops
from train.evaluation.methods import Method, Variant, load_method, resized
from train.evaluation.probes.suite import probe, sample_of

METHODS = ("explorer", "imagenet", "hog")
LOOKS = {"as they are": (False, 0), "grey": (True, 0), "grey, 48 px": (True, 48)}


def seen(method: Method, grey: bool, side: int) -> Method:
    """The method, shown what is left of crops B x 3 x S x S in grey and at `side` pixels (0: as they are)."""

    def encode(images: Tensor, variant: Variant) -> dict[str, Tensor]:
        size = images.shape[-1]
        if grey:
            images = (
                (images * images.new_tensor([0.299, 0.587, 0.114])[:, None, None])
                .sum(1, keepdim=True)
                .expand(-1, 3, -1, -1)
            )
        return method.encode(resized(resized(images, side), size) if side else images, variant)

    return replace(method, encode=encode)


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("truth", "out"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    file = args.out / "results.json"
    rows = json.loads(file.read_text())["looks"] if file.exists() else {}
    task = next(task for task in read("truth", args.truth) if task.task == "actions")
    for name in METHODS:
        for look, change in LOOKS.items():
            if f"{name}, {look}" in rows:
                continue
            found = probe(
                seen(load_method(name), *change),
                task,
                Crops(task.pictures, sample_of(task)),
                args.out / "probe.json",
                0,
            )
            rows[f"{name}, {look}"] = {k: found[f"actions_{k}"] for k in ("f1", "f1_spread", "correlation")}
            about = {**record({}), "command": "python -m benchmarks.explain"}
            file.write_text(json.dumps({**evaluate.rounded({"looks": rows}), **about}, indent=1))
    print("| | F1 | spread | correlation |\n|---|---|---|---|")
    for name, row in rows.items():
        print(f"| {name} | " + " | ".join(f"{value:.3f}" for value in row.values()) + " |")


if __name__ == "__main__":
    main()
