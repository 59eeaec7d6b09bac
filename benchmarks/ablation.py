"""What each part of stage 1 earns: short runs with one thing taken away, measured against the engine's truth.

    python -m benchmarks.ablation --data data/people --truth data/truth/validation --out runs/ablation

The first table's rows train `explorer-small` from nothing for --images images, before any texture basis; the second
table's settle the frame of the first run and go on for half as many on clips; the third's go on from there for as
many again. The second row of a table says how much is noise. On clips, figures of leakage stand beside depth's, read
off stage 1 alone: "changing" are the numbers that may change within a person, "kept" the others. Prints the tables
and writes OUT/results.json; OUT keeps every row's run, and a row that is done is not run again.
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path

import torch

from latentface.checkpoints import load_autoencoder
from latentface.codes import Codes
from train.common.run import record
from train.data.reading import read_shards
from train.evaluation import suites as evaluate
from train.evaluation.expressions import known_factors
from train.evaluation.leakage import leakage
from train.stage1 import trainer as autoencoder

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
    "all of it, another seed": {"seed": 1},
    "without a fitted basis": {"basis": -1},
    "without levelling": {"level": 0},
    "without views from pairs": {"align": 0},
    "neither": {"level": 0, "align": 0},
    "without a layout": {"layout": 0},
}
CLIPS = {
    "all of it": {},
    "all of it, another seed": {"seed": 1},
    "every frame from its own codes": {"borrowed": 0.0},
    "without noise": {"noise": 0.0},
    "without the gate": {"gate": 0.0},
    "free to follow the view": {"following": 0.0},
    "free to tell people apart": {"habits": 0.0},
    "the rest free to change": {"unsteady": 0.0},
    "with the critic": {"adversarial": 0.3},
    "an average relief as smooth as what a face adds": {"average_laplacian": 5.0},
    "all of the shading's gradient": {"shading": 1.0},
    "none of the shading's gradient": {"shading": 0.0},
}
SHOWN = (
    "reconstruction_l1_head",
    "ssim",
    "perceptual",
    "side",
    "mad_deg",
    "yaw_deg",
    "pitch_centred_deg",
    "roll_deg",
    "concave",
)


@torch.no_grad()
def told(run: Path, truth: Path) -> dict:
    """What stage 1's changing numbers and the others tell on the truth set, by the suite's probes."""
    model = load_autoencoder(run)
    clips = read_shards([str(truth)], model.size)
    codes = [model.encode(clips.centre(rows, model.size)) for rows in torch.arange(len(clips.person)).split(64)]
    found = Codes.cat(codes)
    both, view, light = found.face, found.view, found.light
    changes = torch.cat([model.expression_mask("shape"), model.expression_mask("texture")])
    blocks = {"identity": both[:, ~changes], "expression": both[:, changes], "view": view, "light": light}
    found = leakage(
        {**blocks, "full": torch.cat([both, view, light], 1)},
        known_factors(clips.factors)[0],
        clips.person,
        clips.person,
    )
    names = {
        "expression_from_changing": "expression_from_expression",
        "expression_from_kept": "expression_from_identity",
        "identity_from_changing": "identity_from_expression",
        "yaw_from_changing": "yaw_from_expression",
    }
    return {shown: found[name] for shown, name in names.items()}


def row(
    name: str, config: autoencoder.AutoencoderConfig, changes: dict, args: argparse.Namespace, on_clips: bool = False
) -> dict:
    """Trains and measures one row, unless that has been done: the figures SHOWN, and on clips told's."""
    out = args.out / name.replace(" ", "_").replace("'", "")
    if (out / "row.json").exists():
        return json.loads((out / "row.json").read_text())
    changes = {**changes, "model": {**config.model, **changes.get("model", {})}}
    autoencoder.train(replace(config, **changes), args.data, out, resume=(out / "state.pt").exists())
    found = evaluate.evaluate("depth", [str(out)], [f"truth:{args.truth}"], out / "depth.json")
    found = {key: found[key] for key in SHOWN} | (told(out, args.truth) if on_clips else {})
    (out / "row.json").write_text(json.dumps(found))
    print(f"{name}: " + "  ".join(f"{key} {value:.4f}" for key, value in found.items()), flush=True)
    return found


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", action="append", required=True, metavar="SHARDS[:WEIGHT]")
    parser.add_argument("--truth", type=Path, required=True, help="a part of the truth set")
    parser.add_argument("--images", type=int, default=9_600)
    parser.add_argument(
        "--settled", metavar="RUN", help="only the third table, from this settled run of `explorer`, all --images long"
    )
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    results = on_clips(args.settled, "explorer", args.images, args) if args.settled else every_table(args)
    for table, rows in results.items():
        names = next(iter(rows.values()))
        print(f"\n| {table} | " + " | ".join(names) + " |\n|---|" + "---|" * len(names))
        for name, found in rows.items():
            print(f"| {name} | " + " | ".join(f"{value:.3g}" for value in found.values()) + " |")
    about = record({"images": args.images})
    about["command"] = "python -m benchmarks.ablation"
    (args.out / "results.json").write_text(json.dumps({**evaluate.rounded(results), **about}, indent=1))


def on_clips(start: str, preset: str, images: int, args: argparse.Namespace) -> dict:
    """The third table, from a settled run."""
    base = replace(autoencoder.PRESETS[preset], start=start, images=images, basis=-1)
    return {
        "on clips": {name: row(f"clips {name}", base, changes, args, on_clips=True) for name, changes in CLIPS.items()}
    }


def every_table(args: argparse.Namespace) -> dict:
    """All three, one on top of the other."""
    base = replace(autoencoder.PRESETS["explorer-small"], images=args.images, warm_up=args.images // 2, basis=-1)
    results = {"from nothing": {name: row(name, base, changes, args) for name, changes in FROM_NOTHING.items()}}
    start = str(args.out / "all_of_it")
    lengths = {
        "images": args.images // 2,
        "level": args.images // 3,
        "align": args.images // 2,
        "layout": 2 * args.images,
    }
    settled = replace(base, start=start, basis=0, **lengths)
    results["settled"] = {name: row(f"settled {name}", settled, changes, args) for name, changes in SETTLED.items()}
    return results | on_clips(str(args.out / "settled_all_of_it"), "explorer-small", args.images // 2, args)


if __name__ == "__main__":
    main()
