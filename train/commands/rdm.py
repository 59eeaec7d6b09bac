"""Command `python -m train rdm`."""

import argparse
from pathlib import Path

from train.commands.training import add_run_arguments, chosen
from train.stage2 import trainer
from train.stage2.config import PRESETS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("--autoencoder", type=Path, required=True, metavar="RUN", help="the stage 1 run")
    add_run_arguments(parser, PRESETS)


def run(args: argparse.Namespace) -> None:
    """Train stage 2."""
    trainer.train(chosen(PRESETS, args), args.data, args.autoencoder, args.out, args.resume)
