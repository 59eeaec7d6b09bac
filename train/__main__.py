"""`python -m train COMMAND`: data engines, trainers, evaluation and the making of the app's assets."""

import argparse
import signal
import sys
from dataclasses import replace
from pathlib import Path


def main(argv: list[str] | None = None) -> int:
    """Runs one command; returns the exit code: 0, or 2 for wrong input with one line on stderr."""
    parser = argparse.ArgumentParser(prog="python -m train", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, text in (("autoencoder", "train stage 1, the 3D-aware autoencoder"), ("rdm", "train stage 2, the RDM")):
        new = commands.add_parser(name, help=text)
        new.add_argument("--preset", default="explorer")
        new.add_argument("--data", action="append", required=True, metavar="SHARDS", help="a shards folder; may be repeated")
        new.add_argument("--out", type=Path, required=True, help="the run's folder")
        new.add_argument("--resume", action="store_true", help="go on with the run in --out")
        new.add_argument("--images", type=int, help="length of the run, in images (codes for the RDM)")
        new.add_argument("--seed", type=int)
        if name == "rdm":
            new.add_argument("--autoencoder", type=Path, required=True, metavar="RUN", help="the stage 1 run")

    args = parser.parse_args(argv)
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))  # a stopped job saves like Ctrl-C
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return _run(args)
    except (ValueError, FileExistsError, FileNotFoundError, ImportError, FloatingPointError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def _run(args: argparse.Namespace) -> int:
    if args.command in ("autoencoder", "rdm"):
        from . import autoencoder, rdm

        presets = {"autoencoder": autoencoder, "rdm": rdm}[args.command].PRESETS
        if args.preset not in presets:
            raise ValueError(f"no preset {args.preset!r} for {args.command}: choose {', '.join(presets)}")
        changes = {k: getattr(args, k) for k in ("images", "seed") if getattr(args, k) is not None}
        config = replace(presets[args.preset], **changes)
        if args.command == "autoencoder":
            autoencoder.train(config, args.data, args.out, args.resume)
        else:
            rdm.train(config, args.data, args.autoencoder, args.out, args.resume)
    return 0


if __name__ == "__main__":
    sys.exit(main())
