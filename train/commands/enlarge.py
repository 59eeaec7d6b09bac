"""Command `python -m train enlarge`."""

import argparse

from train.commands.training import add_run_arguments, chosen
from train.stage1 import enlarge


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("--autoencoder", required=True, metavar="RUN|NAME", help="a stage 1 run or a checkpoint")
    add_run_arguments(parser, enlarge.PRESETS)


def run(args: argparse.Namespace) -> None:
    """Train the enlarger."""
    enlarge.train(chosen(enlarge.PRESETS, args), args.data, args.autoencoder, args.out, args.resume)
