"""`python -m train COMMAND`: data engines, trainers, evaluation and the making of the app's assets."""

import argparse
import sys
from dataclasses import replace
from pathlib import Path


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m train", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)

    new = commands.add_parser("autoencoder", help="train stage 1, the 3D-aware autoencoder")
    new.add_argument("--preset", default="explorer")
    new.add_argument("--data", action="append", required=True, metavar="SHARDS")
    new.add_argument("--out", type=Path, required=True)
    new.add_argument("--resume", action="store_true")
    new.add_argument("--images", type=int, help="length of the run, in images")
    new.add_argument("--seed", type=int)

    args = parser.parse_args(argv)
    changes = {k: getattr(args, k) for k in ("images", "seed") if getattr(args, k, None) is not None}
    if args.command == "autoencoder":
        from . import autoencoder

        config = replace(autoencoder.PRESETS[args.preset], **changes)
        autoencoder.train(config, args.data, args.out, args.resume)
    return 0


if __name__ == "__main__":
    sys.exit(main())
