"""`paper-64` beside `explorer`: both stages of both, on the same data for the same time, and what came of it.

    python -m benchmarks.side_by_side --data data/imagined:3 --data data/people:2 --truth data/truth/validation \
        --minutes 15 --out runs/side

Each preset of stage 1 trains for --minutes (its length is set from the speed of a short trial, so that its learning
rate falls to the end), then each preset of stage 2 sees --codes codes of it. Prints and writes OUT/results.json:
images/s, and the suites depth, leakage and swaps of both on the truth set, each figure with its ratio explorer /
paper-64. OUT keeps the runs; a preset that is done is not run again. With --preset only that one is run: two at once
on half of the cores each (OMP_NUM_THREADS) have the same machine at the same time.
"""

import argparse
import json
import shutil
import time
from dataclasses import replace
from pathlib import Path

import torch

from train.common.run import record
from train.evaluation import suites as evaluate
from train.stage1 import trainer as autoencoder
from train.stage2 import trainer as rdm
from train.stage2.config import PRESETS as RDM_PRESETS

PRESETS = ("paper-64", "explorer")
TRIAL = 640
"""Images of the trial."""
SHOWN = {
    "depth": ("side", "mad_deg", "concave", "reconstruction_l1_head", "ssim", "yaw_deg", "yaw_corr", "pitch_corr"),
    "leakage": (
        "identity_chance", "identity_from_identity", "identity_from_expression",
        "expression_chance", "expression_from_expression", "expression_from_identity",
    ),
    "swaps": ("across_ssim_swap", "across_nearer_a", "across_expression_carried", "across_nearer_b_expression"),
}  # fmt: skip


def last(run: Path) -> dict:
    """The last row of a run's curves."""
    return json.loads((run / "curves.jsonl").read_text().splitlines()[-1])


def train_both(preset: str, data: list[str], minutes: float, codes: int, out: Path) -> dict:
    """Trains a preset's two stages into out/stage1 and out/stage2; its speed and lengths."""
    config = autoencoder.PRESETS[preset]
    trial = autoencoder.train(replace(config, images=TRIAL, basis=-1), data, out / "trial")
    images = int(last(trial)["rate"] * 60 * minutes)
    shutil.rmtree(trial)
    if (
        config.basis >= 0
    ):  # settling the frame takes about two fifths of the time, and on clips an image half as long again
        config = replace(config, basis=3 * images // 10, level=images // 10, align=3 * images // 20, layout=images)
        images = images // 2
    images = max(TRIAL, images // config.batch * config.batch)
    began = time.monotonic()
    first = autoencoder.train(replace(config, images=images), data, out / "stage1")
    spent = time.monotonic() - began
    rdm.train(replace(RDM_PRESETS[preset], images=codes), data, first, out / "stage2")
    return {"images": images, "minutes": spent / 60, "images_a_second": last(first)["rate"]}


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", action="append", required=True, metavar="SHARDS[:WEIGHT]")
    parser.add_argument("--truth", type=Path, required=True, help="a part of the truth set, with its swaps")
    parser.add_argument("--minutes", type=float, default=15)
    parser.add_argument("--codes", type=int, default=150_000)
    parser.add_argument("--preset", choices=PRESETS, help="run this one alone; the table waits for both")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    results = {}
    for preset in [args.preset] if args.preset else PRESETS:
        out = args.out / preset
        if (out / "results.json").exists():
            results[preset] = json.loads((out / "results.json").read_text())
            continue
        results[preset] = train_both(preset, args.data, args.minutes, args.codes, out)
        for suite, names in SHOWN.items():
            found = evaluate.evaluate(
                suite, [str(out / "stage2" / "pipeline")], [f"truth:{args.truth}"], out / f"{suite}.json"
            )
            results[preset] |= {f"{suite} {name}": found[name] for name in names if name in found}
        (out / "results.json").write_text(json.dumps(results[preset], indent=1))
    if args.preset:
        return
    slow, fast = (results[preset] for preset in PRESETS)
    print(f"{'':34}{PRESETS[0]:>12}{PRESETS[1]:>12}{'ratio':>9}")
    for name, value in slow.items():
        ratio = f"{fast[name] / value:9.3f}" if value else ""
        print(f"{name:34}{value:12.4f}{fast[name]:12.4f}{ratio}")
    about = record({"minutes": args.minutes, "codes": args.codes, "threads": torch.get_num_threads()})
    about["command"] = "python -m benchmarks.side_by_side"
    (args.out / "results.json").write_text(json.dumps({**evaluate.rounded(results), **about}, indent=1))


if __name__ == "__main__":
    main()
