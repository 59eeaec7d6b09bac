"""Command `python -m train relief`."""

import argparse
from pathlib import Path

from train.stage1.relief import fit_relief


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("--autoencoder", required=True, metavar="RUN|NAME", help="a stage 1 run or a checkpoint")
    parser.add_argument("--data", action="append", required=True, metavar="SHARDS", help="a folder; may be repeated")
    parser.add_argument("--out", type=Path, required=True, help="the new run's folder")


def run(args: argparse.Namespace) -> None:
    """Fit the relief and print what was found."""
    found = fit_relief({"start": str(args.autoencoder)}, args.data, args.autoencoder, args.out)
    print(" ".join(f"{name} {value:.4g}" for name, value in found.items()))
