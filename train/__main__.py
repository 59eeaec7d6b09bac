"""`python -m train COMMAND`: data engines, trainers, evaluation and the making of the app's assets."""

import argparse
import os
import signal
import sys
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from importlib import import_module
from pathlib import Path

from latentface.checkpoints import ASSETS

TRAINERS = {
    "autoencoder": "train.stage1.trainer",
    "rdm": "train.stage2.trainer",
    "pcl": "train.contrastive.pcl",
    "simclr": "train.contrastive.simclr",
}
"""Command -> module with PRESETS and train()."""


def main(argv: list[str] | None = None) -> int:
    """Runs one command; returns the exit code: 0, or 2 for wrong input with one line on stderr."""
    parser = argparse.ArgumentParser(prog="python -m train", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    trainers = {
        "autoencoder": "train stage 1, the 3D-aware autoencoder",
        "rdm": "train stage 2, the RDM",
        "pcl": "train PCL, face and pose apart by contrast",
        "simclr": "train SimCLR on PCL's backbone, the baseline",
    }
    for name, text in trainers.items():
        new = commands.add_parser(name, help=text)
        new.add_argument("--preset", default="explorer")
        new.add_argument(
            "--data", action="append", required=True, metavar="SHARDS[:WEIGHT]", help="a shards folder; may be repeated"
        )
        new.add_argument("--out", type=Path, required=True, help="the run's folder")
        new.add_argument("--resume", action="store_true", help="go on with the run in --out")
        new.add_argument("--images", type=int, help="length of the run, in images (codes for the RDM)")
        new.add_argument("--batch", type=int, help="global batch")
        new.add_argument("--seed", type=int)
        new.add_argument("--lr", type=float, help="learning rate; with --resume, for the rest of the run")
        if name == "autoencoder":
            new.add_argument(
                "--start", metavar="RUN", help="begin with this run's weights: a 64 px model grows to 128 px"
            )
            new.add_argument(
                "--basis", type=int, help="images after which the texture basis is fitted; 0 at once, -1 never"
            )
            new.add_argument(
                "--level", type=int, help="images that level the canonical frame before that; 0: it is level"
            )
            new.add_argument("--align", type=int, help="images whose pairs then teach the view; 0: it is known")
            new.add_argument(
                "--layout",
                type=int,
                help="faces then laid over one another, to learn where features lie; 0: it is known",
            )
        if name == "rdm":
            new.add_argument("--autoencoder", type=Path, required=True, metavar="RUN", help="the stage 1 run")
    new = commands.add_parser("import", help="your own faces into shards")
    new.add_argument(
        "source", type=Path, metavar="SOURCE", help="images, folders a person, folders a clip, videos; or a tar of such"
    )
    new.add_argument("--out", type=Path, required=True, metavar="SHARDS")
    new.add_argument(
        "--layout",
        default="auto",
        help="images, people or clips, where the folders do not tell (train/data/import_faces.py)",
    )
    new.add_argument("--frames", type=int, default=16, help="the most that a video or a folder of frames gives")
    new.add_argument("--workers", type=int, default=os.cpu_count(), help="processes; all give the same shards")
    new.add_argument("--aligned", action="store_true", help="the images are standard crops with margin already")
    new.add_argument("--licence", default="unknown", help="for the manifest")
    engines = {
        "imagined": "draw people who do not exist into shards",
        "people": "draw parametric people with exact truth into shards",
    }
    for name, text in engines.items():
        new = commands.add_parser(name, help=text)
        new.add_argument("--people", type=int, required=True)
        new.add_argument("--frames", type=int, default=8)
        new.add_argument("--size", type=int, default=128, help="side of the standard crop in pixels")
        new.add_argument("--seed", type=int, default=0)
        new.add_argument("--workers", type=int, default=os.cpu_count(), help="processes; the bytes do not depend on it")
        new.add_argument("--out", type=Path, required=True, metavar="SHARDS")
        if name == "imagined":
            new.add_argument(
                "--unjudged",
                action="store_true",
                help="fast, on a GPU: no judge looks at what is drawn (train/data/imagined/unjudged.py)",
            )
    new = commands.add_parser("truth", help="draw the fixed truth set: validation, test, and true swaps")
    new.add_argument("--size", type=int, default=128, help="side of the standard crop in pixels")
    new.add_argument("--workers", type=int, default=os.cpu_count(), help="processes; the bytes do not depend on it")
    new.add_argument("--out", type=Path, required=True, metavar="SHARDS")
    new = commands.add_parser(
        "gallery", help="the app's gallery: draw people (with --people), or map the drawn ones again"
    )
    new.add_argument("--people", type=int)
    new.add_argument("--frames", type=int, default=8)
    new.add_argument("--seed", type=int, default=2309)
    new.add_argument("--checkpoint", default="explorer")
    new.add_argument("--out", type=Path, default=ASSETS / "gallery")
    new = commands.add_parser(
        "sheet", help="a contact sheet of shards with factors, and the spread of skin tone, pose and factors"
    )
    new.add_argument("shards", type=Path, metavar="SHARDS")
    new.add_argument("--out", type=Path, required=True, metavar="sheet.png")
    new = commands.add_parser("ship", help="bundle a trained checkpoint in half precision, with its record")
    new.add_argument("--autoencoder", type=Path, metavar="RUN", help="the stage 1 run, with --rdm")
    new.add_argument("--rdm", type=Path, metavar="RUN", help="the stage 2 run")
    new.add_argument("--pcl", type=Path, metavar="RUN", help="a run of PCL, instead of these two")
    new.add_argument("--name", help="default: explorer, or pcl")
    commands.add_parser("report", help="the README's and the cards' tables and pictures")
    new = commands.add_parser("evaluate", help="measure a checkpoint")
    new.add_argument("--suite", required=True, help="depth, swaps, leakage or probes")
    new.add_argument("--checkpoint", action="append", metavar="NAME|DIR", help="default explorer; probes take several")
    new.add_argument(
        "--data", action="append", required=True, metavar="[KIND:]PATH", help="london:FILE.tar with its csv beside it"
    )
    new.add_argument("--seed", type=int, default=0)
    new.add_argument("--out", type=Path, required=True, metavar="results.json")
    args = parser.parse_args(argv)
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))  # a stopped job saves like Ctrl-C
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return _run(args)
    except (ValueError, OSError, ImportError, FloatingPointError, BrokenProcessPool) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130


