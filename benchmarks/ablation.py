"""What each part of stage 1 earns: short runs with one thing taken away, measured against the engine's truth.

    python -m benchmarks.ablation --data data/people --truth data/truth/validation --out runs/ablation

The first table's rows train `explorer-small` from nothing for --images images, before any texture basis; the second table's
settle the frame of the first run and go on for half as many with the basis. The second row says how much is noise. Prints both
tables and writes OUT/results.json; OUT keeps every row's run, and a row that is done is not run again.
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path

from train import autoencoder, evaluate
from train.run import record

FROM_NOTHING = {
    "all of it": {},
    "all of it, another seed": {"seed": 1},
    "without confidence": {"log_sigma": (-1.5, -1.5)},
    "without the mirrored reconstruction": {"mirrored": 0.0},
    "without the gradient L1": {"gradient": 0.0},
    "without the perceptual distance": {"perceptual": 0.0},
    "without the Laplacian": {"laplacian": 0.0},
    "without another frame's shape and texture": {"together": 0.0},
    "without the warm-up of depth": {"warm_up": 0},
    "without averaged weights": {"ema": 0.0},
    "light on every pixel of depth": {"model": {"softness": 1}},
    "batches of 64": {"batch": 64},
}
SETTLED = {
    "all of it": {},
    "without a fitted basis": {"basis": -1},
    "without levelling": {"level": 0},
    "without views from pairs": {"align": 0},
    "neither": {"level": 0, "align": 0},
    "without a layout": {"layout": 0},
}
SHOWN = ("reconstruction_l1_head", "ssim", "perceptual", "side", "mad_deg", "yaw_deg", "pitch_centred_deg", "roll_deg", "concave")


def row(name: str, config: autoencoder.AutoencoderConfig, changes: dict, args: argparse.Namespace) -> dict:
    """Trains and measures one row, unless that has been done: the figures SHOWN."""
    out = args.out / name.replace(" ", "_").replace("'", "")
    if (out / "row.json").exists():
        return json.loads((out / "row.json").read_text())
    changes = {**changes, "model": {**config.model, **changes.get("model", {})}}
    autoencoder.train(replace(config, **changes), args.data, out, resume=(out / "state.pt").exists())
    found = evaluate.evaluate("depth", [str(out)], [f"truth:{args.truth}"], out / "depth.json")
    found = {key: found[key] for key in SHOWN}
    (out / "row.json").write_text(json.dumps(found))
    print(f"{name}: " + "  ".join(f"{key} {value:.4f}" for key, value in found.items()), flush=True)
    return found


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", action="append", required=True, metavar="SHARDS[:WEIGHT]")
    parser.add_argument("--truth", type=Path, required=True, help="a part of the truth set")
    parser.add_argument("--images", type=int, default=9_600)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    base = replace(autoencoder.PRESETS["explorer-small"], images=args.images, warm_up=args.images // 2, basis=-1)
    results = {"from nothing": {name: row(name, base, changes, args) for name, changes in FROM_NOTHING.items()}}
    start = str(args.out / "all_of_it")
    lengths = {"images": args.images // 2, "level": args.images // 3, "align": args.images // 2, "layout": 2 * args.images}
    settled = replace(base, start=start, basis=0, **lengths)
    results["settled"] = {name: row(f"settled {name}", settled, changes, args) for name, changes in SETTLED.items()}
    for table, rows in results.items():
        print(f"\n{table:44}" + "".join(f"{key.split('_')[0]:>16}" for key in SHOWN))
        for name, found in rows.items():
            print(f"{name:44}" + "".join(f"{found[key]:16.4f}" for key in SHOWN))
    about = record({"images": args.images})
    about["command"] = "python -m benchmarks.ablation"
    (args.out / "results.json").write_text(json.dumps({**evaluate.rounded(results), **about}, indent=1))


if __name__ == "__main__":
    main()
