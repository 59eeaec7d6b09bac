"""`python -m train COMMAND`: data engines, trainers, evaluation and the making of the app's assets."""

import argparse
import signal
import sys
from dataclasses import replace
from importlib import import_module
from pathlib import Path

from latentface.pipeline import ASSETS


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
        new.add_argument("--data", action="append", required=True, metavar="SHARDS", help="a shards folder; may be repeated")
        new.add_argument("--out", type=Path, required=True, help="the run's folder")
        new.add_argument("--resume", action="store_true", help="go on with the run in --out")
        new.add_argument("--images", type=int, help="length of the run, in images (codes for the RDM)")
        new.add_argument("--seed", type=int)
        new.add_argument("--lr", type=float, help="learning rate; with --resume, for the rest of the run")
        if name == "autoencoder":
            new.add_argument("--start", metavar="RUN", help="begin with this run's weights: a 64 px model grows to 128 px")
        if name == "rdm":
            new.add_argument("--autoencoder", type=Path, required=True, metavar="RUN", help="the stage 1 run")
    new = commands.add_parser("import", help="your own faces into shards")
    new.add_argument("source", type=Path, metavar="SOURCE", help="a folder of images or of folders a person, or a tar of such")
    new.add_argument("--out", type=Path, required=True, metavar="SHARDS")
    new.add_argument("--aligned", action="store_true", help="the images are standard crops with margin already")
    new.add_argument("--licence", default="unknown", help="for the manifest")
    new = commands.add_parser("imagined", help="draw people who do not exist into shards")
    new.add_argument("--people", type=int, required=True)
    new.add_argument("--frames", type=int, default=8)
    new.add_argument("--size", type=int, default=128, help="side of the standard crop in pixels")
    new.add_argument("--seed", type=int, default=0)
    new.add_argument("--out", type=Path, required=True, metavar="SHARDS")
    new = commands.add_parser("gallery", help="the app's gallery: draw people (with --people), or map the drawn ones again")
    new.add_argument("--people", type=int)
    new.add_argument("--frames", type=int, default=8)
    new.add_argument("--seed", type=int, default=2309)
    new.add_argument("--checkpoint", default="explorer")
    new.add_argument("--out", type=Path, default=ASSETS / "gallery")
    new = commands.add_parser("sheet", help="a contact sheet of shards")
    new.add_argument("shards", type=Path, metavar="SHARDS")
    new.add_argument("--out", type=Path, required=True, metavar="sheet.png")
    new = commands.add_parser("ship", help="bundle a trained checkpoint in half precision, with its record")
    new.add_argument("--autoencoder", type=Path, required=True, metavar="RUN", help="the stage 1 run")
    new.add_argument("--rdm", type=Path, required=True, metavar="RUN", help="the stage 2 run")
    new.add_argument("--name", default="explorer")
    new = commands.add_parser("report", help="the README's pictures")
    new.add_argument("--checkpoint", default="explorer")
    new = commands.add_parser("evaluate", help="measure a checkpoint")
    new.add_argument("--suite", required=True, help="swaps or probes")
    new.add_argument("--checkpoint", action="append", metavar="NAME|DIR", help="default explorer; probes take several")
    new.add_argument("--data", action="append", required=True, metavar="[KIND:]PATH", help="london:FILE.tar with its csv beside it")
    new.add_argument("--seed", type=int, default=0)
    new.add_argument("--out", type=Path, required=True, metavar="results.json")
    args = parser.parse_args(argv)
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))  # a stopped job saves like Ctrl-C
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return _run(args)
    except (ValueError, FileExistsError, FileNotFoundError, ImportError, FloatingPointError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130


def _run(args: argparse.Namespace) -> int:
    if args.command in ("autoencoder", "rdm", "pcl", "simclr"):
        trainer = import_module(f".{args.command}", __package__)
        presets = trainer.PRESETS
        if args.preset not in presets:
            raise ValueError(f"no preset {args.preset!r} for {args.command}: choose {', '.join(presets)}")
        changes = {k: getattr(args, k) for k in ("images", "seed", "lr", "start") if getattr(args, k, None) is not None}
        config = replace(presets[args.preset], **changes)
        if args.command == "rdm":
            trainer.train(config, args.data, args.autoencoder, args.out, args.resume)
        else:
            trainer.train(config, args.data, args.out, args.resume)
    elif args.command == "import":
        from .importing import import_source

        manifest = import_source(args.source, args.out, args.aligned, {"licence": args.licence})
        print(f"{manifest['frames']:,} frames of {manifest['persons']:,} people in {args.out}; dropped {manifest['dropped']:,}")
    elif args.command == "imagined":
        from .gallery import imagined_shards

        imagined_shards(args.people, args.frames, args.size, args.seed, args.out)
    elif args.command == "gallery":
        from . import gallery

        if args.people:
            gallery.draw(args.people, args.frames, args.seed, args.out)
        gallery.build(args.checkpoint, args.out)
    elif args.command == "ship":
        from .report import ship

        ship(args.autoencoder, args.rdm, args.name)
    elif args.command == "report":
        from .report import report

        report(args.checkpoint)
    elif args.command == "evaluate":
        from .evaluate import evaluate

        results = evaluate(args.suite, args.checkpoint or ["explorer"], args.data, args.out, args.seed)
        for name, value in results.items():
            if isinstance(value, (int, float)):
                print(f"{name:40} {value:.4g}")
    elif args.command == "sheet":
        from .sheets import shards_sheet

        shards_sheet(args.shards).save(args.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