def _run(args: argparse.Namespace) -> int:
    if args.command in ("autoencoder", "rdm", "pcl", "simclr"):
        trainer = import_module(TRAINERS[args.command])
        presets = trainer.PRESETS
        if args.preset not in presets:
            raise ValueError(f"no preset {args.preset!r} for {args.command}: choose {', '.join(presets)}")
        settable = ("images", "batch", "seed", "lr", "start", "basis", "level", "align", "layout")
        changes = {k: getattr(args, k) for k in settable if getattr(args, k, None) is not None}
        config = replace(presets[args.preset], **changes)
        if args.command == "rdm":
            trainer.train(config, args.data, args.autoencoder, args.out, args.resume)
        else:
            trainer.train(config, args.data, args.out, args.resume)
    elif args.command == "import":
        from train.data.import_faces import import_source

        about = {"licence": args.licence}
        manifest = import_source(args.source, args.out, args.aligned, about, args.layout, args.frames, args.workers)
        print(f"{manifest['frames']:,} frames of {manifest['persons']:,} people in {args.out}")
        for reason, count in manifest["dropped"].items():
            print(f"dropped {count:,}: {reason}")
        if manifest["dropped"]:
            print(f"{args.out / 'dropped.jsonl'} names each")
    elif args.command == "imagined":
        from train.data.imagined.drawing import imagined_shards

        if args.unjudged:
            from train.data.imagined.unjudged import imagined_frames as imagined_shards

        imagined_shards(args.people, args.frames, args.size, args.seed, args.out, args.workers)
    elif args.command == "people":
        from train.data.parametric import people_shards

        people_shards(args.people, args.frames, args.size, args.seed, args.out, args.workers)
    elif args.command == "truth":
        from train.data.parametric.truth import truth_shards

        truth_shards(args.size, args.out, args.workers)
    elif args.command == "gallery":
        from train.release import gallery

        if args.people:
            gallery.draw(args.people, args.frames, args.seed, args.out)
        gallery.build(args.checkpoint, args.out)
    elif args.command == "ship":
        from train.release.report import ship, ship_pcl

        if bool(args.pcl) == bool(args.autoencoder or args.rdm) or bool(args.autoencoder) != bool(args.rdm):
            raise ValueError("ship takes --autoencoder and --rdm, or --pcl")
        if args.pcl:
            ship_pcl(args.pcl, args.name or "pcl")
        else:
            ship(args.autoencoder, args.rdm, args.name or "explorer")
    elif args.command == "report":
        from train.release.report import report

        report()
    elif args.command == "evaluate":
        from train.evaluation.suites import evaluate

        results = evaluate(args.suite, args.checkpoint or ["explorer"], args.data, args.out, args.seed)
        for name, value in results.items():
            if isinstance(value, (int, float)):
                print(f"{name:40} {value:.4g}")
    elif args.command == "sheet":
        from train.common.sheets import shards_sheet
        from train.data.spread import spread

        shards_sheet(args.shards).save(args.out)
        for line in spread(args.shards):
            print(line)
    return 0


if __name__ == "__main__":
    sys.exit(main())
