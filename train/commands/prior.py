"""Command `python -m train prior`."""

import argparse

from train.commands.training import add_run_arguments, chosen
from train.stage2 import prior


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("--checkpoint", required=True, metavar="NAME|DIR", help="a checkpoint with both stages")
    add_run_arguments(parser, prior.PRESETS)


def run(args: argparse.Namespace) -> None:
    """Train the prior."""
    prior.train(chosen(prior.PRESETS, args), args.data, args.checkpoint, args.out, args.resume)
