"""Command `python -m train truth`."""

import argparse

from train.commands.drawing import add_size_arguments as add_arguments
from train.data.parametric import truth

__all__ = ["add_arguments", "run"]


def run(args: argparse.Namespace) -> None:
    """Draw the truth set."""
    truth.truth_shards(args.size, args.out, args.workers)
